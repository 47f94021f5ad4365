-- Begins every script. KEYS[1] is the bucket of a tag; ARGV[1] is the mark that it must
-- bear, and ARGV[2] the revision that it must have reached. A bucket without the mark was
-- lost, evicted, or is not ours; one below the revision went back: nothing is decided by it.
--
-- A script that changed something answers with a list: what it says, the revision that the
-- bucket has now, and the position of the tag that is used up, if there is one.

local ACTIVE, SUSPENDED, ERASED = 0, 1, 2
local ENROLLED, BEHIND = 4, 8
local REVISION, INCOMPLETE = '\0r', '\0i'
local UID_SIZE = 7
-- Clocks of two nodes that keep time while Redis's is behind differ by less, in ms.
local TOLERANCE = 500

-- That of the bucket, once it was read.
local revision

-- Generation (2 bytes) and counter (3) as one number, which rises with every tap.
local function position(text)
  local a, b, c, d, e = string.byte(text, 1, 5)
  return (((a * 256 + b) * 256 + c) * 256 + d) * 256 + e
end

local function generation(text)
  local a, b = string.byte(text, 1, 2)
  return a * 256 + b
end

local function fault(found)
  if found and string.sub(found, 1, 8) == string.sub(ARGV[1], 1, 8) then
    return redis.error_reply('NOTSERVING ' .. string.sub(found, 9))
  end
  return redis.error_reply('LOST the mark is missing')
end

-- Returns an error, or nil and the record of the tag, if there is one.
local function read(uid)
  local found = redis.call('HMGET', KEYS[1], '', REVISION, uid)
  if found[1] ~= ARGV[1] then
    return fault(found[1])
  end
  revision = tonumber(found[2] or 0)
  if revision < tonumber(ARGV[2]) then
    -- A write that changes nothing, for the replicas to confirm: a former master that does
    -- not know yet what it is would be behind too.
    redis.call('HSET', KEYS[1], '', ARGV[1])
    return redis.error_reply('WENTBACK the bucket is behind')
  end
  return nil, found[3] or nil
end

-- Returns state, whether the tag is enrolled, how often its sessions were ended, and
-- whether it is behind.
local function traits(record)
  local flags = string.byte(record, 6)
  local enrolled = flags % (2 * ENROLLED) >= ENROLLED
  return flags % ENROLLED, enrolled, string.sub(record, 7), flags >= BEHIND
end

-- Returns the record of a tag, without how often its sessions were ended.
local function recorded(at, state, enrolled, behind)
  return at .. string.char(state + (enrolled and ENROLLED or 0) + (behind and BEHIND or 0))
end

local function one_more(cut)
  return string.format('%.0f', (tonumber(cut) or 0) + 1)
end

-- Makes another revision of the bucket, in which these fields have these values.
local function change(...)
  revision = revision + 1
  redis.call('HSET', KEYS[1], REVISION, string.format('%.0f', revision), ...)
end

-- Milliseconds, UNIX seconds, and the run of the clock in which the first count. *given* is
-- a time in ms that has come already, whatever Redis's clock shows; or all three, made up.
local function moment(given)
  local ms, wall, era = string.match(given, '^(-?%d+) (%d+) (.*)$')
  if ms then
    return tonumber(ms), tonumber(wall), era
  end
  local time = redis.call('TIME')
  local shown = time[1] * 1000 + math.floor(time[2] / 1000)
  return math.max(shown, tonumber(given)), tonumber(time[1]), ''
end

-- Milliseconds from *start* to *ms*, or nil if the clock was set back past *start*.
local function passed(start, ms)
  local elapsed = ms - tonumber(start)
  return elapsed > -TOLERANCE and math.max(0, elapsed) or nil
end

-- Of a session that lives: when it ends for people, and in how many milliseconds; else nil.
-- *record* is that of its tag.
local function live(session, record, ms, era)
  local cut, made, ends, expires, made_in =
    string.match(string.sub(session, 13), '^(%d*) (%d+) (%d+) (%d+) (.*)$')
  local state, _, cuts = traits(record)
  if state ~= ACTIVE or cut ~= cuts or made_in ~= era then
    return nil
  end
  local elapsed = passed(made, ms)
  local lifetime = tonumber(ends) - tonumber(made)
  if not elapsed or elapsed >= lifetime then
    return nil
  end
  return expires, lifetime - elapsed
end
