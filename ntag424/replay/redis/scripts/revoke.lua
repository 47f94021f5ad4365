-- KEYS: bucket, session. Tells whether the session was live.
local _, _, given = unpack(ARGV)

local session = redis.call('GET', KEYS[2])
local error, record = read(session and string.sub(session, 1, UID_SIZE) or '\0')
if error then
  return error
end
local ms, _, era = moment(given)
local lives = session and record and live(session, record, ms, era)
redis.call('DEL', KEYS[2])
if not lives then
  return 'none'
end
change()
return {'ended', revision}
