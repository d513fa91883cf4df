-- Schema 1: executions with their tasks, attempts, events and requests.
-- What is asked for or must be unique has a column; the rest of a record is JSON. What never
-- changes and may be large (a list with its prompts) has a table of its own, so that a change of
-- state rewrites a small row.

CREATE TABLE executions (
    id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at REAL NOT NULL,
    ended_at REAL,
    generation INTEGER NOT NULL,
    owner TEXT,
    continues TEXT
) STRICT;

CREATE INDEX executions_by_age ON executions (created_at, id);
CREATE INDEX executions_by_state ON executions (state, created_at, id);
CREATE INDEX executions_unfinished ON executions (created_at, id) WHERE ended_at IS NULL;

CREATE TABLE task_lists (
    execution_id TEXT NOT NULL PRIMARY KEY REFERENCES executions (id),
    body TEXT NOT NULL
) STRICT;

-- A task's spec is entry `number` of its execution's list.
CREATE TABLE tasks (
    id TEXT NOT NULL PRIMARY KEY,
    execution_id TEXT NOT NULL REFERENCES executions (id),
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    counts INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    started_at REAL,
    ended_at REAL,
    outcome TEXT,
    carried_from TEXT,
    UNIQUE (execution_id, number)
) STRICT;

-- An execution's state follows from the states of its tasks, whatever their number.
CREATE INDEX tasks_by_state ON tasks (execution_id, state, number) WHERE counts;

CREATE TABLE attempts (
    task_id TEXT NOT NULL REFERENCES tasks (id),
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at REAL NOT NULL,
    agent_session_id TEXT,
    pid INTEGER,
    ended_at REAL,
    outcome TEXT,
    UNIQUE (task_id, number)
) STRICT;

-- The lease of an agent's session: two attempts at once would fork it silently.
CREATE UNIQUE INDEX session_leases ON attempts (agent, agent_session_id)
WHERE agent_session_id IS NOT NULL AND ended_at IS NULL;

CREATE TABLE events (
    execution_id TEXT NOT NULL REFERENCES executions (id),
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    task_id TEXT,
    attempt INTEGER,
    data TEXT NOT NULL,
    PRIMARY KEY (execution_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT NOT NULL REFERENCES executions (id),
    task_id TEXT,
    wish TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;

CREATE INDEX requests_by_execution ON requests (execution_id, seq);
