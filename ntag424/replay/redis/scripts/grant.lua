-- KEYS: bucket, session. Returns milliseconds left, a space and the session, or nothing.
local _, _, given = unpack(ARGV)

local session = redis.call('GET', KEYS[2])
local error, record = read(session and string.sub(session, 1, UID_SIZE) or '\0')
if error then
  return error
end
if not session or not record then
  return false
end
local ms, _, era = moment(given)
local _, remaining = live(session, record, ms, era)
return remaining and string.format('%.0f ', remaining) .. session or false
