-- KEYS[3]: the new session. Arguments: its id, its token's fingerprint, its principal.
local key = KEYS[3]
local id, fingerprint, principal = ARGV[FIRST], ARGV[FIRST + 1], ARGV[FIRST + 2]

-- Asked again because the connection broke before the answer: it is there already.
if redis.call('HGET', key, 'fingerprint') == fingerprint then
    return {'ok', redis.call('HGETALL', key)}
end
if not has_room() then
    return {'full'}
end
drop_ended()
local excess = redis.call('ZCARD', ENDS) - MAX_KEPT + 1
if excess > 0 then
    -- Fewer than MAX_SESSIONS are live, so among the first ones are enough that are idle.
    local last = MAX_SESSIONS + math.min(excess, 1000)
    for _, other in ipairs(redis.call('ZRANGE', ENDS, 0, last)) do
        if excess > 0 and not is_live(other) then
            drop(other)
            excess = excess - 1
        end
    end
end
redis.call(
    'HSET', key,
    'id', id,
    'principal', principal,
    'fingerprint', fingerprint,
    'created_at', text(NOW),
    'generation', '1',
    'subscriptions', '{}'
)
touch(key, id, NOW + LEASE_S)
return {'ok', redis.call('HGETALL', key)}
