-- One step of the state machine: the compare-and-set that all steps go through, commit and abort among them.
--
-- KEYS[1] record (hash)   KEYS[2] events (stream)   KEYS[3] lock of the container
-- ARGV[1] id   ARGV[2] the caller's epoch   ARGV[3] the new state
-- ARGV[4] states it may follow, comma-separated   ARGV[5] '1' if the new state ends the migration
-- ARGV[6] id of the migration that tries again, which gets the lock at the end, or ''
-- ARGV[7] now, ISO 8601   ARGV[8] event: text   ARGV[9] event: data (JSON or '')   ARGV[10] event: report (JSON or '')
-- ARGV[11…] fields of the record to set: name, value, name, value, …
--
-- Result: {'applied'} | {'already'} the record is in that state, nothing was done
--       | {'refused', current state} | {'stale-epoch', current epoch} | {'unknown'} no such migration
-- The event is appended and, at the end of a migration, the lock given back or on, in the same step.
local record = redis.call('HMGET', KEYS[1], 'state', 'epoch')
local state, epoch = record[1], record[2]
if not state then return { 'unknown' } end
if epoch ~= ARGV[2] then return { 'stale-epoch', epoch } end
if state == ARGV[3] then return { 'already' } end
if not string.find(',' .. ARGV[4] .. ',', ',' .. state .. ',', 1, true) then return { 'refused', state } end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'updatedAt', ARGV[7], unpack(ARGV, 11))
redis.call('XADD', KEYS[2], '*', 'state', ARGV[3], 'kind', 'transition', 'text', ARGV[8], 'at', ARGV[7],
  'data', ARGV[9], 'report', ARGV[10])
if ARGV[5] == '1' and redis.call('GET', KEYS[3]) == ARGV[1] then
  if ARGV[6] == '' then redis.call('DEL', KEYS[3]) else redis.call('SET', KEYS[3], ARGV[6]) end
end
return { 'applied' }
