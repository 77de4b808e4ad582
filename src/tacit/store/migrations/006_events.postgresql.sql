-- Of an event: the time that its sender told and the time of its receipt, the list in which the item was shown,
-- and where it comes from. Of a list: the propensities of its items. Digests, so that a changed bit is found.

ALTER TABLE tacit_event ADD COLUMN IF NOT EXISTS told FLOAT(53);

ALTER TABLE tacit_event ADD COLUMN IF NOT EXISTS received FLOAT(53);

ALTER TABLE tacit_event ADD COLUMN IF NOT EXISTS recommendation_id VARCHAR(256);

ALTER TABLE tacit_event ADD COLUMN IF NOT EXISTS position INTEGER;

ALTER TABLE tacit_event ADD COLUMN IF NOT EXISTS source VARCHAR(256);

DROP INDEX IF EXISTS tacit_event_by_subject;

CREATE INDEX IF NOT EXISTS tacit_event_history
ON tacit_event (subject, subject_id, at, number, event, item_id, source);

ALTER TABLE tacit_exposure ADD COLUMN IF NOT EXISTS propensities TEXT;

ALTER TABLE tacit_exposure ADD COLUMN IF NOT EXISTS digest BYTEA;

CREATE INDEX IF NOT EXISTS tacit_exposure_by_time ON tacit_exposure (at);

ALTER TABLE tacit_item_vector ADD COLUMN IF NOT EXISTS digest BYTEA;
