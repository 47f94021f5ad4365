-- KEYS: bucket, its nonces. Arguments: any mark of the ledger, then UID and record (6 bytes) of
-- each tag. Not into one that is leaving or sealed: what goes on elsewhere would not know.
-- Of two records of one tag the one that knows more stays, as `LedgerArchive.merge` says.

local function merged(old, new)
  if not old then
    return new
  end
  local state, enrolled, cut, behind = traits(old)
  -- What is left of sessions from before must not come back to life.
  cut = string.format('%.0f', (tonumber(cut) or 0) + 1)
  if generation(old) ~= generation(new) then
    local higher = generation(old) > generation(new) and old or new
    return string.sub(higher, 1, 6) .. cut
  end
  local other_state, other_enrolled, _, other_behind = traits(new)
  local at = position(old) > position(new) and old or new
  local flags = flagged(
    math.max(state, other_state), enrolled or other_enrolled, behind or other_behind)
  return string.sub(at, 1, 5) .. flags .. cut
end

local found = redis.call('HGET', KEYS[1], '')
local open = found and string.find('frs', string.sub(found, 9), 1, true)
if not open or string.sub(found, 1, 8) ~= string.sub(ARGV[1], 1, 8) then
  return fault(found)
end

for number = 2, #ARGV, 2 do
  local uid = ARGV[number]
  local record = redis.call('HGET', KEYS[1], uid) or nil
  redis.call('HSET', KEYS[1], uid, merged(record, ARGV[number + 1]))
  redis.call('HDEL', KEYS[2], uid)
end
return changed('merged')
