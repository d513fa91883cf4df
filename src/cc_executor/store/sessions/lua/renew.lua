-- KEYS[3], ...: sessions. Arguments: for each of them its id and generation.
local lost = {}
for number = 3, #KEYS do
    local key = KEYS[number]
    local place = FIRST + (number - 3) * 2
    local id, generation = ARGV[place], ARGV[place + 1]
    if refusal(key, generation) or not (is_live(id) or has_room()) then
        table.insert(lost, id)
    else
        touch(key, id, NOW + LEASE_S)
    end
end
return lost
