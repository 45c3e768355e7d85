-- Finds the migrations that are not settled and have no job in the queue.
--
-- KEYS[1] index (sorted set)
-- ARGV[1] final states, comma-separated   ARGV[2] what a record's key begins with   ARGV[3] what a job's key begins with
--
-- Result: {'found', ids, comma-separated}
local orphans = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local record = redis.call('HMGET', ARGV[2] .. id, 'state', 'owed')
  local state, owed = record[1], record[2]
  if state then
    local ended = string.find(',' .. ARGV[1] .. ',', ',' .. state .. ',', 1, true)
    local settled = ended and (not owed or owed == '')
    if not settled and redis.call('EXISTS', ARGV[3] .. id) == 0 then orphans[#orphans + 1] = id end
  end
end
return { 'found', table.concat(orphans, ',') }
