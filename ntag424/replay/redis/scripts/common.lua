-- Begins every script. KEYS[1] is the bucket of a tag; ARGV[1] is the mark that it must
-- bear. A bucket without it was lost, evicted, or is not ours: nothing is decided by it.

local ACTIVE, SUSPENDED, ERASED, ENROLLED = 0, 1, 2, 4

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
  local found = redis.call('HMGET', KEYS[1], '', uid)
  if found[1] ~= ARGV[1] then
    return fault(found[1])
  end
  return nil, found[2] or nil
end

-- Returns state, whether the tag is enrolled, and how often its sessions were ended.
local function traits(record)
  local flags = string.byte(record, 6)
  return flags % ENROLLED, flags >= ENROLLED, string.sub(record, 7)
end

local function write(uid, at, state, enrolled, cut)
  local flags = state + (enrolled and ENROLLED or 0)
  redis.call('HSET', KEYS[1], uid, at .. string.char(flags) .. cut)
end

-- Milliseconds, UNIX seconds, and the run of the clock in which the first count.
local function moment(given)
  if given ~= '' then
    local ms, wall, era = string.match(given, '^(%d+) (%d+) (.*)$')
    return tonumber(ms), tonumber(wall), era
  end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000), tonumber(time[1]), ''
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
