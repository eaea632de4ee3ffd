/**
 * The scripts of the sink.
 *
 * Beside each key stands a companion with the version of its value: `generation major minor` (decision 26). The
 * generation orders epochs: versions of a deleted topic do not outrank those of a new one of its name, whose offsets
 * begin at 0 (decision 27).
 *
 * @module
 */
import { BYTES, LuaScript } from './lua-script.ts'

/**
 * Lua: one write, compared and carried out. The companion goes first: where Redis runs out of memory between
 * the two, the value is older than its version says, and the sync writes it again with the batch.
 */
const UPSERT = String.raw`
${BYTES}
local function upsert(key, companion, generation, flag, value, major, minor, ttl, keep)
  local kind = redis.pcall('STRLEN', key)
  if type(kind) == 'table' then return kind.err end
  local held = redis.pcall('GET', companion)
  if type(held) == 'table' then return held.err end
  local g, a, b = string.match(held or '', '^(%S+) (%S+) (%S+)$')
  g, a, b = tonumber(g or ''), tonumber(a or ''), tonumber(b or '')
  if g and a and b then
    local mine, x, y = tonumber(generation), tonumber(major), tonumber(minor)
    if g > mine or (g == mine and (a > x or (a == x and b > y))) then return 0 end
  end
  local version = generation .. ' ' .. major .. ' ' .. minor
  if flag == 'x' then
    redis.call('SET', companion, version, 'PX', keep)
    redis.call('DEL', key)
  elseif ttl == '' then
    redis.call('SET', companion, version)
    redis.call('SET', key, bytes(flag, value))
  else
    redis.call('SET', companion, version, 'PX', keep)
    redis.call('SET', key, bytes(flag, value), 'PX', ttl)
  end
  return 1
end
local function upserts(generation, first, at)
  local reply = {0, 0}
  local index = 0
  for k = first, #KEYS, 2 do
    local done = upsert(KEYS[k], KEYS[k + 1], generation,
      ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
    if done == 1 then reply[1] = reply[1] + 1
    elseif done == 0 then reply[2] = reply[2] + 1
    else
      reply[#reply + 1] = index
      reply[#reply + 1] = done
    end
    index, at = index + 1, at + 6
  end
  return reply
end
`

/**
 * `KEYS`: the stream's state, then key and companion of each write. `ARGV`: epoch, field of the partition, the position
 * to move it to (or ''), how many positions must be there, their fields and values, then the writes. Answers `{}` where
 * the epoch or a position is gone, else `{written, superseded, index, reason, …}`.
 */
export const WRITE: LuaScript = new LuaScript(String.raw`${UPSERT}
local state = redis.call('HMGET', KEYS[1], 'epoch', 'generation', ARGV[2])
if state[1] ~= ARGV[1] or not state[2] then return {} end
local count = tonumber(ARGV[4])
for k = 5, 4 + 2 * count, 2 do
  local held = tonumber(redis.call('HGET', KEYS[1], ARGV[k]) or '')
  if not held or held < tonumber(ARGV[k + 1]) then return {} end
end
local reply = upserts(state[2], 2, 5 + 2 * count)
local at = tonumber(state[3] or '')
if ARGV[3] ~= '' and (not at or at < tonumber(ARGV[3])) then redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) end
return reply
`)

/** As {@link WRITE}, without a state beside it. `ARGV`: generation, then the writes. */
export const UPSERT_ALONE: LuaScript = new LuaScript(String.raw`${UPSERT}
return upserts(ARGV[1], 1, 2)
`)

/** The state as a list of names and values: a script's answer is the same list in RESP2 and RESP3. */
export const READ: LuaScript = new LuaScript(String.raw`return redis.call('HGETALL', KEYS[1])`)

/**
 * The epoch and generation there, and the next generation, above that and not below the clock: so the next
 * generation is higher even where Redis has evicted the state. Answers `{epoch or '', generation or '', next
 * generation}`.
 */
export const PROPOSE: LuaScript = new LuaScript(String.raw`
local state = redis.call('HMGET', KEYS[1], 'epoch', 'generation')
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local held = tonumber(state[2] or '') or 0
return {state[1] or '', state[2] or '', string.format('%.0f', math.max(now, held + 1))}
`)

/**
 * `ARGV`: epoch, generation, identity of the topic, the epoch that must be there (or ''), and whether it matters. Where
 * it does not, the higher generation wins.
 */
export const BEGIN: LuaScript = new LuaScript(String.raw`
local state = redis.call('HMGET', KEYS[1], 'epoch', 'generation')
if ARGV[5] == '1' then
  if (state[1] or '') ~= ARGV[4] then return 0 end
elseif (tonumber(state[2] or '') or 0) > tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'generation', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'log', ARGV[3]) end
return 1
`)
