-- KEYS: bucket, session. Tells whether the session was live.
local _, _, given = unpack(ARGV)

local session = redis.call('GET', KEYS[2])
local error, record = read(session and string.sub(session, 1, 7) or '\0')
if error then
  return error
end
local ms, _, era = moment(given)
local lives = session and record and live(session, record, ms, era)
if redis.call('DEL', KEYS[2]) == 0 then
  return 'none'
end
return changed(lives and 'ended' or 'none')
