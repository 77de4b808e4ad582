-- Stores of version 1 differ by the build that made them: the first ones have no table of users, and number
-- events in 4 bytes, which ends at 2,147,483,647 events. Where the numbers have 8 bytes already, PostgreSQL
-- rewrites nothing.

CREATE TABLE IF NOT EXISTS tacit_user (
    user_id VARCHAR(256) NOT NULL,
    attributes TEXT NOT NULL,
    at FLOAT(53) NOT NULL,
    PRIMARY KEY (user_id)
);

ALTER TABLE tacit_event ALTER COLUMN number TYPE BIGINT;

ALTER SEQUENCE tacit_event_number_seq AS BIGINT;
