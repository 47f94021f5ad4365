-- KEYS: bucket. Returns the record of a tag, or nothing.
local error, record = read(ARGV[3])
return error or record or false
