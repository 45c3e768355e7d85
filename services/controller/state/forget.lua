-- Removes what is kept of an ended migration, unless it still owes something.
--
-- KEYS[1] record (hash)   KEYS[2] events (stream)   KEYS[3] index (sorted set)
-- ARGV[1] id   ARGV[2] final states, comma-separated
--
-- Result: {'applied'} | {'refused', current state}; an unknown id is just taken out of the index
local record = redis.call('HMGET', KEYS[1], 'state', 'owed')
local state, owed = record[1], record[2]
if state and not string.find(',' .. ARGV[2] .. ',', ',' .. state .. ',', 1, true) then return { 'refused', state } end
if owed and owed ~= '' then return { 'refused', state } end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
return { 'applied' }
