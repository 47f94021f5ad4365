-- Arguments: the mark, then numbers of buckets. Returns the revision of each; an error for one
-- that is not ours.
local revisions = {}
for number = 2, #ARGV do
  local found = redis.call('HMGET', 'ntag424:{' .. ARGV[number] .. '}', '', REVISION)
  if not found[1] or string.sub(found[1], 1, 8) ~= string.sub(ARGV[1], 1, 8) then
    return fault(false)
  end
  revisions[number - 1] = found[2] or '0'
end
return revisions
