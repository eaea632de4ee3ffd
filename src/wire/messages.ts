/**
 * The messages of the topics, as this release writes them.
 *
 * Everything correctness needs stands in the record's value: most proxies lose headers and timestamps, and
 * three cannot write a tombstone (decision 18). Each message names its version.
 *
 * @module
 */

/** The longest that an intent, or a write that waits to be persisted, may keep values from being held: ten minutes. */
export const MAX_INTENT_MS = 600_000

/** What any message of `cache-evictions` may say of the trace that it is of. */
export interface Traced {
  /** `traceparent` of W3C Trace Context. Of no other form it says nothing, and no message is refused for it. */
  readonly tp?: string | undefined
}

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
  /** Which cache wrote it: isolates remember so many of each. */
  readonly from?: string | undefined
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

/** `cache-updates`: values of a domain, in one record, all from the same moment. */
export interface PutsMessage {
  readonly v: 1
  readonly op: 'puts'
  readonly ns: string
  readonly domain: string
  readonly values: readonly {
    readonly key: string
    readonly value: unknown
    readonly ttl: number
    readonly tags?: readonly string[] | undefined
  }[]
  readonly at: number
  readonly asOf: number
  readonly log?: string | undefined
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
