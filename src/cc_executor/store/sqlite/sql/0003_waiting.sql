-- Schema 3: why a task waits before its next attempt, and what is known of usage windows.

ALTER TABLE tasks ADD COLUMN waiting TEXT;

-- Of each login (a salted hash, never the secret), and of each of its windows by the agent's name
-- for it: what was reported last.
CREATE TABLE usage_windows (
    credential TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    resets_at REAL,
    utilization REAL,
    seen_at REAL NOT NULL,
    PRIMARY KEY (credential, name)
) STRICT, WITHOUT ROWID;
