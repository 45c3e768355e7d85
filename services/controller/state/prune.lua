-- Removes what is kept of the oldest migrations that have ended, beyond those that are to be kept. One that still owes
-- something stays, and so does one whose next try has the container's lock already and no record yet: without the first
-- nobody would record the second, and the lock would never be given back.
--
-- KEYS[1] index (sorted set)
-- ARGV[1] how many to keep   ARGV[2] final states, comma-separated   ARGV[3] what a record's key begins with
-- ARGV[4] what the key of a record's events ends with   ARGV[5] what the key of a container's lock begins with
--
-- Result: {'applied'}; an id without a record is just taken out of the index
local keep = tonumber(ARGV[1])
if redis.call('ZCARD', KEYS[1]) <= keep then return { 'applied' } end
local kept = 0
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
  local key = ARGV[3] .. id
  local record = redis.call('HMGET', key, 'state', 'owed', 'retriedBy', 'container')
  local state, owed, next, container = record[1], record[2], record[3], record[4]
  local ended = not state or string.find(',' .. ARGV[2] .. ',', ',' .. state .. ',', 1, true)
  local owes = owed and owed ~= ''
  local awaited = next and next ~= '' and redis.call('EXISTS', ARGV[3] .. next) == 0
    and redis.call('GET', ARGV[5] .. container) == next
  if ended and not owes and not awaited then
    if state then kept = kept + 1 end
    if not state or kept > keep then
      redis.call('DEL', key, key .. ARGV[4])
      redis.call('ZREM', KEYS[1], id)
    end
  end
end
return { 'applied' }
