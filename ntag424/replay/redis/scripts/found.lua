-- Marks buckets that are not there yet. Arguments: the mark, then numbers of buckets. They
-- are all of one node; no KEYS, because Redis Cluster would want one hash slot for them.
-- One that bears the mark already and is empty is one whose answer was lost.
for number = 2, #ARGV do
  local bucket = 'ntag424:{' .. ARGV[number] .. '}'
  local size = redis.call('HLEN', bucket)
  if size > 1 or (size == 1 and redis.call('HGET', bucket, '') ~= ARGV[1]) then
    return 'taken'
  end
end
for number = 2, #ARGV do
  redis.call('HSET', 'ntag424:{' .. ARGV[number] .. '}', '', ARGV[1])
end
return 'founded'
