/** Records of the updates topic, broken in every way: nothing is held that an eviction forbids, or for longer than asked. */
import { describe, it } from 'vitest'
import { isSame, type StoredEntry } from '../../src/store/entry.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import { STRANGE, UPDATES } from './corpus.ts'
import type { Dice } from './dice.ts'
import { Isolate, WALL } from './isolate.ts'
import { changedLine, mutantOf } from './mutation.ts'

const KEYS = ['7', '9', 'eu/8', '__proto__', 'x'] as const
const NAMESPACES = ['users', 'orders'] as const
const DAY_MS = 86_400_000
const MAX_ENTRIES = 12
const MAX_BYTES = 60_000

/** Evictions that were applied, at these offsets: what each of them kills is written beside it. */
const EVICTED = [
  { offset: 60, namespace: 'users', key: '7' },
  { offset: 75, namespace: 'orders', key: '7' },
  { offset: 85, namespace: 'users', tag: 'even' },
  { offset: 95, namespace: 'users', prefix: 'eu/' },
] as const

/** What is held and never written by an update: no update may change it. */
const BYSTANDER = 'bystander'

let isolate = new Isolate({ namespaces: {} })

/** An isolate that has read the log from 50 to 100. `orders` takes simple values. */
function renew(): void {
  isolate = new Isolate({
    namespaces: { users: {}, orders: { ttl: '1m' } },
    acceptSimpleValues: ['orders'],
    maxEntries: MAX_ENTRIES,
    maxBytes: MAX_BYTES,
  })
  isolate.anchor(50)
  for (const evicted of EVICTED) {
    const space = isolate.spaces.get(evicted.namespace)!
    if ('key' in evicted) space.evictKey(evicted.key, evicted.offset, {})
    else if ('tag' in evicted) space.evictTag(evicted.tag, evicted.offset)
    else space.evictPrefix(evicted.prefix, evicted.offset)
  }
  isolate.partition.advance(100)
  for (const namespace of NAMESPACES) {
    isolate.hold(namespace, BYSTANDER, namespace)
    isolate.hold(namespace, '7', 'before', { asOf: 96 })
  }
}

interface Input {
  readonly original: { readonly ns?: string; readonly namespace?: string; readonly key?: string }
  readonly value: Uint8Array
  readonly recordKey: string | undefined
  readonly timestamp: number | undefined
}

const encoder = new TextEncoder()

function make(dice: Dice, kept: string | undefined): Input {
  const original = dice.pick(UPDATES) as Input['original']
  const own = `${original.ns ?? original.namespace ?? 'users'}/${original.key ?? 'd'}`
  const asked = dice.random()
  const text = kept ?? (dice.chance(0.02) ? dice.pick(STRANGE) : undefined)
  return {
    original,
    value: text === undefined ? mutantOf(original, UPDATES, dice) : encoder.encode(text),
    recordKey: asked < 0.8 ? own : asked < 0.9 ? undefined : changedLine(own, dice),
    timestamp: dice.chance(0.5)
      ? undefined
      : dice.pick([WALL, WALL - 1000, 0, -1, WALL + DAY_MS, Number.NaN, 1e308, -1e308]),
  }
}

/** The longest that any value in the bytes asks to live, in milliseconds from now; `undefined` where none does. */
function askedMs(value: Uint8Array): number | undefined {
  let found: unknown
  try {
    found = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value))
  } catch {
    return undefined
  }
  if (typeof found !== 'object' || found === null) return undefined
  const { op, ttl, at, values } = found as { op?: unknown; ttl?: unknown; at?: unknown; values?: unknown }
  // A simple message names no load.
  const isOwn = 'v' in found && 'op' in found
  const age = isOwn && typeof at === 'number' ? Math.max(0, WALL + isolate.ms - at) : 0
  const asked: unknown[] =
    // A `put` lives by its own `ttl`, whatever list stands beside it.
    isOwn && op === 'puts' && Array.isArray(values)
      ? values.map((each) => (each as { ttl?: unknown } | null)?.ttl)
      : [ttl]
  const times = asked.map((each) => {
    if (typeof each === 'number') return each
    // A simple value may say it in words, or leave it to its namespace: a minute.
    return typeof each === 'string' ? inWords(each) : 60_000
  })
  return Math.max(...times) - age
}

function inWords(text: string): number {
  const [, count, unit] = /^([\d.]+)(ms|s|m|h|d)$/.exec(text) ?? []
  return Number(count) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS }[unit as 'ms'] || 0
}

async function feed({ original, value, recordKey, timestamp }: Input): Promise<string> {
  renew()
  const { partition, shared, updates } = isolate
  const held = new Map<string, StoredEntry<unknown> | undefined>()
  for (const [name, space] of isolate.spaces)
    for (const key of KEYS) held.set(`${name}/${key}`, space.current(key))
  const refusedBefore = shared.counters.refused
  const record = {
    partition: 0,
    offset: 7,
    key: recordKey === undefined ? null : encoder.encode(recordKey),
    value,
    ...(timestamp !== undefined && { timestamp }),
  }
  const count = await updates.apply([record])
  const now = shared.clock.now()
  let changed = 0
  for (const [name, space] of isolate.spaces) {
    if (isolate.peek(name, BYSTANDER) !== name)
      throw new Error('a value has changed though no message wrote it')
    for (const key of KEYS) {
      const entry = space.current(key)
      const before = held.get(`${name}/${key}`)
      if (entry === undefined || (before && isSame(entry, before))) continue
      changed++
      const asked = askedMs(value) ?? -1
      const leftMs = entry.freshUntil - now
      if (!(leftMs >= 0 && leftMs <= asked + 1 && leftMs <= 2_147_483_647))
        throw new Error(`${name}/${key} lives for ${leftMs} ms, ${asked} were asked for`)
      if (!Number.isSafeInteger(entry.asOf) || entry.asOf < 50 || entry.asOf > partition.asOf)
        throw new Error(`${name}/${key} is as of ${entry.asOf}`)
      for (const evicted of EVICTED) {
        const meets =
          evicted.namespace === name &&
          ('key' in evicted
            ? evicted.key === key
            : 'tag' in evicted
              ? entry.tags?.includes(evicted.tag)
              : key.startsWith(evicted.prefix))
        if (meets && saidAsOf(value) <= evicted.offset)
          throw new Error(`${name}/${key} is held, which was evicted at ${evicted.offset}`)
      }
    }
  }
  const { entries, bytes } = shared.budget
  if (entries > MAX_ENTRIES || bytes > MAX_BYTES || !(bytes >= 0))
    throw new Error(`${entries} entries, ${bytes} bytes`)
  // A record of ours that cannot be read drops its key.
  const isRefused = count === 0 && shared.counters.refused > refusedBefore
  const named = `${original.ns ?? original.namespace ?? 'users'}/${original.key ?? 'd'}`
  if (isUnreadable(value) && recordKey === named) {
    const [name = '', ...rest] = named.split('/')
    if (isolate.peek(name, rest.join('/')) !== undefined)
      throw new Error(`${named} is served after a record that cannot be read`)
    return 'unreadable'
  }
  return changed > 0 ? 'held' : isRefused ? 'refused' : 'nothing'
}

/** As of which position the message says its value is: a simple one says nothing, and is taken as of now. */
function saidAsOf(value: Uint8Array): number {
  const { v, op, asOf } = JSON.parse(new TextDecoder().decode(value)) as {
    v?: unknown
    op?: unknown
    asOf?: number
  }
  return v === undefined || op === undefined ? Infinity : (asOf ?? Infinity)
}

/** Whether it is no JSON at all. */
function isUnreadable(value: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value))
    return false
  } catch {
    return true
  }
}

describe('a record of the updates topic', () => {
  it(
    called(
      'updates',
      'never throws, holds nothing that an eviction forbids, and nothing for longer than it asks',
    ),
    TIMEOUT,
    async () => {
      await run({
        decoder: 'updates',
        make,
        feed,
        show: ({ value, ...rest }) => ({
          ...rest,
          value: Buffer.from(value.subarray(0, 1000)).toString('latin1'),
        }),
        sees: ['held', 'refused', 'nothing', 'unreadable'],
      })
    },
  )
})
