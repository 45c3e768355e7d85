-- Removes what a container has.
--
-- KEYS[1] addresses (hash: address, or name:CONTAINER for one that needs none → JSON {container, vm, at})
-- ARGV[1] container
--
-- Result: {'applied'}
local entries = redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
  if cjson.decode(entries[i + 1]).container == ARGV[1] then redis.call('HDEL', KEYS[1], entries[i]) end
end
return { 'applied' }
