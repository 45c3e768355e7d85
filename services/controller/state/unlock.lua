-- Gives a lock back, if the caller still holds it.
--
-- KEYS[1] lock of the container
-- ARGV[1] holder
--
-- Result: {'applied'} | {'refused'} somebody else's, or nobody's
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return { 'refused' } end
redis.call('DEL', KEYS[1])
return { 'applied' }
