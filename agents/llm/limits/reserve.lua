-- Counts one call in every scope, or in none.
--   KEYS  the day; then, for each scope with limits by the minute, this minute and the one before
--   ARGV  generation, requests, tokens, nano-dollars, present slot, first slot that counts,
--         life of a day in s, life of a minute in s; then for each scope its name and its limits:
--         nano-dollars per day, requests and tokens per minute, each empty for none
-- Returns {'counted', what each scope has spent today}, {'unsynced'}, {'uncounted', scope}, or
-- {'full', scope, measure, used, limit, and for a minute its slots: slot, used, slot, used ...}.
local day, generation = KEYS[1], ARGV[1]
local needed = {requests_per_minute = tonumber(ARGV[2]), tokens_per_minute = tonumber(ARGV[3])}
local nano, slot, first = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local FIELD = {requests_per_minute = 'r', tokens_per_minute = 't'}

if redis.call('HGET', day, '#generation') ~= generation then
  return {'unsynced'}
end

local function slots_of(minutes, letter)
  local sum, slots = 0, {}
  for _, key in ipairs(minutes) do
    local fields = redis.call('HGETALL', key)
    for i = 1, #fields, 2 do
      if string.sub(fields[i], 1, 1) == letter then
        local at, used = tonumber(string.sub(fields[i], 2)), tonumber(fields[i + 1])
        if at >= first then
          sum = sum + used
          slots[#slots + 1] = at
          slots[#slots + 1] = used
        end
      end
    end
  end
  return sum, slots
end

local scopes, key = {}, 2
for i = 9, #ARGV, 4 do
  local scope = {name = ARGV[i], usd = ARGV[i + 1], minutes = {}}
  local limits = {requests_per_minute = ARGV[i + 2], tokens_per_minute = ARGV[i + 3]}
  scopes[#scopes + 1] = scope
  if scope.usd ~= '' then
    if not redis.call('HGET', day, '#whole') then
      return {'uncounted', #scopes}
    end
    local spent = tonumber(redis.call('HGET', day, scope.name) or '0')
    if spent + nano > tonumber(scope.usd) then
      return {'full', #scopes, 'usd_per_day', spent, tonumber(scope.usd)}
    end
  end
  if limits.requests_per_minute ~= '' or limits.tokens_per_minute ~= '' then
    scope.minutes = {KEYS[key], KEYS[key + 1]}
    key = key + 2
    for measure, limit in pairs(limits) do
      if limit ~= '' then
        local used, slots = slots_of(scope.minutes, FIELD[measure])
        if used + needed[measure] > tonumber(limit) then
          local full = {'full', #scopes, measure, used, tonumber(limit)}
          for _, number in ipairs(slots) do
            full[#full + 1] = number
          end
          return full
        end
      end
    end
  end
end

local answer = {'counted'}
for _, scope in ipairs(scopes) do
  answer[#answer + 1] = redis.call('HINCRBY', day, scope.name, ARGV[4])
  if scope.minutes[1] then
    redis.call('HINCRBY', scope.minutes[1], 'r' .. slot, ARGV[2])
    redis.call('HINCRBY', scope.minutes[1], 't' .. slot, ARGV[3])
    redis.call('EXPIRE', scope.minutes[1], ARGV[8])
  end
end
redis.call('EXPIRE', day, ARGV[7])
return answer
