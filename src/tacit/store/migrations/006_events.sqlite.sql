-- Of an event: the time that its sender told and the time of its receipt, the list in which the item was shown,
-- and where it comes from. Of a list: the propensities of its items. Digests, so that a changed bit is found.

ALTER TABLE tacit_event ADD COLUMN told FLOAT;

ALTER TABLE tacit_event ADD COLUMN received FLOAT;

ALTER TABLE tacit_event ADD COLUMN recommendation_id VARCHAR(256);

ALTER TABLE tacit_event ADD COLUMN position INTEGER;

ALTER TABLE tacit_event ADD COLUMN source VARCHAR(256);

DROP INDEX IF EXISTS tacit_event_by_subject;

CREATE INDEX IF NOT EXISTS tacit_event_history
ON tacit_event (subject, subject_id, at, number, event, item_id, source);

ALTER TABLE tacit_exposure ADD COLUMN propensities TEXT;

ALTER TABLE tacit_exposure ADD COLUMN digest BLOB;

CREATE INDEX IF NOT EXISTS tacit_exposure_by_time ON tacit_exposure (at);

ALTER TABLE tacit_item_vector ADD COLUMN digest BLOB;

-- The small tables have an index of all their columns: an integrity check compares both.

CREATE INDEX IF NOT EXISTS tacit_meta_whole ON tacit_meta ("key", value);

CREATE INDEX IF NOT EXISTS tacit_item_whole ON tacit_item (item_id, attributes, at);

CREATE INDEX IF NOT EXISTS tacit_item_change_whole ON tacit_item_change (item_id, attributes, deleted, at);

CREATE INDEX IF NOT EXISTS tacit_item_number_whole ON tacit_item_number (item_id, number, put, first);

CREATE INDEX IF NOT EXISTS tacit_user_whole ON tacit_user (user_id, attributes, at);

CREATE INDEX IF NOT EXISTS tacit_user_change_whole ON tacit_user_change (user_id, attributes, at);

CREATE INDEX IF NOT EXISTS tacit_forgotten_whole ON tacit_forgotten (number, subject, digest, at, model, code);
