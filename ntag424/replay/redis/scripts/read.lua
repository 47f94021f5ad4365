-- Arguments: the mark, then numbers of buckets. Returns all that each of them holds.
local buckets = {}
for number = 2, #ARGV do
  buckets[number - 1] = redis.call('HGETALL', 'ntag424:{' .. ARGV[number] .. '}')
end
return buckets
