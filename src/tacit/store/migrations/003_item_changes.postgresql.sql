-- What was changed of an item without replacing it: attributes that stand in place of its own, and whether it
-- was deleted. It belongs to items of a snapshot too, of which tacit_item has no row.

CREATE TABLE IF NOT EXISTS tacit_item_change (
    item_id VARCHAR(256) NOT NULL,
    attributes TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    at FLOAT(53) NOT NULL,
    PRIMARY KEY (item_id)
);
