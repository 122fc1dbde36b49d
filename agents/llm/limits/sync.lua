-- Brings one copy and Redis to the same count of a day's money.
--   KEYS  the day
--   ARGV  generation that the copy knows, generation to begin with, life of a day in s,
--         '1' if the copy knows all that was spent, id of a debt or '', how many debts;
--         then the debts (scope, nano-dollars), then all that the copy has seen (the same)
-- A day without generation is new, or Redis has forgotten it. What a copy has seen counts once per
-- generation, the largest of all copies; a debt (spent while Redis was away) is added, once per id.
-- Returns the day's whole hash.
local day = KEYS[1]
local debt, debts = ARGV[5], tonumber(ARGV[6])
local seen = 7 + 2 * debts

local generation = redis.call('HGET', day, '#generation')
if not generation then
  generation = ARGV[2]
  redis.call('HSET', day, '#generation', generation)
end
if generation ~= ARGV[1] then
  for i = seen, #ARGV, 2 do
    local had = tonumber(redis.call('HGET', day, ARGV[i]) or '0')
    if tonumber(ARGV[i + 1]) > had then
      redis.call('HSET', day, ARGV[i], ARGV[i + 1])
    end
  end
  if ARGV[4] == '1' then
    redis.call('HSET', day, '#whole', '1')
  end
end
if debt ~= '' and redis.call('HSETNX', day, '#debt:' .. debt, '1') == 1 then
  for i = 7, seen - 1, 2 do
    if redis.call('HINCRBY', day, ARGV[i], ARGV[i + 1]) < 0 then
      redis.call('HSET', day, ARGV[i], '0')
    end
  end
end
redis.call('EXPIRE', day, ARGV[3])
return redis.call('HGETALL', day)
