-- KEYS[3]: the session. Arguments: its id, the fingerprint of the token that was shown, who shows it.
local key = KEYS[3]
local id, fingerprint, principal = ARGV[FIRST], ARGV[FIRST + 1], ARGV[FIRST + 2]

local kept = redis.call('HMGET', key, 'fingerprint', 'principal')
if not exists(key) or kept[1] ~= fingerprint or kept[2] ~= principal then
    return {'missing'}
end
if not is_live(id) and not has_room() then
    return {'full'}
end
redis.call('HINCRBY', key, 'generation', 1)
touch(key, id, NOW + LEASE_S)
return {'ok', redis.call('HGETALL', key)}
