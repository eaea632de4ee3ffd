/**
 * The scripts of the tier.
 *
 * Each bucket has a state: a hash with `position`, `log`, `generation` (made at random when the position was begun
 * with), `floor` and `f:NAMESPACE` (the last eviction of a group, of all and of one namespace), and `n:NAMESPACE` for
 * the namespaces that have covered items, so that an eviction that names a key of any namespace finds them
 * (decision 31). All of it is one key: it is lost together (decision 30).
 *
 * An item is a string: `k1 v asOf version covered generation log`, a line break, the bytes. An evicted key
 * leaves, for a while, `k1 x plain versioned floor generation`: what an isolate remembers of an eviction, so
 * that the tier refuses a late load as the isolate does.
 *
 * @module
 */
import { BYTES, LuaScript } from './lua-script.ts'

/** Longer than every header. */
export const HEADER_BYTES = 512

/** Namespaces of a bucket that are kept apart; beyond them an eviction of one is taken for one of all. */
const MAX_NAMES = 1000

/** Lua: a position or an offset of a state, `nil` for what is none: a stranger may have written there. */
const WHOLE = String.raw`
local function whole(text)
  return text and #text <= 16 and string.match(text, '^%d+$') and tonumber(text) or nil
end
`

/** Lua: the first line of what stands at a key; the script deletes a key of another type. */
const HEADER = String.raw`
local function header(key)
  local found = redis.pcall('GETRANGE', key, 0, ${HEADER_BYTES - 1})
  if type(found) == 'table' then
    redis.call('DEL', key)
    found = ''
  end
  local kind, a, b, c, generation, log = string.match(found, '^k1 ([vx]) (%S+) (%S+) (%S+) (%S+) (%S+)\n')
  if kind == 'v' and tonumber(a) then
    return {kind = kind, asOf = tonumber(a), version = tonumber(b), covered = c, generation = generation, log = log}
  end
  if kind == 'x' and tonumber(a) and tonumber(b) then
    return {kind = kind, plain = tonumber(a), versioned = tonumber(b), floor = tonumber(c), generation = generation}
  end
  return {}
end
`

/** `KEYS`: state, items. `ARGV`: namespace. State and items of one moment. */
export const GET: LuaScript = new LuaScript(String.raw`
local keys = {}
for k = 2, #KEYS do keys[k - 1] = KEYS[k] end
return {
  redis.call('HMGET', KEYS[1], 'position', 'log', 'generation', 'floor', 'f:' .. ARGV[1]),
  redis.call('MGET', unpack(keys))
}
`)

/** `KEYS`: state, items. `ARGV`: namespace, log, then for each item: flag, bytes, as-of, version, time to live. */
export const SET: LuaScript = new LuaScript(String.raw`${BYTES}${HEADER}${WHOLE}
local name = ARGV[1]
local state = redis.call('HMGET', KEYS[1], 'position', 'log', 'generation', 'floor', 'f:' .. name, 'n:' .. name)
local position = whole(state[1])
local follows = position and state[2] == ARGV[2] and state[3]
local generation = follows and state[3] or '-'
local floor = math.max(whole(state[4]) or -1, whole(state[5]) or -1)
local known = state[6]

local function refused(held, asOf, version)
  if follows and asOf <= floor then return true end
  if held.kind == 'x' and follows and held.generation == generation then
    if held.plain >= asOf then return true end
    local newer = version and held.floor and version >= held.floor
    if held.versioned >= asOf and not newer then return true end
    return version and held.floor and version < held.floor
  end
  if held.kind ~= 'v' then return false end
  -- As-ofs of two logs cannot be compared; a value that a group's eviction killed counts as gone.
  if held.log ~= ARGV[2] and held.log ~= '-' and ARGV[2] ~= '-' then return false end
  if follows and held.asOf <= floor then return false end
  if version and held.version and version ~= held.version then return held.version > version end
  if held.asOf ~= asOf then return held.asOf > asOf end
  -- The same again, too late to be covered: what is there is worth more.
  return follows and held.covered == '1' and held.generation == generation and asOf < position
end

local kept = 0
for k = 2, #KEYS do
  local at = 3 + (k - 2) * 5
  local asOf, version = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  if not refused(header(KEYS[k]), asOf, version) then
    local covered = '0'
    if follows and asOf >= position then
      covered = '1'
      if not known then
        known = true
        if redis.call('HINCRBY', KEYS[1], 'names', 1) <= ${MAX_NAMES} then
          redis.call('HSET', KEYS[1], 'n:' .. name, '1')
        end
      end
    end
    local line = 'k1 v ' .. ARGV[at + 2] .. ' ' .. ARGV[at + 3] .. ' ' .. covered .. ' ' .. generation .. ' ' .. ARGV[2]
    redis.call('SET', KEYS[k], line .. '\n' .. bytes(ARGV[at], ARGV[at + 1]), 'PX', ARGV[at + 4])
    kept = kept + 1
  end
end
return kept
`)

/** `KEYS`: items. `ARGV`: offset. */
export const DELETE: LuaScript = new LuaScript(String.raw`${HEADER}
for k = 1, #KEYS do
  local held = header(KEYS[k])
  if held.kind == 'v' and held.asOf <= tonumber(ARGV[1]) then redis.call('DEL', KEYS[k]) end
end
return 0
`)

/** `KEYS`: state. `ARGV`: position, log, generation. */
export const BEGIN: LuaScript = new LuaScript(String.raw`${WHOLE}
local state = redis.call('HMGET', KEYS[1], 'position', 'log', 'generation')
local held = whole(state[1])
if held and state[3] and state[2] == ARGV[2] and held >= tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'position', ARGV[1], 'log', ARGV[2], 'generation', ARGV[3])
return 1
`)

/**
 * Whole evictions, and the move of the position past them, in one step: the tier would call an item covered
 * that was stored between the two, although no eviction has reached it (decision 29).
 *
 * `KEYS`: state, items that evictions name with their namespace. `ARGV`: from, to, log, how long evicted keys are
 * remembered, beginning of items' names, end of the batch, number of groups, for each a namespace (or '') and an offset, then for each
 * key: its place in KEYS or 0, the key, offset, version. Answers 1, or 0 where there is a gap.
 *
 * The position comes last: a script that fails before leaves it where it was, and the applier applies all of
 * it again.
 */
export const APPLY: LuaScript = new LuaScript(String.raw`${HEADER}${WHOLE}
local state = redis.call('HMGET', KEYS[1], 'position', 'log', 'generation')
local position, generation = whole(state[1]), state[3]
if not position or not generation or state[2] ~= ARGV[3] or position < tonumber(ARGV[1]) then return 0 end
-- Another applier was here before.
if position >= tonumber(ARGV[6]) then return 1 end

local function evict(key, offset, version)
  local held = header(key)
  if held.kind == 'v' then
    local dies = held.asOf <= offset
    if version and held.version then dies = held.version < version end
    if not dies then return end
  end
  redis.call('DEL', key)
  if ARGV[4] == '0' then return end
  if held.kind ~= 'x' or held.generation ~= generation then held = {plain = -1, versioned = -1} end
  if version then
    held.versioned = math.max(held.versioned, offset)
    held.floor = math.max(held.floor or version, version)
  else
    held.plain = math.max(held.plain, offset)
  end
  local floor = held.floor and string.format('%.17g', held.floor) or '-'
  local line = string.format('k1 x %.0f %.0f ', held.plain, held.versioned) .. floor .. ' ' .. generation .. ' -\n'
  -- Refusing late loads is a kindness, not a promise: without memory for it they are judged by their as-of.
  redis.pcall('SET', key, line, 'PX', ARGV[4])
end

local function raise(field, offset)
  local held = whole(redis.call('HGET', KEYS[1], field))
  if not held or held < offset then redis.call('HSET', KEYS[1], field, string.format('%.0f', offset)) end
end

local groups = tonumber(ARGV[7])
for at = 8, 7 + 2 * groups, 2 do
  local name, offset = ARGV[at], tonumber(ARGV[at + 1])
  local field = 'f:' .. name
  if name == '' then raise('floor', offset)
  elseif redis.call('HEXISTS', KEYS[1], field) == 1 then raise(field, offset)
  elseif redis.call('HINCRBY', KEYS[1], 'floors', 1) <= ${MAX_NAMES} then raise(field, offset)
  else raise('floor', offset) end
end

local names
local function everywhere(key, offset, version)
  if not names then
    names = {}
    if (tonumber(redis.call('HGET', KEYS[1], 'names') or '') or 0) > ${MAX_NAMES} then names.crowded = true end
    for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
      if string.sub(field, 1, 2) == 'n:' then names[#names + 1] = string.sub(field, 3) end
    end
  end
  if names.crowded then return raise('floor', offset) end
  for _, name in ipairs(names) do evict(ARGV[5] .. name .. ':' .. key, offset, version) end
end

for at = 8 + 2 * groups, #ARGV, 4 do
  local place, offset, version = tonumber(ARGV[at]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  if place > 0 then evict(KEYS[place], offset, version) else everywhere(ARGV[at + 1], offset, version) end
end
if position < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], 'position', ARGV[2]) end
return 1
`)
