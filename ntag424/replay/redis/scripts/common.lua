-- Begins every script. KEYS[1] is the bucket of a tag; ARGV[1] is the mark that it must
-- bear. A bucket without it was lost, evicted, or is not ours: nothing is decided by it.
-- ARGV[2] is the revision that the asking node knows of: a bucket that is behind it went back.

local ACTIVE, SUSPENDED, ERASED, ENROLLED, BEHIND = 0, 1, 2, 4, 8
-- Fields of a bucket besides the mark and the tags.
local REVISION, INCOMPLETE = '\1', '\2'

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

-- Returns an error; or nil, the record of the tag, if there is one, whether tags may be missing
-- from the bucket, and its revision.
local function read(uid)
  local found = redis.call('HMGET', KEYS[1], '', REVISION, INCOMPLETE, uid)
  if found[1] ~= ARGV[1] then
    return fault(found[1])
  end
  local revision = tonumber(found[2] or 0)
  if revision < tonumber(ARGV[2]) then
    return redis.error_reply('BEHIND the bucket went back')
  end
  return nil, found[4] or nil, found[3], revision
end

-- Counts a change; returns the revision in front of what else the script says.
local function changed(word, rest)
  local revision = redis.call('HINCRBY', KEYS[1], REVISION, 1)
  return string.format('%s %.0f%s', word, revision, rest and ' ' .. rest or '')
end

-- Returns state, whether the tag is enrolled, how often its sessions were ended, and whether its
-- next tap only sets its counter.
local function traits(record)
  local flags = string.byte(record, 6)
  local enrolled = math.floor(flags / ENROLLED) % 2 == 1
  return flags % ENROLLED, enrolled, string.sub(record, 7), flags >= BEHIND
end

local function flagged(state, enrolled, behind)
  return string.char(state + (enrolled and ENROLLED or 0) + (behind and BEHIND or 0))
end

local function write(uid, at, state, enrolled, cut, behind)
  redis.call('HSET', KEYS[1], uid, at .. flagged(state, enrolled, behind) .. cut)
end

-- Milliseconds, UNIX seconds, and the run of the clock in which the first count. *given* is a
-- clock's time with all three, or milliseconds that have passed already: should the server's own
-- clock have been set back, what ended by then stays ended.
local function moment(given)
  local ms, wall, era = string.match(given, '^(-?%d+) (-?%d+) (.*)$')
  if ms then
    return tonumber(ms), tonumber(wall), era
  end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return math.max(now, tonumber(given)), tonumber(time[1]), ''
end

-- Of a session that lives: when it ends for people, and in how many milliseconds; else nil.
-- *record* is that of its tag.
local function live(session, record, ms, era)
  local cut, made, ends, expires, made_in =
    string.match(string.sub(session, 13), '^(%d*) (%d+) (%d+) (%d+) (.*)$')
  local state, _, cuts = traits(record)
  -- A clock that was set back past the making of a session revives none.
  if state ~= ACTIVE or cut ~= cuts or made_in ~= era then
    return nil
  elseif ms < tonumber(made) or ms >= tonumber(ends) then
    return nil
  end
  return expires, tonumber(ends) - ms
end
