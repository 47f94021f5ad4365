-- Arguments: the mark, then numbers of buckets. Returns the first mark that is another one,
-- or an empty one where there is none; else nothing; and the revision of each bucket.
local other, found = false, {}
for number = 2, #ARGV do
  local bucket = redis.call('HMGET', 'ntag424:{' .. ARGV[number] .. '}', '', REVISION)
  if bucket[1] ~= ARGV[1] then
    other = other or bucket[1] or ''
  end
  found[number - 1] = tonumber(bucket[2] or 0)
end
return {other, found}
