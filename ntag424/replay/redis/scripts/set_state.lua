-- KEYS: bucket, its nonces.
local _, _, uid, state = unpack(ARGV)

local error, record = read(uid)
if error then
  return error
end
if not record or traits(record) == ERASED then
  return 'unknown'
end
local _, enrolled, cut, behind = traits(record)
if tonumber(state) ~= ACTIVE then
  -- Ends all its sessions for good: each holds the number that was true when it was made.
  cut = one_more(cut)
end
change(uid, recorded(string.sub(record, 1, 5), tonumber(state), enrolled, behind) .. cut)
redis.call('HDEL', KEYS[2], uid)
return {'set', revision}
