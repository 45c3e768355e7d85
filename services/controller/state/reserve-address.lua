-- Gives a container the first free one of some addresses.
--
-- KEYS[1] addresses (hash: address → JSON {container, at})
-- ARGV[1] container   ARGV[2] now, ms since 1970   ARGV[3] an entry older than this is void (ms since 1970)
-- ARGV[4…] candidates, in order of preference
--
-- Result: {'applied', address} | {'taken', container that has the last candidate}
local taken = ''
for i = 4, #ARGV do
  local entry = redis.call('HGET', KEYS[1], ARGV[i])
  local holder = entry and cjson.decode(entry)
  if not holder or holder.at < tonumber(ARGV[3]) or holder.container == ARGV[1] then
    redis.call('HSET', KEYS[1], ARGV[i], cjson.encode({ container = ARGV[1], at = tonumber(ARGV[2]) }))
    return { 'applied', ARGV[i] }
  end
  taken = holder.container
end
return { 'taken', taken }
