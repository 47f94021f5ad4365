-- KEYS: bucket, its nonces. Arguments: the mark of any phase, then UID and record (6 bytes)
-- of each tag. Of two records of one tag the one that knows more stays, as
-- `LedgerArchive.merge` says. Only sessions of a tag that is not active any more end.

local function merged(old, new)
  if not old then
    return new
  end
  local state, enrolled, cut, behind = traits(old)
  local other_state, other_enrolled, _, other_behind = traits(new)
  local at = position(old) > position(new) and old or new
  if generation(old) == generation(new) then
    state, enrolled = math.max(state, other_state), enrolled or other_enrolled
    behind = behind or other_behind
  elseif at == new then
    state, enrolled, behind = other_state, other_enrolled, other_behind
  end
  local record = recorded(string.sub(at, 1, 5), state, enrolled, behind)
  if state ~= ACTIVE and record ~= string.sub(old, 1, 6) then
    cut = one_more(cut)
  end
  return record .. cut
end

local mark = redis.call('HGET', KEYS[1], '')
local phase = mark and string.sub(mark, 9)
if not mark or string.sub(mark, 1, 8) ~= string.sub(ARGV[1], 1, 8) then
  return fault(false)
elseif not string.find('frs', phase, 1, true) then
  return fault(mark)
end
revision = tonumber(redis.call('HGET', KEYS[1], REVISION) or 0)
local changed = false
for number = 2, #ARGV, 2 do
  local uid = ARGV[number]
  local old = redis.call('HGET', KEYS[1], uid)
  local new = merged(old, ARGV[number + 1])
  if new ~= old then
    redis.call('HSET', KEYS[1], uid, new)
    redis.call('HDEL', KEYS[2], uid)
    changed = true
  end
end
if changed then
  change()
end
return 'merged'
