-- Stores of version 1 differ by the build that made them: the first ones have no table of users.
-- Numbers of events need no change here: an INTEGER PRIMARY KEY of SQLite has always had 8 bytes.

CREATE TABLE IF NOT EXISTS tacit_user (
    user_id VARCHAR(256) NOT NULL,
    attributes TEXT NOT NULL,
    at FLOAT NOT NULL,
    PRIMARY KEY (user_id)
);
