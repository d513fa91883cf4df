-- Stands before every script: one script is one atomic move, as the law in model/sessions.py has it.
--
-- A session is a hash, which Redis forgets by itself when it has ended. Two sorted sets find them:
-- LIVE by the end of the lease, ENDS by the end of the session. A script that Redis refuses because
-- it is full has changed nothing: only a script's first write is ever refused.

local LIVE, ENDS = KEYS[1], KEYS[2]
local LEASE_S, TIMEOUT_S = tonumber(ARGV[2]), tonumber(ARGV[3])
local MAX_SESSIONS, MAX_KEPT = tonumber(ARGV[4]), tonumber(ARGV[5])
local PREFIX = ARGV[6]
local FIRST = 7 -- of the script's own arguments

local function clock()
    if ARGV[1] ~= '' then
        return tonumber(ARGV[1])
    end
    local time = redis.call('TIME')
    return time[1] + time[2] / 1000000
end

local NOW = clock()

-- Lua's own conversion has 14 digits: milliseconds would be lost.
local function text(seconds)
    return string.format('%.6f', seconds)
end

local function forget_after(key, seconds)
    local ten_years = 315360000
    redis.call('PEXPIRE', key, string.format('%d', math.ceil(math.min(seconds, ten_years) * 1000)))
end

local function count_live()
    return redis.call('ZCOUNT', LIVE, '(' .. text(NOW), '+inf')
end

local function is_live(id)
    local lease_until = redis.call('ZSCORE', LIVE, id)
    return lease_until and tonumber(lease_until) > NOW
end

local function has_room()
    return count_live() < MAX_SESSIONS
end

-- Return whether there is such a session, ended ones being none.
local function exists(key)
    local ends_at = redis.call('HGET', key, 'ends_at')
    return ends_at and tonumber(ends_at) > NOW
end

-- Return what refuses a write of the holder of this generation; nil: nothing does.
local function refusal(key, generation)
    if not exists(key) then
        return 'missing'
    end
    if redis.call('HGET', key, 'generation') ~= generation then
        return 'taken'
    end
    return nil
end

-- Note a sign of life. lease_until is '' when nobody holds the session, else a number.
local function touch(key, id, lease_until)
    local ends_at = NOW + TIMEOUT_S
    if lease_until ~= '' then
        ends_at = math.max(ends_at, lease_until)
    end
    redis.call(
        'HSET', key,
        'last_seen_at', text(NOW),
        'lease_until', lease_until == '' and '' or text(lease_until),
        'ends_at', text(ends_at)
    )
    redis.call('ZADD', ENDS, text(ends_at), id)
    if lease_until == '' then
        redis.call('ZREM', LIVE, id)
    else
        redis.call('ZADD', LIVE, text(lease_until), id)
    end
    forget_after(key, ends_at - NOW)
    local longest = math.max(LEASE_S, TIMEOUT_S)
    forget_after(LIVE, longest)
    forget_after(ENDS, longest)
end

local function drop(id)
    redis.call('DEL', PREFIX .. id)
    redis.call('ZREM', LIVE, id)
    redis.call('ZREM', ENDS, id)
end

-- Forget what has ended, at most a thousand at a time, and return how many.
local function drop_ended()
    local ended = redis.call('ZRANGEBYSCORE', ENDS, '-inf', text(NOW), 'LIMIT', 0, 1000)
    for _, id in ipairs(ended) do
        drop(id)
    end
    return #ended
end
