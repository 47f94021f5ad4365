-- KEYS: bucket, its nonces, and the session to be made, if one is wanted.
local _, _, given, uid, tapped, policy, nonce, lifetime = unpack(ARGV)

local function is_fresh(record)
  if not record then
    return policy == 'open'
  end
  local state, enrolled = traits(record)
  if state ~= ACTIVE or position(tapped) <= position(record) then
    return false
  end
  return policy == 'open' or (enrolled and generation(tapped) == generation(record))
end

-- Sets the position of the tag; returns how often its sessions were ended.
local function advance(record)
  local _, enrolled, cut = traits(record or '\0\0\0\0\0\0')
  enrolled = enrolled and generation(tapped) == generation(record)
  write(uid, tapped, ACTIVE, enrolled, cut, false)
  return cut
end

local function accept(record, ms, wall, era)
  local cut = advance(record)
  if nonce == '' then
    redis.call('HDEL', KEYS[2], uid)
  else
    redis.call('HSET', KEYS[2], uid, nonce .. string.format('%.0f %s', ms, era))
    redis.call('PEXPIRE', KEYS[2], 60000)
  end
  if lifetime == '' then
    return changed('accepted')
  end
  local times = string.format(
    '%s %.0f %.0f %.0f %s', cut, ms, ms + 1000 * lifetime, wall + lifetime, era)
  redis.call('SET', KEYS[3], uid .. tapped .. times, 'PX', 1000 * lifetime + 60000)
  return changed('accepted', string.format('%.0f', wall + lifetime))
end

local function is_repeat(ms, era)
  local first = nonce ~= '' and redis.call('HGET', KEYS[2], uid)
  if not first or string.sub(first, 1, 32) ~= nonce then
    return false
  end
  local at, seen_in = string.match(string.sub(first, 33), '^(%d+) (.*)$')
  return seen_in == era and ms >= tonumber(at) and ms - tonumber(at) <= 30000
end

local function repeated(record, revision, ms, era)
  -- A write, so that the answer waits for the replicas: the first one may have been cut
  -- off before they had the tap.
  redis.call('PEXPIRE', KEYS[2], 60000)
  local answer = string.format('repeated %.0f', revision)
  if lifetime == '' then
    return answer
  end
  local session = redis.call('GET', KEYS[3])
  local expires = session and live(session, record, ms, era)
  return expires and answer .. ' ' .. expires or 'refused'
end

-- The tap may have been used before: it only says where the tag is.
local function catch_up(record)
  advance(record)
  redis.call('HDEL', KEYS[2], uid)
  return changed('replayed')
end

local function is_behind(record, incomplete)
  if not record then
    return incomplete
  end
  local _, _, _, behind = traits(record)
  return behind
end

local error, record, incomplete, revision = read(uid)
if error then
  return error
end
local ms, wall, era = moment(given)
if is_fresh(record) then
  if is_behind(record, incomplete) then
    return catch_up(record)
  end
  return accept(record, ms, wall, era)
elseif not record then
  return 'refused'
end
local state, enrolled = traits(record)
local expected = (enrolled or policy == 'open') and generation(tapped) == generation(record)
if state ~= ACTIVE or not expected then
  return 'refused'
elseif position(tapped) == position(record) and is_repeat(ms, era) then
  return repeated(record, revision, ms, era)
end
return 'replayed'
