-- Marks buckets of ours with another phase. Arguments: the new mark, then numbers of buckets.
-- To be filled or recovered, a bucket forgets nonces and ends all sessions.
local phase = string.sub(ARGV[1], 9)

local function forget(bucket)
  redis.call('DEL', bucket .. ':firsts')
  local fields = redis.call('HGETALL', bucket)
  for at = 1, #fields, 2 do
    if #fields[at] == UID_SIZE then
      local record = fields[at + 1]
      local _, _, cut = traits(record)
      redis.call('HSET', bucket, fields[at], string.sub(record, 1, 6) .. one_more(cut))
    end
  end
end

for number = 2, #ARGV do
  local bucket = 'ntag424:{' .. ARGV[number] .. '}'
  local found = redis.call('HGET', bucket, '')
  if not found or string.sub(found, 1, 8) ~= string.sub(ARGV[1], 1, 8) then
    return fault(false)
  end
  if phase == 'f' or phase == 'r' then
    forget(bucket)
  end
  redis.call('HSET', bucket, '', ARGV[1])
end
return 'entered'
