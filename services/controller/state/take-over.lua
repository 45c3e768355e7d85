-- Makes the caller the one that decides about an unfinished migration: raises its epoch, so that whoever drove
-- it before can change nothing any more.
--
-- KEYS[1] record (hash)   KEYS[2] events (stream)
-- ARGV[1] final states, comma-separated   ARGV[2] now, ISO 8601   ARGV[3] text of the event
--
-- Result: {'applied', new epoch} | {'ended'} it is in a final state | {'unknown'} no such migration
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return { 'unknown' } end
if string.find(',' .. ARGV[1] .. ',', ',' .. state .. ',', 1, true) then return { 'ended' } end
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('XADD', KEYS[2], '*', 'state', state, 'kind', 'warning', 'text', ARGV[3], 'at', ARGV[2])
return { 'applied', tostring(epoch) }
