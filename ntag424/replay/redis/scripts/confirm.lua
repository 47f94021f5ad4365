-- Argument: nothing, then the number of a bucket. A write that changes nothing, for the
-- replicas to confirm: with it they have all that was read before.
local bucket = 'ntag424:{' .. ARGV[2] .. '}'
local mark = redis.call('HGET', bucket, '')
if not mark then
  return fault(false)
end
redis.call('HSET', bucket, '', mark)
return 'confirmed'
