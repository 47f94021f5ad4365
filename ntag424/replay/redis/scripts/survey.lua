-- Arguments: the mark, then numbers of buckets. Returns how many tags they hold, how many of
-- the buckets are incomplete, then every mark that was found, with an empty one for a bucket
-- that has none.
local tags, incomplete, marks, seen = 0, 0, {}, {}
for number = 2, #ARGV do
  local bucket = 'ntag424:{' .. ARGV[number] .. '}'
  local found = redis.call('HMGET', bucket, '', REVISION, INCOMPLETE)
  local mark = found[1] or ''
  if not seen[mark] then
    seen[mark] = true
    marks[#marks + 1] = mark
  end
  local size = redis.call('HLEN', bucket)
  for field = 1, 3 do
    size = size - (found[field] and 1 or 0)
  end
  tags = tags + size
  incomplete = incomplete + (found[3] and 1 or 0)
end
return {tags, incomplete, unpack(marks)}
