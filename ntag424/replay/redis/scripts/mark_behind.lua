-- Lets the next tap of every tag only set its counter, and ends its sessions. Arguments: the mark,
-- then numbers of buckets.
for number = 2, #ARGV do
  local bucket = 'ntag424:{' .. ARGV[number] .. '}'
  local found = redis.call('HGETALL', bucket)
  local members = {}
  for at = 1, #found, 2 do
    members[found[at]] = found[at + 1]
  end
  local mark = members['']
  if not mark or string.sub(mark, 1, 8) ~= string.sub(ARGV[1], 1, 8) then
    return fault(false)
  end
  for uid, record in pairs(members) do
    if #uid == 7 then
      local state, enrolled, cut = traits(record)
      cut = string.format('%.0f', (tonumber(cut) or 0) + 1)
      local flags = flagged(state, enrolled, true)
      redis.call('HSET', bucket, uid, string.sub(record, 1, 5) .. flags .. cut)
    end
  end
  redis.call('DEL', bucket .. ':firsts')
end
return 'marked'
