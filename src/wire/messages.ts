/**
 * The messages of the three topics, and how strange ones are understood.
 *
 * Everything correctness needs stands in the record's value: most proxies lose headers and timestamps, and
 * three cannot write a tombstone. Each message names its version. Beside kedge's own messages, the simple ones
 * that another service would write are understood: `{ "key": … }` and `{ "key": …, "value": …, "ttl": … }`.
 *
 * The rule for doubt: an eviction that cannot be read evicts everything in its partition, or the namespace that a later
 * release names; an update that cannot be read evicts its key.
 *
 * @module
 */
import * as z from 'zod'
import type { PutsMessage } from './batch-message.ts'
import { durationMs } from '../runtime/duration.ts'
import type { Duration } from '../runtime/duration.ts'
import { keyReadings, readForeign } from './foreign-eviction.ts'
import { idShape, MAX_IDS, namespaceName } from './ids.ts'

/** The longest that an intent, or a write that waits to be persisted, may keep values from being held: ten minutes. */
export const MAX_INTENT_MS = 600_000

/** `cache-evictions`: what must no longer be served. */
export interface EvictMessage {
  readonly v: 1
  readonly op: 'evict'
  readonly ns: string
  readonly keys?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly prefixes?: readonly string[] | undefined
  /** Evict only values made from an older version of the row. */
  readonly version?: number | undefined
  /** `'ttl'` for an announced expiry: nothing changed at the source. */
  readonly why?: 'ttl' | undefined
  /** Which cache wrote it, so that it can tell its own announcements. */
  readonly from?: string | undefined
  /** Intents that have come to their end: what they announced has happened, or will not. */
  readonly closes?: readonly string[] | undefined
}

/**
 * `cache-evictions`: the keys are about to be written at their source. They are evicted, and until an eviction closes
 * the intent, or its time is over, what is loaded of them is not held.
 */
export interface IntentMessage {
  readonly v: 1
  readonly op: 'intent'
  readonly ns: string
  readonly keys: readonly string[]
  readonly id: string
  /** Milliseconds from its receipt, at most ten minutes. */
  readonly ttl: number
  /** Where the value stands in `cache-writes`, when it is written to the source from there. */
  readonly write?: { readonly partition: number; readonly offset: number } | undefined
}

/** `cache-evictions`: a whole namespace, or everything. */
export interface ClearMessage {
  readonly v: 1
  readonly op: 'clear'
  readonly ns?: string | undefined
}

/** `cache-evictions`: evicts nothing, but keeps the log's identity verifiable while no evictions come. */
export interface BeatMessage {
  readonly v: 1
  readonly op: 'beat'
  /** When it was written, in milliseconds since the epoch: so that no two are alike, in any log. */
  readonly at?: number | undefined
}

/** `cache-updates`: a value, and from when it is. */
export interface PutMessage {
  readonly v: 1
  readonly op: 'put'
  readonly ns: string
  readonly key: string
  readonly value: unknown
  /** Milliseconds to live from `at`. */
  readonly ttl: number
  /** When its load began: milliseconds since the epoch, by the writer's clock. */
  readonly at: number
  /** The position in the evictions topic that its reader held before it began to read the source. */
  readonly asOf: number
  /** Identity of that evictions topic, where the writer knew it. */
  readonly log?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly version?: number | undefined
  /** How long after every eviction of it that its loader knew the load began at least, in milliseconds. */
  readonly settle?: number | undefined
}

/** `cache-updates`: the key has no value any more. */
export interface DeleteMessage {
  readonly v: 1
  readonly op: 'del'
  readonly ns: string
  readonly key: string
  readonly asOf: number
  /** The source was read and has none. Without it, only what was held of the key is to be dropped. */
  readonly none?: true | undefined
  /** When that load began: milliseconds since the epoch, by the writer's clock. */
  readonly at?: number | undefined
  /** Identity of the evictions topic, where the writer knew it. */
  readonly log?: string | undefined
}

/** `cache-requests`: a miss that asks a loader service to load. */
export interface RequestMessage {
  readonly v: 1
  readonly op: 'load'
  readonly ns: string
  readonly key: string
  /** The asker waits until this moment: milliseconds since the epoch, by its own clock. */
  readonly deadline: number
  /** Where the asker begins to read the key's partition of the updates topic: only what stands there or later answers. */
  readonly end?: number | undefined
  /** The position in the evictions topic that the asker held: an answer of an earlier one may be of no use to it. */
  readonly asOf?: number | undefined
  /** Identity of that evictions topic, where the asker knew it. */
  readonly log?: string | undefined
}

export type Message =
  | EvictMessage
  | IntentMessage
  | ClearMessage
  | BeatMessage
  | PutMessage
  | PutsMessage
  | DeleteMessage
  | RequestMessage

const ids = z.array(idShape).min(1).max(MAX_IDS)
const offset = z.number().int().nonnegative()
const v = z.literal(1)
const intentId = z.string().min(1).max(64)

const evictMessage = z.object({
  v,
  op: z.literal('evict'),
  ns: namespaceName,
  keys: ids.optional(),
  tags: ids.optional(),
  prefixes: ids.optional(),
  version: z.number().optional(),
  why: z.literal('ttl').optional(),
  from: z.string().max(64).optional(),
  closes: z.array(intentId).min(1).max(MAX_IDS).optional(),
})
const intentMessage = z.object({
  v,
  op: z.literal('intent'),
  ns: namespaceName,
  keys: ids,
  id: intentId,
  ttl: z.number().positive().max(MAX_INTENT_MS),
  write: z.object({ partition: offset, offset }).optional(),
})
const clearMessage = z.object({ v, op: z.literal('clear'), ns: namespaceName.optional() })
const beatMessage = z.object({ v, op: z.literal('beat'), at: z.number().optional() })
const putMessage = z.object({
  v,
  op: z.literal('put'),
  ns: namespaceName,
  key: idShape,
  value: z.unknown(),
  ttl: z.number().positive(),
  at: z.number().nonnegative(),
  asOf: offset,
  log: z.string().max(64).optional(),
  tags: z.array(idShape).max(MAX_IDS).optional(),
  version: z.number().optional(),
  settle: z.number().optional(),
})
const logIdentity = z.string().max(64).optional()
const deleteMessage = z.object({
  v,
  op: z.literal('del'),
  ns: namespaceName,
  key: idShape,
  asOf: offset,
  none: z.literal(true).optional(),
  at: z.number().nonnegative().optional(),
  log: logIdentity,
})
const requestMessage = z.object({
  v,
  op: z.literal('load'),
  ns: namespaceName,
  key: idShape,
  deadline: z.number().nonnegative(),
  end: offset.optional(),
  asOf: offset.optional(),
  log: logIdentity,
})

/** What another service writes without knowing kedge. Further fields are ignored. */
const simpleMessage = z.object({
  key: z.union([idShape, z.number().transform(String)]),
  ns: namespaceName.optional(),
  namespace: namespaceName.optional(),
  // Optional in so many words: zod 4 takes a missing key for an error even where anything may stand.
  value: z.unknown().optional(),
  ttl: z.union([z.number().positive(), z.string().max(32)]).optional(),
})

/** The request in a record of `cache-requests`, or `undefined` when it is none. */
export function readRequest(message: unknown): RequestMessage | undefined {
  return requestMessage.safeParse(message).data
}

/** What an intent says beyond its keys. */
export interface Intent {
  readonly id: string
  readonly ttlMs: number
  readonly write: { readonly partition: number; readonly offset: number } | undefined
}

/** An eviction as it is applied. `namespace: undefined` means every namespace of the partition. */
export interface Eviction {
  readonly namespace: string | undefined
  /** A beat: it evicts nothing. */
  readonly empty: boolean
  readonly all: boolean
  /** Namespaces that are evicted whole besides: their names are readings of the record key, as the keys are. */
  readonly clears: readonly string[]
  readonly keys: readonly string[]
  readonly tags: readonly string[]
  readonly prefixes: readonly string[]
  readonly version: number | undefined
  /** Set for an announced expiry: the cache that wrote it need not heed it. */
  readonly announcedBy: string | undefined
  /** Set where the keys are only about to be written. */
  readonly intent: Intent | undefined
  /** Ids of intents that end with it. */
  readonly closes: readonly string[]
  /** Whether the record could not be understood, and this is what is evicted to be on the safe side. */
  readonly unreadable: boolean
}

const NOTHING: Eviction = {
  empty: false,
  namespace: undefined,
  all: false,
  clears: [],
  keys: [],
  tags: [],
  prefixes: [],
  version: undefined,
  announcedBy: undefined,
  intent: undefined,
  closes: [],
  unreadable: false,
}

const ownEviction = z.discriminatedUnion('op', [evictMessage, intentMessage, clearMessage, beatMessage])

/**
 * The eviction that a record of `cache-evictions` stands for. Never throws.
 *
 * @param message the decoded value; `undefined` for a null, empty or undecodable one
 * @param recordKey the record's key as text, where it has one
 * @param isNamespace whether a text is a namespace in use here
 */
export function readEviction(
  message: unknown,
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
): Eviction {
  const own = ownEviction.safeParse(message)
  if (own.success) {
    const said = own.data
    if (said.op === 'beat') return { ...NOTHING, empty: true }
    if (said.op === 'clear') return { ...NOTHING, namespace: said.ns, all: true }
    if (said.op === 'intent') {
      const intent = { id: said.id, ttlMs: said.ttl, write: said.write }
      return { ...NOTHING, namespace: said.ns, keys: said.keys, intent }
    }
    if (said.keys || said.tags || said.prefixes) {
      return {
        ...NOTHING,
        namespace: said.ns,
        keys: said.keys ?? [],
        tags: said.tags ?? [],
        prefixes: said.prefixes ?? [],
        version: said.version,
        announcedBy: said.why === 'ttl' ? said.from : undefined,
        closes: said.closes ?? [],
      }
    }
  }
  if (message === undefined) return keyEviction(recordKey, isNamespace)
  const foreign = isOwn(message) ? undefined : readForeign(message)
  if (foreign) {
    const namespace = foreign.namespace ?? routeOf(foreign.keys, recordKey, isNamespace)
    return { ...NOTHING, ...foreign, namespace }
  }
  // A later release may have written it: its meaning is unknown, but its namespace is not.
  const named = isOwn(message) ? namespaceName.safeParse((message as { ns?: unknown }).ns).data : undefined
  if (named !== undefined) return { ...NOTHING, namespace: named, all: true, unreadable: true }
  return { ...NOTHING, all: true, unreadable: true }
}

/** What a record without a value evicts: every reading of its key, which may be a key or the name of a namespace. */
function keyEviction(recordKey: string | undefined, isNamespace: (name: string) => boolean): Eviction {
  const keys = keyReadings(recordKey)
  if (keys !== undefined) return { ...NOTHING, keys, clears: keys.filter(isNamespace) }
  // A record with neither key nor value evicts everything by contract: it is not unreadable.
  return { ...NOTHING, all: true, unreadable: recordKey !== undefined && recordKey !== '' }
}

/** A message that carries a version is kedge's own, perhaps of a later release: never a simple one. */
const isOwn = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'v' in message && 'op' in message

/**
 * The namespace that the record key of a simple message names. A message that names none concerns its keys in every
 * namespace: which of them was meant cannot be known, and dropping a value is always safe.
 */
function routeOf(
  keys: readonly string[],
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
): string | undefined {
  return recordKey !== undefined && !keys.includes(recordKey) && isNamespace(recordKey)
    ? recordKey
    : undefined
}

/** A value as it arrives from `cache-updates`. */
export interface ArrivedValue {
  readonly kind: 'value'
  readonly namespace: string
  readonly key: string
  readonly value: unknown
  readonly ttlMs: number
  /** When its load began, by the writer's clock; `undefined` in simple messages. */
  readonly at: number | undefined
  /** `undefined` in simple messages. */
  readonly asOf: number | undefined
  readonly logId: string | undefined
  readonly tags: readonly string[] | undefined
  readonly version: number | undefined
  /** How long its source had settled, at least, when it was loaded; `undefined` where that is not said. */
  readonly settleMs?: number | undefined
}

/** A key whose value must go: deleted, replaced, or its update could not be read. */
export interface ArrivedDrop {
  readonly kind: 'drop'
  /** `undefined`: in every namespace. */
  readonly namespace: string | undefined
  readonly key: string
  /** Values as of this position or later stay; `undefined`: none does. */
  readonly asOf: number | undefined
  readonly unreadable: boolean
  /** The source was read as of `asOf`, and has none. */
  readonly none?: true
  /** When that load began, by the writer's clock. */
  readonly at?: number | undefined
  readonly logId?: string | undefined
}

export type Arrived = ArrivedValue | ArrivedDrop

/** Namespace and key of an update of our own, of which nothing else can be read. */
const whereabouts = z.object({ ns: namespaceName, key: idShape })

const ownUpdate = z.discriminatedUnion('op', [putMessage, deleteMessage])

/** The key of an update's record: the namespace's name, `/`, the key. Names have no `/`. */
export const updateRecordKey = (namespace: string, key: string): string => `${namespace}/${key}`

/** What a record of `cache-updates` stands for; `undefined` when it names no key at all. Never throws. */
export function readUpdate(
  message: unknown,
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
  defaultTtlMs: (namespace: string) => number,
): Arrived | undefined {
  const own = ownUpdate.safeParse(message)
  if (own.success) {
    const said = own.data
    if (said.op === 'del') {
      const none = said.none && ({ none: true, at: said.at, logId: said.log } as const)
      return { kind: 'drop', namespace: said.ns, key: said.key, asOf: said.asOf, unreadable: false, ...none }
    }
    const { ns, key, value, ttl, at, asOf, log, tags, version, settle } = said
    if (value !== undefined)
      return {
        kind: 'value',
        namespace: ns,
        key,
        value,
        ttlMs: ttl,
        at,
        asOf,
        logId: log,
        tags,
        version,
        settleMs: settle,
      }
  }
  const split = splitRecordKey(recordKey, isNamespace)
  const simple = isOwn(message) ? undefined : simpleMessage.safeParse(message).data
  if (simple) {
    const namespace =
      simple.ns ?? simple.namespace ?? routeOf([simple.key], recordKey, isNamespace) ?? split?.namespace
    if (namespace === undefined || simple.value === undefined) {
      return { kind: 'drop', namespace, key: simple.key, asOf: undefined, unreadable: false }
    }
    const ttlMs = simpleTtlMs(simple.ttl, defaultTtlMs(namespace))
    if (ttlMs !== undefined) {
      const none = { at: undefined, asOf: undefined, logId: undefined, tags: undefined, version: undefined }
      return { kind: 'value', namespace, key: simple.key, value: simple.value, ttlMs, ...none }
    }
  }
  const unreadable = message !== undefined
  const named = isOwn(message) ? whereabouts.safeParse(message).data : undefined
  if (named) return { kind: 'drop', namespace: named.ns, key: named.key, asOf: undefined, unreadable }
  if (split) return { kind: 'drop', ...split, asOf: undefined, unreadable }
  if (recordKey === undefined || recordKey.length === 0) return undefined
  return { kind: 'drop', namespace: undefined, key: recordKey, asOf: undefined, unreadable }
}

function splitRecordKey(
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
): { namespace: string; key: string } | undefined {
  const slash = recordKey?.indexOf('/') ?? -1
  if (recordKey === undefined || slash <= 0 || slash === recordKey.length - 1) return undefined
  const namespace = recordKey.slice(0, slash)
  return isNamespace(namespace) ? { namespace, key: recordKey.slice(slash + 1) } : undefined
}

function simpleTtlMs(ttl: number | string | undefined, defaultMs: number): number | undefined {
  if (ttl === undefined) return defaultMs
  try {
    return durationMs(ttl as Duration, 'ttl')
  } catch {
    return undefined
  }
}
