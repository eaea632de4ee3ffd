/** Records of the evictions topic, broken in every way: what may be served never grows, and a doubt evicts more. */
import { describe, it } from 'vitest'
import { json } from '../../src/wire/codec.ts'
import { applyEviction, decodeRecord, evictionOf } from '../../src/coherence/apply-eviction.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import { EVICTIONS, STRANGE } from './corpus.ts'
import type { Dice } from './dice.ts'
import { Isolate } from './isolate.ts'
import { changedLine, mutantOf } from './mutation.ts'

const MAX_MESSAGE_BYTES = 1_000_000
const NAMESPACES = ['users', 'orders']

/** The values that are held before each record, where they can be held. */
const HELD = [
  { key: '7', tags: ['even'], version: undefined },
  { key: '8', tags: undefined, version: undefined },
  { key: '9', tags: ['odd', 'even'], version: 5 },
  { key: 'eu/7', tags: undefined, version: undefined },
  { key: 'eu/8', tags: ['odd'], version: 41 },
  { key: 'users', tags: undefined, version: undefined },
  { key: '__proto__', tags: ['__proto__'], version: undefined },
  { key: 'constructor', tags: undefined, version: undefined },
] as const
type Held = (typeof HELD)[number]

interface Said {
  readonly v?: number
  readonly op?: string
  readonly ns?: string
  readonly namespace?: string
  readonly key?: string | number
  readonly keys?: readonly string[]
  readonly tags?: readonly string[]
  readonly prefixes?: readonly string[]
  readonly version?: number
  readonly id?: string
}

/** Whether a message evicts a value, by the words of `docs/protocol.md`. */
function evicts(said: Said, namespace: string, { key, tags, version }: Held): boolean {
  const named = said.ns ?? said.namespace
  if (named !== undefined && named !== namespace) return false
  if (said.op === 'beat') return false
  if (said.op === 'clear') return true
  if (said.key !== undefined) return String(said.key) === key
  if (said.keys?.includes(key))
    return said.version === undefined || version === undefined || version < said.version
  return (
    (said.prefixes ?? []).some((prefix) => key.startsWith(prefix)) ||
    (said.tags ?? []).some((tag) => (tags as readonly string[] | undefined)?.includes(tag))
  )
}

interface Input {
  readonly original: Said
  readonly value: Uint8Array
  readonly recordKey: Uint8Array | null
  /** The original's own: its namespace, its key, or none. */
  readonly keyIsKept: boolean
}

const encoder = new TextEncoder()
let made = 0

function make(dice: Dice, kept: string | undefined): Input {
  const template = dice.pick(EVICTIONS) as Said
  // Ids are of one intent each.
  const id = `i${made++}`
  const original = template.id === undefined ? template : { ...template, id }
  const own = original.ns ?? (original.key === undefined ? undefined : String(original.key))
  const asked = dice.random()
  const recordKey = asked < 0.7 ? own : asked < 0.85 ? undefined : changedLine(own ?? 'users', dice)
  const text = kept ?? (dice.chance(0.02) ? dice.pick(STRANGE) : undefined)
  const value = text === undefined ? mutantOf(original, EVICTIONS, dice) : encoder.encode(text)
  const broken = dice.chance(0.02)
  return {
    original,
    value: dice.chance(0.01) ? new Uint8Array() : value,
    recordKey: broken
      ? Uint8Array.of(0xff, 0xfe)
      : recordKey === undefined
        ? null
        : encoder.encode(recordKey),
    keyIsKept: asked < 0.85 || broken,
  }
}

/** The JSON in the bytes, by the platform alone; `undefined` where there is none. */
function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

const OPERATIONS = new Set(['evict', 'intent', 'clear', 'beat'])

/** What is no message that this release understands. */
function isJunk(found: unknown): boolean {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return true
  const { v, op } = found as { v?: unknown; op?: unknown }
  const isOwn = v !== undefined && op !== undefined
  if (isOwn) return v !== 1 || typeof op !== 'string' || !OPERATIONS.has(op)
  return !['key', 'keys', 'tag', 'tags', 'prefix', 'prefixes'].some((name) => Object.hasOwn(found, name))
}

/** Whether it is of kedge, and names another namespace than the original: then it may spare the original. */
const concernsAnother = (found: unknown, { ns }: Said): boolean =>
  typeof found === 'object' && found !== null && 'v' in found && 'op' in found && (found as Said).ns !== ns

const isolate = new Isolate({
  namespaces: { users: {}, orders: {} },
  maxRememberedEvictions: 32,
})

/** Holds what is not held. */
function fill(): void {
  const refused = () =>
    NAMESPACES.some((namespace) =>
      HELD.some(({ key, tags, version }) => {
        if (isolate.peek(namespace, key) !== undefined) return false
        return isolate.hold(namespace, key, `${namespace}/${key}`, { tags, version }) !== undefined
      }),
    )
  if (!refused()) return
  // An intent bars a key, or a version was evicted that all of ours are older than: then nothing can be held here.
  isolate.advance(700_000)
  isolate.anchor(isolate.partition.position)
  if (refused()) throw new Error('what a new isolate loads cannot be held')
}

async function feed({ original, value, recordKey, keyIsKept }: Input): Promise<string> {
  fill()
  const { partition } = isolate
  const offset = partition.position
  const record = { partition: 0, offset, key: recordKey, value }
  const decoded = await decodeRecord(record, json, MAX_MESSAGE_BYTES)
  const eviction = evictionOf(decoded, partition.targets)
  applyEviction(partition.targets, eviction, offset, 'self')
  partition.advance(offset + 1)
  const found = jsonIn(value)
  const isUnreadable = value.length === 0 || isJunk(found)
  if (value.length > 0 && isUnreadable && !eviction.unreadable)
    throw new Error('no event reports it as unreadable')
  const { keys, tags, prefixes, closes } = eviction
  for (const ids of [keys, tags, prefixes, closes])
    if (ids.length > 1000 || ids.some((id) => id.length > 512))
      throw new Error('more is remembered than may be')
  let gone = 0
  for (const namespace of NAMESPACES) {
    for (const held of HELD) {
      const there = isolate.peek(namespace, held.key)
      if (there === undefined) gone++
      else if (there !== `${namespace}/${held.key}`) throw new Error(`${held.key} has become another value`)
      else if (
        (isUnreadable || eviction.unreadable) &&
        keyIsKept &&
        evicts(original, namespace, held) &&
        !concernsAnother(found, original)
      )
        throw new Error(`${namespace}/${held.key} is served after a record that may have evicted it`)
    }
  }
  for (const namespace of NAMESPACES)
    if (isolate.peek(namespace, 'other') !== undefined)
      throw new Error('something is served that was never held')
  if (isUnreadable || eviction.unreadable) return 'unreadable'
  return eviction.empty ? 'empty' : gone === 0 ? 'of nothing held' : 'evicts'
}

describe('a record of the evictions topic', () => {
  it(
    called(
      'evictions',
      'never throws, never lets more be served, and evicts at least as much when it cannot be read',
    ),
    TIMEOUT,
    async () => {
      await run({
        decoder: 'evictions',
        make,
        feed,
        show: ({ original, value, recordKey }) => ({
          original,
          value: Buffer.from(value.subarray(0, 1000)).toString('latin1'),
          recordKey: recordKey && Buffer.from(recordKey).toString('latin1'),
        }),
        sees: ['evicts', 'of nothing held', 'empty', 'unreadable'],
      })
    },
  )
})
