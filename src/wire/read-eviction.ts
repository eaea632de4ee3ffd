/**
 * What a record of `cache-evictions` evicts, also where a stranger wrote it.
 *
 * Beside kedge's own messages, the simple ones that another service would write are understood (decision 19):
 * `{ "key": … }`. The rule for doubt (decision 2): an eviction that cannot be read evicts everything in its partition,
 * or the namespace that a later release names.
 *
 * @module
 */
import * as z from 'zod/mini'
import { once } from '../runtime/once.ts'
import { keyReadings, readForeign } from './foreign-eviction.ts'
import { idShape, MAX_IDS, namespaceName } from './ids.ts'
import { isOwn, offset, v } from './message-fields.ts'
import { MAX_INTENT_MS } from './messages.ts'
import { routeOf } from './record-key.ts'

const ids = once(() => z.array(idShape()).check(z.minLength(1), z.maxLength(MAX_IDS)))
const intentId = once(() => z.string().check(z.minLength(1), z.maxLength(64)))

const evictMessage = once(() =>
  z.object({
    v: v(),
    op: z.literal('evict'),
    ns: namespaceName(),
    keys: z.optional(ids()),
    tags: z.optional(ids()),
    prefixes: z.optional(ids()),
    version: z.optional(z.number()),
    why: z.optional(z.literal('ttl')),
    from: z.optional(z.string().check(z.maxLength(64))),
    closes: z.optional(z.array(intentId()).check(z.minLength(1), z.maxLength(MAX_IDS))),
  }),
)
const intentMessage = once(() =>
  z.object({
    v: v(),
    op: z.literal('intent'),
    ns: namespaceName(),
    keys: ids(),
    id: intentId(),
    ttl: z.number().check(z.positive(), z.lte(MAX_INTENT_MS)),
    write: z.optional(z.object({ partition: offset(), offset: offset() })),
  }),
)
const clearMessage = once(() => z.object({ v: v(), op: z.literal('clear'), ns: z.optional(namespaceName()) }))
const beatMessage = once(() => z.object({ v: v(), op: z.literal('beat'), at: z.optional(z.number()) }))

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

const ownEviction = once(() =>
  z.discriminatedUnion('op', [evictMessage(), intentMessage(), clearMessage(), beatMessage()]),
)

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
  const own = ownEviction().safeParse(message)
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
  const named = isOwn(message) ? namespaceName().safeParse((message as { ns?: unknown }).ns).data : undefined
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
