-- KEYS: bucket, its nonces. Arguments: the mark, then UID and record (6 bytes) of each tag.
-- Of two records of one tag the one that knows more stays, as `LedgerArchive.merge` says.

local function merged(old, new)
  if not old then
    return new
  end
  local state, enrolled, cut = traits(old)
  -- What is left of sessions from before must not come back to life.
  cut = string.format('%.0f', (tonumber(cut) or 0) + 1)
  if generation(old) ~= generation(new) then
    local higher = generation(old) > generation(new) and old or new
    return string.sub(higher, 1, 6) .. cut
  end
  local other_state, other_enrolled = traits(new)
  local at = position(old) > position(new) and old or new
  local flags = math.max(state, other_state) + ((enrolled or other_enrolled) and ENROLLED or 0)
  return string.sub(at, 1, 5) .. string.char(flags) .. cut
end

for number = 2, #ARGV, 2 do
  local uid = ARGV[number]
  local error, record = read(uid)
  if error then
    return error
  end
  redis.call('HSET', KEYS[1], uid, merged(record, ARGV[number + 1]))
  redis.call('HDEL', KEYS[2], uid)
end
return 'merged'
