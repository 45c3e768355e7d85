-- Makes the caller the one that decides about a migration that is unfinished, or has ended and still owes something:
-- raises its epoch, so that whoever drove it before can change nothing any more.
--
-- KEYS[1] record (hash)   KEYS[2] events (stream)
-- ARGV[1] final states, comma-separated   ARGV[2] now, ISO 8601   ARGV[3] text of the event
--
-- Result: {'applied', new epoch} | {'ended'} it is in a final state and owes nothing | {'unknown'} no such migration
-- The story of a migration that has ended is complete, so it gets no event; nor does one that nobody had yet (epoch 0).
local record = redis.call('HMGET', KEYS[1], 'state', 'owed', 'epoch')
local state, owed = record[1], record[2]
if not state then return { 'unknown' } end
local ended = string.find(',' .. ARGV[1] .. ',', ',' .. state .. ',', 1, true)
if ended and (not owed or owed == '') then return { 'ended' } end
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
if not ended and record[3] ~= '0' then
  redis.call('XADD', KEYS[2], '*', 'state', state, 'kind', 'warning', 'text', ARGV[3], 'at', ARGV[2])
end
return { 'applied', tostring(epoch) }
