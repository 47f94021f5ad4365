-- Sets the revision of buckets of ours. Arguments: the mark, the revision, then numbers of buckets.
for number = 3, #ARGV do
  local bucket = 'ntag424:{' .. ARGV[number] .. '}'
  local found = redis.call('HGET', bucket, '')
  if not found or string.sub(found, 1, 8) ~= string.sub(ARGV[1], 1, 8) then
    return fault(false)
  end
  redis.call('HSET', bucket, REVISION, ARGV[2])
end
return 'started'
