-- Schema 4: what attempts took, for forecasts, and what each was expected to take.
-- Observations belong to no execution: they stay when those are removed.

CREATE TABLE observations (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL,
    digest TEXT NOT NULL,
    at REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX observations_by_agent ON observations (agent, seq, digest);

ALTER TABLE attempts ADD COLUMN forecast TEXT;
