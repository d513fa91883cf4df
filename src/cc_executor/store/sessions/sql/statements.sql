-- Every statement on sessions by its name.

-- name: get
SELECT
    id, principal, fingerprint, created_at, last_seen_at, generation, lease_until, subscriptions
FROM sessions WHERE id = :id;

-- name: put
INSERT INTO sessions (
    id, principal, fingerprint, created_at, last_seen_at, generation, lease_until, ends_at,
    subscriptions
) VALUES (
    :id, :principal, :fingerprint, :created_at, :last_seen_at, :generation, :lease_until, :ends_at,
    :subscriptions
)
ON CONFLICT (id) DO UPDATE SET
    last_seen_at = excluded.last_seen_at,
    generation = excluded.generation,
    lease_until = excluded.lease_until,
    ends_at = excluded.ends_at,
    subscriptions = excluded.subscriptions;

-- name: drop
DELETE FROM sessions WHERE id = :id;

-- name: count
SELECT count(*) FROM sessions;

-- name: count_live
SELECT count(*) FROM sessions WHERE lease_until > :now;

-- name: first_idle
SELECT id FROM sessions
WHERE lease_until IS NULL OR lease_until <= :now
ORDER BY ends_at, id LIMIT 1;

-- name: drop_ended
DELETE FROM sessions WHERE ends_at <= :now;
