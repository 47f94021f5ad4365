-- Arguments: nothing, then numbers of buckets. Makes them doubt tags that they do not know.
for number = 2, #ARGV do
  redis.call('HSET', 'ntag424:{' .. ARGV[number] .. '}', INCOMPLETE, '')
end
return 'marked'
