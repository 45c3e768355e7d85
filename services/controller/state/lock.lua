-- Takes the lock of a container for a moment (running, stopping it); it frees itself if its holder dies.
--
-- KEYS[1] lock of the container
-- ARGV[1] holder   ARGV[2] how long at most, ms
--
-- Result: {'applied'} | {'busy', holder}
-- Sent twice it is done once.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return { 'busy', holder } end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { 'applied' }
