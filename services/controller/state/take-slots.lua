-- Counts a migration in on each of its hosts, on all of them or on none, until `now + lease` by Redis's own clock.
--
-- KEYS[1…] hosts (sorted sets: id of a migration → when its place is free again, ms since 1970)
-- ARGV[1] id   ARGV[2] how many may be counted in, 0: any number   ARGV[3] lease, ms
--
-- Result: {'applied'} | {'full', "number of the key in KEYS:ids that have its places, comma-separated"}
-- One that is counted in already stays so for another lease.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most = tonumber(ARGV[2])
for i = 1, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  if most > 0 and not redis.call('ZSCORE', KEYS[i], ARGV[1]) and redis.call('ZCARD', KEYS[i]) >= most then
    return { 'full', i .. ':' .. table.concat(redis.call('ZRANGE', KEYS[i], 0, -1), ',') }
  end
end
for i = 1, #KEYS do
  redis.call('ZADD', KEYS[i], now + ARGV[3], ARGV[1])
  redis.call('PEXPIRE', KEYS[i], ARGV[3])
end
return { 'applied' }
