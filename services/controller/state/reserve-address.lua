-- Gives a container the first free one of some addresses, and removes what is void.
--
-- KEYS[1] addresses (hash: address, or name:CONTAINER for one that needs none → JSON {container, vm, at})
-- ARGV[1] container   ARGV[2] VM that it is about to be started on   ARGV[3] now, ms since 1970
-- ARGV[4] an entry older than this is void (ms since 1970), unless its container is one of those that there are, which are
-- ARGV[5] so many, from ARGV[6] on; then candidates, in order of preference
--
-- Result: {'applied', address} | {'taken', container that has the last candidate}
local first = 6 + tonumber(ARGV[5])
local known = {}
for i = 6, first - 1 do known[ARGV[i]] = true end
local entries = redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
  local entry = cjson.decode(entries[i + 1])
  if entry.at < tonumber(ARGV[4]) and not known[entry.container] then redis.call('HDEL', KEYS[1], entries[i]) end
end
local taken = ''
for i = first, #ARGV do
  local entry = redis.call('HGET', KEYS[1], ARGV[i])
  local holder = entry and cjson.decode(entry).container
  if not holder or holder == ARGV[1] then
    local new = { container = ARGV[1], vm = ARGV[2], at = tonumber(ARGV[3]) }
    redis.call('HSET', KEYS[1], ARGV[i], cjson.encode(new))
    return { 'applied', ARGV[i] }
  end
  taken = holder
end
return { 'taken', taken }
