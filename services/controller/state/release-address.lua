-- Takes back the address of a container, if it still has it.
--
-- KEYS[1] addresses (hash: address → JSON {container, at})
-- ARGV[1] container   ARGV[2] address
--
-- Result: {'applied'} | {'refused'}
local entry = redis.call('HGET', KEYS[1], ARGV[2])
if not entry or cjson.decode(entry).container ~= ARGV[1] then return { 'refused' } end
redis.call('HDEL', KEYS[1], ARGV[2])
return { 'applied' }
