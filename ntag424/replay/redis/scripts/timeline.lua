-- Arguments: the revision to begin with, then numbers of buckets. None is lowered.
for number = 2, #ARGV do
  local bucket = 'ntag424:{' .. ARGV[number] .. '}'
  if tonumber(redis.call('HGET', bucket, REVISION) or 0) < tonumber(ARGV[1]) then
    redis.call('HSET', bucket, REVISION, ARGV[1])
  end
end
return 'begun'
