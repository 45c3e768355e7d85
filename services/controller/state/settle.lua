-- Notes that nothing is left of a migration: what its record said it owed has been done.
--
-- KEYS[1] record (hash)
-- ARGV[1] the caller's epoch
--
-- Result: {'applied'} | {'stale-epoch', current epoch} | {'unknown'} no such migration
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return { 'unknown' } end
if epoch ~= ARGV[1] then return { 'stale-epoch', epoch } end
redis.call('HDEL', KEYS[1], 'owed')
return { 'applied' }
