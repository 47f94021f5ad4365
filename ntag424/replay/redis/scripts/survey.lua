-- Arguments: the mark, then numbers of buckets. Returns how many tags they hold, then every
-- mark that was found, with an empty one for a bucket that has none.
local tags, marks, seen = 0, {}, {}
for number = 2, #ARGV do
  local bucket = 'ntag424:{' .. ARGV[number] .. '}'
  local found = redis.call('HGET', bucket, '') or ''
  if not seen[found] then
    seen[found] = true
    marks[#marks + 1] = found
  end
  local others = redis.call('HEXISTS', bucket, REVISION) + redis.call('HEXISTS', bucket, INCOMPLETE)
  tags = tags + math.max(0, redis.call('HLEN', bucket) - 1 - others)
end
return {tags, unpack(marks)}
