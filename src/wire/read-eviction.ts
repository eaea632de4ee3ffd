/**
 * What a record of `cache-evictions` evicts, also where a stranger wrote it.
 *
 * Beside kedge's own messages, the simple ones that another service would write are understood (decision 19):
 * `{ "key": … }`. The rule for doubt (decision 2): an eviction that cannot be read evicts everything in its partition,
 * or the namespace that a later release names.
 *
 * @module
 */
import type { Position } from '../ports/kafka-log.ts'
import { keyReadings, readForeign } from './foreign-eviction.ts'
import { isNamespaceName } from './ids.ts'
import {
  is,
  isIds,
  isList,
  isName,
  isNumber,
  isObject,
  isOffset,
  isOwn,
  isPositive,
  isVersion,
  optional,
  shape,
} from './message-fields.ts'
import { MAX_INTENT_MS } from './messages.ts'
import type { BeatMessage, ClearMessage, EvictMessage, IntentMessage } from './messages.ts'
import { routeOf } from './record-key.ts'

const isIntentId = (value: unknown): value is string => isName(value) && value !== ''

const isIntent = shape<IntentMessage>({
  v: is(1),
  op: is('intent'),
  ns: isNamespaceName,
  keys: isIds,
  id: isIntentId,
  ttl: (ttl) => isPositive(ttl) && (ttl as number) <= MAX_INTENT_MS,
  write: optional(shape({ partition: isOffset, offset: isOffset })),
  from: optional(isName),
})
const isClear = shape<ClearMessage>({ v: is(1), op: is('clear'), ns: optional(isNamespaceName) })
const isBeat = shape<BeatMessage>({ v: is(1), op: is('beat'), at: optional(isNumber) })

/** What an intent says beyond its keys. */
export interface Intent {
  readonly id: string
  readonly ttlMs: number
  readonly write: { readonly partition: number; readonly offset: number } | undefined
  /** The cache that announced it, as it says. */
  readonly from?: string | undefined
}

/** An eviction as it is applied. `namespace: undefined` means every namespace of the partition. */
export interface Eviction {
  readonly namespace: string | undefined
  /** A beat: it evicts nothing. */
  readonly empty: boolean
  readonly all: boolean
  /** Namespaces that are evicted whole besides, whatever `namespace` is: the record key names them. */
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

/** Without what else a stranger has put beside it: intents are remembered. */
const positionOf = ({ partition, offset }: Position): Position => ({ partition, offset })

const NONE: readonly string[] = []
const NOTHING: Eviction = {
  empty: false,
  namespace: undefined,
  all: false,
  clears: NONE,
  keys: NONE,
  tags: NONE,
  prefixes: NONE,
  version: undefined,
  announcedBy: undefined,
  intent: undefined,
  closes: NONE,
  unreadable: false,
}

/** The fields of a message before they are checked: it may have them, and others. */
type Unchecked<T> = { readonly [name in keyof Required<T>]: unknown }

/**
 * Field by field, and not by a loop over {@link shape}: of all messages these are the most.
 */
function readEvict(message: Unchecked<EvictMessage>): Eviction | undefined {
  const { v, op, ns: namespace, keys, tags, prefixes, version, why, from, closes } = message
  if (op !== 'evict' || v !== 1 || !isNamespaceName(namespace)) return undefined
  if (!isUnset(keys) && !isIds(keys)) return undefined
  if (!isUnset(tags) && !isIds(tags)) return undefined
  if (!isUnset(prefixes) && !isIds(prefixes)) return undefined
  if (!isUnset(version) && !isVersion(version)) return undefined
  if (!isUnset(why) && why !== 'ttl') return undefined
  if (!isUnset(from) && !isName(from)) return undefined
  if (!isUnset(closes) && !isList(closes, isIntentId)) return undefined
  if (!(keys || tags || prefixes)) return undefined
  return {
    empty: false,
    namespace,
    all: false,
    clears: NONE,
    keys: keys ?? NONE,
    tags: tags ?? NONE,
    prefixes: prefixes ?? NONE,
    version,
    announcedBy: why && from,
    intent: undefined,
    closes: closes ?? NONE,
    unreadable: false,
  }
}

const isUnset = (value: unknown): value is undefined => value === undefined

/** The eviction in a message of kedge's own, as this release writes them; `undefined` for any other. Never throws. */
export function readOwnEviction(message: unknown): Eviction | undefined {
  if (!isObject(message)) return undefined
  const evict = readEvict(message as Unchecked<EvictMessage>)
  if (evict !== undefined) return evict
  if (isIntent(message)) {
    const { ns: namespace, keys, id, ttl: ttlMs, write, from } = message
    return { ...NOTHING, namespace, keys, intent: { id, ttlMs, write: write && positionOf(write), from } }
  }
  if (isClear(message)) return { ...NOTHING, namespace: message.ns, all: true }
  return isBeat(message) ? { ...NOTHING, empty: true } : undefined
}

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
  const own = readOwnEviction(message)
  return own === undefined
    ? readOtherEviction(message, recordKey, isNamespace)
    : routed(own, recordKey, isNamespace)
}

/** The same, where {@link readOwnEviction} has found none. */
export function readOtherEviction(
  message: unknown,
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
): Eviction {
  if (message === undefined) return keyEviction(recordKey, isNamespace)
  const foreign = isOwn(message) ? undefined : readForeign(message)
  if (foreign) {
    const namespace = foreign.namespace ?? routeOf(foreign.keys, recordKey, isNamespace)
    return { ...NOTHING, ...foreign, namespace }
  }
  // A later release may have written it: its meaning is unknown, but its namespace is not.
  const ns = isOwn(message) ? (message as { readonly ns?: unknown }).ns : undefined
  const namespace = isNamespaceName(ns) ? ns : undefined
  return { ...NOTHING, namespace, all: true, unreadable: true }
}

/**
 * kedge writes its evictions under their namespace. Under the name of another one it is unknown which of the two was meant:
 * the message is heeded, and the other namespace is evicted as well.
 */
export function routed(
  own: Eviction,
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
): Eviction {
  const { namespace, keys } = own
  if (namespace === undefined || recordKey === undefined || recordKey === namespace) return own
  if (keys.includes(recordKey) || !isNamespace(recordKey)) return own
  return { ...own, clears: [recordKey], unreadable: true }
}

/** What a record without a value evicts: every reading of its key, which may be a key or the name of a namespace. */
function keyEviction(recordKey: string | undefined, isNamespace: (name: string) => boolean): Eviction {
  const keys = keyReadings(recordKey)
  if (keys !== undefined) return { ...NOTHING, keys, clears: keys.filter(isNamespace) }
  // A record with neither key nor value evicts everything by contract: it is not unreadable.
  return { ...NOTHING, all: true, unreadable: recordKey !== undefined && recordKey !== '' }
}
