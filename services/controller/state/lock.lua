-- Takes the lock of a container for a moment (running, stopping it); it frees itself if its holder dies.
--
-- KEYS[1] lock of the container
-- ARGV[1] holder   ARGV[2] how long at most, ms
--
-- Result: {'applied'} | {'busy', holder}
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return { 'applied' } end
return { 'busy', redis.call('GET', KEYS[1]) }
