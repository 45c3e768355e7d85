-- Counts a migration out on its hosts.
--
-- KEYS[1…] hosts (sorted sets)
-- ARGV[1] id
--
-- Result: {'applied'}
for i = 1, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end
return { 'applied' }
