-- Appends an event that changes no state: progress, a decision, a warning.
--
-- KEYS[1] record (hash)   KEYS[2] events (stream)
-- ARGV[1] the caller's epoch   ARGV[2] kind   ARGV[3] text   ARGV[4] data (JSON or '')   ARGV[5] now, ISO 8601
-- ARGV[6] how many events to keep, about
--
-- Result: {'applied'} | {'stale-epoch', current epoch} | {'unknown'} no such migration
local record = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if not record[1] then return { 'unknown' } end
if record[2] ~= ARGV[1] then return { 'stale-epoch', record[2] } end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', 'state', record[1], 'kind', ARGV[2], 'text', ARGV[3],
  'at', ARGV[5], 'data', ARGV[4])
return { 'applied' }
