-- KEYS: bucket, its nonces.
local _, _, uid, wanted = unpack(ARGV)

local error, record, incomplete = read(uid)
if error then
  return error
end
local state, enrolled, cut, behind = traits(record or '\0\0\0\0\0\0')
if not record or generation(record) ~= generation(wanted) then
  behind = incomplete
end
if record then
  local same = generation(record) == generation(wanted)
  if generation(record) > generation(wanted) or (same and (enrolled or state == ERASED)) then
    return 'stale'
  elseif same and position(record) > position(wanted) then
    wanted = string.sub(record, 1, 5)
  end
end
write(uid, wanted, state == ERASED and ACTIVE or state, true, cut, behind)
redis.call('HDEL', KEYS[2], uid)
return changed('enrolled')
