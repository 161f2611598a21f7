"""The scripts that keep limits in a Redis: GCRA on whole numbers, by Redis's own clock, which all hosts have in common.

The value of a key is a decimal number, the tick (125 ns since 2025) at which its bucket is full; with a penalty two
more follow: when the bucket of refusals is empty, and when the block ends.  It ends by itself once all that is over.

NOTE: Lua's numbers have 53 bits; ticks fit into them until 2060.
"""

from __future__ import annotations

from typing import Final

from gateway.state.redis.store import Script

#: functions that scripts begin with: `now`, `read(key)` and `write(key, tat, strikes, blocked)`
PARTS: Final = """
local time = redis.call('TIME')
local now = (time[1] - 1735689600) * 8000000 + time[2] * 8
local function read(key)
  local tat, strikes, blocked = string.match(redis.call('GET', key) or '', '^(%-?%d+) ?(%d*) ?(%d*)$')
  return math.max(tonumber(tat) or now, now), tonumber(strikes) or 0, tonumber(blocked) or 0
end
local function write(key, tat, strikes, blocked)
  local ends = math.max(tat, strikes, blocked)
  if ends <= now then redis.call('DEL', key) return end
  local value = string.format('%.0f', tat)
  if strikes > now or blocked > now then value = value .. string.format(' %.0f %.0f', strikes, blocked) end
  redis.call('SET', key, value, 'PX', string.format('%.0f', math.ceil((ends - now) / 8000)))
end
"""

# Each key has six arguments: interval * cost, tolerance, 1 for a shadow, then each, most and block of the penalty.
# The answer has two numbers for each: at most 0 = there is a place, and after taking it the bucket is full in so many
# ticks (negated); above 0 = so many are missing; and 1 = since the key is blocked.  Nothing is taken when one refuses.
TAKE: Final = Script(
    PARTS
    + """
local answers, changes, refused = {}, {}, false
for n, key in ipairs(KEYS) do
  local at = 6 * (n - 1)
  local cost, tolerance, shadow = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3] == '1'
  local each, most, block = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local tat, strikes, blocked = read(key)
  local missing, is_blocked = tat + cost - now - tolerance, 0
  if block > 0 and blocked > now then
    missing, is_blocked = blocked - now, 1
  elseif missing > 0 and block > 0 and not refused then
    strikes = math.max(strikes, now) + each
    if strikes - now > most - each then
      strikes, blocked, missing, is_blocked = 0, now + block, block, 1
    end
    write(key, tat, strikes, blocked)
  end
  if missing <= 0 then
    missing = now - tat - cost
    changes[#changes + 1] = {key, tat + cost, strikes, blocked}
  elseif not shadow then
    refused = true
  end
  answers[2 * n - 1], answers[2 * n] = missing, is_blocked
end
if not refused then
  for _, change in ipairs(changes) do write(unpack(change)) end
end
return answers
"""
)

# Moves when a bucket is full by so many ticks, later or earlier.
CHARGE: Final = Script(
    PARTS
    + """
local tat, strikes, blocked = read(KEYS[1])
write(KEYS[1], math.max(tat + tonumber(ARGV[1]), now), strikes, blocked)
"""
)

CLEAR: Final = Script("return redis.call('DEL', KEYS[1])")
