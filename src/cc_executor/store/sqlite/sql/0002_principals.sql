-- Schema 2: who submitted an execution, for servers with several users.
-- NULL: whoever may read the state directory did, without a server.

ALTER TABLE executions ADD COLUMN principal TEXT;

CREATE INDEX executions_by_principal ON executions (principal, created_at, id);
CREATE INDEX executions_unfinished_by_principal ON executions (principal) WHERE ended_at IS NULL;
