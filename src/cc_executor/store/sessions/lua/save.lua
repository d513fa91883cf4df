-- KEYS[3]: the session. Arguments: its id, its holder's generation, its subscriptions.
local key = KEYS[3]
local id, generation, subscriptions = ARGV[FIRST], ARGV[FIRST + 1], ARGV[FIRST + 2]

local refused = refusal(key, generation)
if refused then
    return {refused}
end
redis.call('HSET', key, 'subscriptions', subscriptions)
local lease_until = redis.call('HGET', key, 'lease_until')
touch(key, id, lease_until == '' and '' or tonumber(lease_until))
return {'ok'}
