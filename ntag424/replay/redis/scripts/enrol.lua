-- KEYS: bucket, its nonces.
local _, _, uid, wanted = unpack(ARGV)

local error, record = read(uid)
if error then
  return error
end
local state, enrolled, cut, behind = traits(record or '\0\0\0\0\0\0')
local same = record and generation(record) == generation(wanted)
if record then
  if generation(record) > generation(wanted) or (same and (enrolled or state == ERASED)) then
    return 'stale'
  elseif same and position(record) > position(wanted) then
    wanted = string.sub(record, 1, 5)
  end
end
if not same then
  behind = redis.call('HGET', KEYS[1], INCOMPLETE) ~= false
end
change(uid, recorded(wanted, state == ERASED and ACTIVE or state, true, behind) .. cut)
redis.call('HDEL', KEYS[2], uid)
return {'enrolled', revision, wanted}
