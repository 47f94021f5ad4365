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

-- Whether the tag may have been tapped further than this tap already.
local function is_doubtful(record)
  if record then
    local _, _, _, behind = traits(record)
    return behind
  end
  return redis.call('HGET', KEYS[1], INCOMPLETE) ~= false
end

local function use_up(record)
  local _, enrolled, cut = traits(record or '\0\0\0\0\0\0')
  enrolled = enrolled and generation(tapped) == generation(record)
  change(uid, recorded(tapped, ACTIVE, enrolled, false) .. cut)
  return cut
end

local function catch_up(record)
  use_up(record)
  redis.call('HDEL', KEYS[2], uid)
  return 'replayed'
end

local function accept(record, ms, wall, era)
  local cut = use_up(record)
  if nonce == '' then
    redis.call('HDEL', KEYS[2], uid)
  else
    redis.call('HSET', KEYS[2], uid, nonce .. string.format('%.0f %s', ms, era))
    redis.call('PEXPIRE', KEYS[2], 60000)
  end
  if lifetime == '' then
    return 'accepted'
  end
  local times = string.format(
    '%s %.0f %.0f %.0f %s', cut, ms, ms + 1000 * lifetime, wall + lifetime, era)
  redis.call('SET', KEYS[3], uid .. tapped .. times, 'PX', 1000 * lifetime + 60000)
  return string.format('accepted %.0f', wall + lifetime)
end

local function is_repeat(ms, era)
  local first = nonce ~= '' and redis.call('HGET', KEYS[2], uid)
  if not first or string.sub(first, 1, 32) ~= nonce then
    return false
  end
  local at, seen_in = string.match(string.sub(first, 33), '^(%d+) (.*)$')
  local elapsed = passed(at, ms)
  return seen_in == era and elapsed and elapsed <= 30000
end

local function repeated(record, ms, era)
  -- A write, so that the answer waits for the replicas: the first one may have been cut
  -- off before they had the tap.
  redis.call('PEXPIRE', KEYS[2], 60000)
  if lifetime == '' then
    return 'repeated'
  end
  local session = redis.call('GET', KEYS[3])
  local expires = session and live(session, record, ms, era)
  return expires and 'repeated ' .. expires or 'refused'
end

local error, record = read(uid)
if error then
  return error
end
local ms, wall, era = moment(given)
local verdict
if is_fresh(record) then
  verdict = is_doubtful(record) and catch_up(record) or accept(record, ms, wall, era)
  return {verdict, revision, tapped}
elseif not record then
  return 'refused'
end
local state, enrolled = traits(record)
local expected = (enrolled or policy == 'open') and generation(tapped) == generation(record)
if state ~= ACTIVE or not expected then
  return 'refused'
elseif position(tapped) == position(record) and is_repeat(ms, era) then
  verdict = repeated(record, ms, era)
  return {verdict, revision, tapped}
end
return 'replayed'
