-- Records a new migration and takes the lock of its container.
--
-- KEYS[1] record (hash)   KEYS[2] events (stream)   KEYS[3] index (sorted set)   KEYS[4] lock of the container
-- ARGV[1] id   ARGV[2] state   ARGV[3] epoch   ARGV[4] now, ms since 1970   ARGV[5] now, ISO 8601
-- ARGV[6] text of the first event   ARGV[7…] further fields of the record: name, value, name, value, …
--
-- Result: {'created'} | {'busy', holder of the lock}
-- Sent twice it is done once. A lock that this id holds already was left to it by the try before (transition.lua).
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'created' } end
local holder = redis.call('GET', KEYS[4])
if holder and holder ~= ARGV[1] then return { 'busy', holder } end
redis.call('SET', KEYS[4], ARGV[1])
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'state', ARGV[2], 'epoch', ARGV[3], 'startedAt', ARGV[5], unpack(ARGV, 7))
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
redis.call('XADD', KEYS[2], '*', 'state', ARGV[2], 'kind', 'transition', 'text', ARGV[6], 'at', ARGV[5])
return { 'created' }
