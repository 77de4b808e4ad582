-- Several processes answer from one store: each asks for the items whose last change has a higher number than
-- those it knows. What was stored before has numbers below zero, in the order in which items were read then.

CREATE TABLE IF NOT EXISTS tacit_item_number (
    item_id VARCHAR(256) NOT NULL,
    number BIGINT NOT NULL,
    put BIGINT,
    first BIGINT NOT NULL,
    PRIMARY KEY (item_id)
);

CREATE INDEX IF NOT EXISTS tacit_item_by_number ON tacit_item_number (number);

CREATE TABLE IF NOT EXISTS tacit_item_vector (
    item_id VARCHAR(256) NOT NULL,
    model VARCHAR(256) NOT NULL,
    text_digest BYTEA NOT NULL,
    vector BYTEA NOT NULL,
    PRIMARY KEY (item_id)
);

INSERT INTO tacit_item_number (item_id, number, put, first)
SELECT item_id, place, place, place FROM (
    SELECT item_id, ROW_NUMBER() OVER (ORDER BY at, item_id) - COUNT(*) OVER () - 1 AS place FROM tacit_item
) AS stored
WHERE true
ON CONFLICT (item_id) DO NOTHING;

INSERT INTO tacit_item_number (item_id, number, put, first)
SELECT item_id, -1, NULL, -1 FROM tacit_item_change
WHERE true
ON CONFLICT (item_id) DO NOTHING;
