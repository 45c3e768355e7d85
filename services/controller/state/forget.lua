-- Removes what is kept of an ended migration.
--
-- KEYS[1] record (hash)   KEYS[2] events (stream)   KEYS[3] index (sorted set)
-- ARGV[1] id   ARGV[2] final states, comma-separated
--
-- Result: {'applied'} | {'refused', current state}; an unknown id is just taken out of the index
local state = redis.call('HGET', KEYS[1], 'state')
if state and not string.find(',' .. ARGV[2] .. ',', ',' .. state .. ',', 1, true) then return { 'refused', state } end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
return { 'applied' }
