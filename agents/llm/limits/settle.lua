-- Corrects what a call was reserved for by what it used; no count falls below 0.
--   KEYS  the day; then the minute of the reservation for each scope with limits by the minute
--   ARGV  generation, requests, tokens, nano-dollars (each a difference), slot of the reservation;
--         then the names of the scopes
-- Returns {'counted', what each scope has spent today} or {'unsynced'}.
local day, slot = KEYS[1], ARGV[5]

local function correct(key, field, difference)
  local now = redis.call('HINCRBY', key, field, difference)
  if now < 0 then
    redis.call('HSET', key, field, '0')
    now = 0
  end
  return now
end

if redis.call('HGET', day, '#generation') ~= ARGV[1] then
  return {'unsynced'}
end
local answer = {'counted'}
for i = 6, #ARGV do
  answer[#answer + 1] = correct(day, ARGV[i], ARGV[4])
end
for i = 2, #KEYS do
  -- A minute that Redis has dropped counts no more, and must not come back to life.
  if redis.call('HEXISTS', KEYS[i], 'r' .. slot) == 1 then
    correct(KEYS[i], 'r' .. slot, ARGV[2])
    correct(KEYS[i], 't' .. slot, ARGV[3])
  end
end
return answer
