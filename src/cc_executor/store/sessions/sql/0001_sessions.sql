-- Schema 1: clients' places in the streams. Instants are seconds since the epoch, UTC.

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    fingerprint TEXT NOT NULL,  -- SHA-256 of the resume token, hexadecimal
    created_at REAL NOT NULL,
    last_seen_at REAL NOT NULL,
    generation INTEGER NOT NULL,
    lease_until REAL,  -- NULL: given back
    ends_at REAL NOT NULL,
    subscriptions TEXT NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_lease ON sessions (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX sessions_by_end ON sessions (ends_at, id);
