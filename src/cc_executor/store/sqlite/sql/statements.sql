-- Every statement of the store by its name.

-- name: execution_row
SELECT id, state, generation FROM executions WHERE id = :id;

-- name: task_row
SELECT id, execution_id, name, state, attempts FROM tasks WHERE id = :id;

-- name: attempt_state
SELECT state FROM attempts WHERE task_id = :task_id AND number = :number;

-- name: session_holder
SELECT task_id, number FROM attempts
WHERE agent = :agent AND agent_session_id = :agent_session_id AND ended_at IS NULL;

-- name: counted_states
-- One seek per state, however long the list is; NULL where no task has the state.
SELECT state.value, (
    SELECT min(number) FROM tasks
    WHERE execution_id = :execution_id AND state = state.value AND counts
) AS first
FROM json_each(:states) AS state
ORDER BY first;

-- name: last_seq
SELECT max(seq) FROM events WHERE execution_id = :execution_id;

-- name: add_execution
INSERT INTO executions (
    id, host, state, created_at, ended_at, generation, owner, continues, principal
) VALUES (
    :id, :host, :state, :created_at, :ended_at, :generation, :owner, :continues, :principal
);

-- name: add_task_list
INSERT INTO task_lists (execution_id, body) VALUES (:execution_id, :body);

-- name: add_task
INSERT INTO tasks (
    id, execution_id, number, name, state, counts, attempts, started_at, ended_at, outcome,
    carried_from
) VALUES (
    :id, :execution_id, :number, :name, :state, :counts, :attempts, :started_at, :ended_at,
    :outcome, :carried_from
);

-- name: add_attempt
INSERT INTO attempts (task_id, number, state, agent, created_at, agent_session_id, forecast)
VALUES (:task_id, :number, :state, :agent, :created_at, :agent_session_id, :forecast);

-- name: count_attempt
UPDATE tasks SET attempts = :number, waiting = NULL WHERE id = :task_id;

-- name: add_event
INSERT INTO events (execution_id, seq, at, kind, task_id, attempt, data)
VALUES (:execution_id, :seq, :at, :kind, :task_id, :attempt, :data);

-- name: add_request
INSERT INTO requests (execution_id, task_id, wish, at)
VALUES (:execution_id, :task_id, :wish, :at)
RETURNING seq;

-- name: give_execution
UPDATE executions SET generation = :generation, owner = :owner WHERE id = :id;

-- name: move_execution
UPDATE executions SET state = :state, ended_at = :ended_at WHERE id = :id;

-- name: move_task
UPDATE tasks SET
    state = :state,
    started_at = coalesce(:started_at, started_at),
    ended_at = coalesce(:ended_at, ended_at),
    outcome = coalesce(:outcome, outcome),
    waiting = CASE WHEN :ended_at IS NULL THEN waiting END
WHERE id = :id;

-- name: set_waiting
UPDATE tasks SET waiting = :waiting WHERE id = :id;

-- name: put_window
INSERT INTO usage_windows (credential, name, status, resets_at, utilization, seen_at)
VALUES (:credential, :name, :status, :resets_at, :utilization, :seen_at)
ON CONFLICT (credential, name) DO UPDATE SET
    status = excluded.status,
    resets_at = excluded.resets_at,
    utilization = excluded.utilization,
    seen_at = excluded.seen_at
WHERE excluded.seen_at >= usage_windows.seen_at;

-- name: run_attempt
UPDATE attempts SET state = :state, pid = :pid WHERE task_id = :task_id AND number = :number;

-- name: end_attempt
UPDATE attempts SET state = :state, ended_at = :ended_at, outcome = :outcome
WHERE task_id = :task_id AND number = :number;

-- name: account
SELECT name, spent, reserved, unknown, holders FROM budget_accounts WHERE name = :name;

-- name: put_account
INSERT INTO budget_accounts (name, spent, reserved, unknown, holders)
VALUES (:name, :spent, :reserved, :unknown, :holders)
ON CONFLICT (name) DO UPDATE SET
    spent = excluded.spent,
    reserved = excluded.reserved,
    unknown = excluded.unknown,
    holders = excluded.holders;

-- name: holds
SELECT attempt_id, account, reserved, allowed, settled
FROM budget_holds WHERE attempt_id = :attempt_id
ORDER BY account;

-- name: put_hold
INSERT INTO budget_holds (attempt_id, account, reserved, allowed, settled)
VALUES (:attempt_id, :account, :reserved, :allowed, :settled)
ON CONFLICT (attempt_id, account) DO UPDATE SET settled = excluded.settled;

-- name: drop_hold
DELETE FROM budget_holds WHERE attempt_id = :attempt_id AND account = :account;

-- name: execution
SELECT id, host, state, created_at, ended_at, generation, owner, continues, principal
FROM executions WHERE id = :id;

-- name: task_list
SELECT body FROM task_lists WHERE execution_id = :execution_id;

-- name: execution_ids
-- A range, not LIKE: the prefix may hold any character, and a range uses the index.
SELECT id FROM executions
WHERE id >= :prefix AND id < :end
ORDER BY id
LIMIT :limit;

-- name: executions
SELECT id, host, state, created_at, ended_at, generation, owner, continues, principal
FROM executions
WHERE (created_at, id) < (:created_at, :id)
    AND (:principal IS NULL OR principal = :principal)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: executions_in
SELECT id, host, state, created_at, ended_at, generation, owner, continues, principal
FROM executions
WHERE state IN (SELECT value FROM json_each(:states))
    AND (created_at, id) < (:created_at, :id)
    AND (:principal IS NULL OR principal = :principal)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: unfinished
SELECT id, host, state, created_at, ended_at, generation, owner, continues, principal
FROM executions WHERE ended_at IS NULL
ORDER BY created_at, id;

-- name: count_unfinished
SELECT count(*) FROM executions WHERE ended_at IS NULL AND principal = :principal;

-- name: tasks
-- With what is known of the latest attempt.
SELECT
    tasks.id, execution_id, tasks.number, tasks.state, tasks.attempts, started_at, tasks.ended_at,
    tasks.outcome, carried_from, waiting, attempts.created_at, forecast
FROM tasks LEFT JOIN attempts ON task_id = tasks.id AND attempts.number = tasks.attempts
WHERE execution_id = :execution_id
ORDER BY tasks.number;

-- name: attempts
SELECT
    task_id, number, state, agent, created_at, agent_session_id, pid, ended_at, outcome, forecast
FROM attempts WHERE task_id = :task_id
ORDER BY number;

-- name: usage_windows
SELECT credential, name, status, resets_at, utilization, seen_at
FROM usage_windows WHERE credential BETWEEN :first AND :last
ORDER BY credential, name;

-- name: events
SELECT seq, at, execution_id, kind, task_id, attempt, data
FROM events WHERE execution_id = :execution_id AND seq > :after_seq
ORDER BY seq
LIMIT :limit;

-- name: requests
SELECT seq, execution_id, task_id, wish, at
FROM requests WHERE execution_id = :execution_id AND seq > :after_seq
ORDER BY seq;

-- name: add_observation
INSERT INTO observations (agent, digest, at, body) VALUES (:agent, :digest, :at, :body);

-- name: observations
-- The index has all that decides; bodies are read of those that are returned.
SELECT body FROM observations WHERE seq IN (
    SELECT seq FROM (
        SELECT seq, row_number() OVER (PARTITION BY digest ORDER BY seq DESC) AS place
        FROM (
            SELECT seq, digest FROM observations WHERE agent = :agent
            ORDER BY seq DESC
            LIMIT :reach
        )
    )
    WHERE place <= :each
    ORDER BY seq DESC
    LIMIT :limit
)
ORDER BY seq DESC;

-- name: version
PRAGMA data_version;
