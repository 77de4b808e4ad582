-- Users can be changed in part, joined with a session, and forgotten: of a forgotten one nothing stays but a keyed
-- hash of the id. Lists that were shown are found by whom they were shown to.

CREATE TABLE IF NOT EXISTS tacit_user_change (
    user_id VARCHAR(256) NOT NULL,
    attributes TEXT NOT NULL,
    at FLOAT(53) NOT NULL,
    PRIMARY KEY (user_id)
);

CREATE TABLE IF NOT EXISTS tacit_merge (
    user_id VARCHAR(256) NOT NULL,
    session_id VARCHAR(256) NOT NULL,
    at FLOAT(53) NOT NULL,
    PRIMARY KEY (user_id, session_id)
);

CREATE TABLE IF NOT EXISTS tacit_forgotten (
    number BIGINT NOT NULL,
    subject VARCHAR(8) NOT NULL,
    digest BYTEA NOT NULL,
    at FLOAT(53) NOT NULL,
    model VARCHAR(64) NOT NULL,
    code INTEGER NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (digest)
);

CREATE INDEX IF NOT EXISTS tacit_exposure_by_subject ON tacit_exposure (subject, subject_id);
