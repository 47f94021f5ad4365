-- Arguments: nothing, then numbers of buckets. Marks every tag in them as behind.
for number = 2, #ARGV do
  local bucket = 'ntag424:{' .. ARGV[number] .. '}'
  local fields = redis.call('HGETALL', bucket)
  for at = 1, #fields, 2 do
    if #fields[at] == UID_SIZE then
      local record = fields[at + 1]
      local state, enrolled, cut = traits(record)
      local now = recorded(string.sub(record, 1, 5), state, enrolled, true)
      redis.call('HSET', bucket, fields[at], now .. cut)
    end
  end
end
return 'marked'
