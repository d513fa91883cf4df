-- KEYS[3]: the session. Arguments: its id, its holder's generation.
local refused = refusal(KEYS[3], ARGV[FIRST + 1])
if refused then
    return {refused}
end
touch(KEYS[3], ARGV[FIRST], '')
return {'ok'}
