-- Notes in buckets of ours that tags may be missing. Arguments: the mark, then numbers of buckets.
for number = 2, #ARGV do
  local bucket = 'ntag424:{' .. ARGV[number] .. '}'
  local found = redis.call('HGET', bucket, '')
  if not found or string.sub(found, 1, 8) ~= string.sub(ARGV[1], 1, 8) then
    return fault(false)
  end
  redis.call('HSET', bucket, INCOMPLETE, '1')
end
return 'marked'
