-- Makes the caller the one that decides about a migration that is unfinished, or has ended and still owes something:
-- raises its epoch, so that whoever drove it before can change nothing any more.
--
-- KEYS[1] record (hash)   KEYS[2] events (stream)   KEYS[3] lock of the migration's job in the queue
-- ARGV[1] final states, comma-separated   ARGV[2] now, ISO 8601   ARGV[3] text of the event
-- ARGV[4] the epoch that the caller has read   ARGV[5] what the lock says while the job is the caller's
--
-- Result: {'applied', new epoch} | {'ended'} it is in a final state and owes nothing | {'unknown'} no such migration
--       | {'not-held'} the job is not the caller's, or no more | {'stale-epoch', current epoch} somebody has been quicker
-- A caller that repeats it, having had no answer, gets the same one again.
-- The story of a migration that has ended is complete, so it gets no event; nor does one that nobody had yet (epoch 0).
local record = redis.call('HMGET', KEYS[1], 'state', 'owed', 'epoch', 'takenBy')
local state, owed, epoch, takenBy = record[1], record[2], record[3], record[4]
if not state then return { 'unknown' } end
local ended = string.find(',' .. ARGV[1] .. ',', ',' .. state .. ',', 1, true)
if ended and (not owed or owed == '') then return { 'ended' } end
if redis.call('GET', KEYS[3]) ~= ARGV[5] then return { 'not-held' } end
local raised = tostring(tonumber(ARGV[4]) + 1)
if epoch == raised and takenBy == ARGV[5] then return { 'applied', raised } end
if epoch ~= ARGV[4] then return { 'stale-epoch', epoch } end
redis.call('HSET', KEYS[1], 'epoch', raised, 'takenBy', ARGV[5])
if not ended and epoch ~= '0' then
  redis.call('XADD', KEYS[2], '*', 'state', state, 'kind', 'warning', 'text', ARGV[3], 'at', ARGV[2])
end
return { 'applied', raised }
