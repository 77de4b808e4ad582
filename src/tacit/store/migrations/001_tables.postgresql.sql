-- The tables of the first version, unless an earlier try or a version without migrations made them.

CREATE TABLE IF NOT EXISTS tacit_meta (
    key VARCHAR(64) NOT NULL,
    value TEXT,
    PRIMARY KEY (key)
);

CREATE TABLE IF NOT EXISTS tacit_event (
    number BIGSERIAL NOT NULL,
    event_id VARCHAR(256) NOT NULL,
    subject VARCHAR(8) NOT NULL,
    subject_id VARCHAR(256) NOT NULL,
    item_id VARCHAR(256) NOT NULL,
    event VARCHAR(256) NOT NULL,
    at FLOAT(53) NOT NULL,
    value FLOAT(53),
    digest BYTEA NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (event_id)
);

CREATE INDEX IF NOT EXISTS tacit_event_by_subject ON tacit_event (subject, subject_id, at);

CREATE TABLE IF NOT EXISTS tacit_item (
    item_id VARCHAR(256) NOT NULL,
    attributes TEXT NOT NULL,
    at FLOAT(53) NOT NULL,
    PRIMARY KEY (item_id)
);

CREATE TABLE IF NOT EXISTS tacit_user (
    user_id VARCHAR(256) NOT NULL,
    attributes TEXT NOT NULL,
    at FLOAT(53) NOT NULL,
    PRIMARY KEY (user_id)
);

CREATE TABLE IF NOT EXISTS tacit_exposure (
    recommendation_id VARCHAR(36) NOT NULL,
    subject VARCHAR(8) NOT NULL,
    subject_id VARCHAR(256),
    model VARCHAR(64) NOT NULL,
    items TEXT NOT NULL,
    at FLOAT(53) NOT NULL,
    PRIMARY KEY (recommendation_id)
);
