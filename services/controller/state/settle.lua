-- Notes that nothing is left of a migration: what its record said it owed has been done. One that ended as a failure only for
-- what it owed ends as what it would have been without, which is the same where the container is lost.
--
-- KEYS[1] record (hash)
-- ARGV[1] the caller's epoch   ARGV[2] the state that changes with it   ARGV[3] what it becomes   ARGV[4] its report then
-- ARGV[5] another reason, or ''
--
-- Result: {'applied'} | {'stale-epoch', current epoch} | {'unknown'} no such migration
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return { 'unknown' } end
if epoch ~= ARGV[1] then return { 'stale-epoch', epoch } end
redis.call('HDEL', KEYS[1], 'owed')
if redis.call('HGET', KEYS[1], 'state') == ARGV[2] then
  redis.call('HSET', KEYS[1], 'state', ARGV[3], 'report', ARGV[4])
  if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'reason', ARGV[5]) end
end
return { 'applied' }
