/**
 * The port to a shared tier: a store between the isolates and the source (Redis, Memcached, KV, the Cache API).
 *
 * A tier keeps bytes and says how old they are; it decides nothing about freshness. What it returns is judged by
 * the isolate under the carrier rule: a value is held and served only if every eviction since its as-of is known,
 * either here or, for a tier that follows the log, there. A tier that lags, forgets or is down costs misses, never
 * freshness.
 *
 * @module
 */
import type { CallOptions } from './kafka-log.ts'

/** Where keys live: a namespace, and the partition of the evictions topic that it belongs to. */
export interface TierPlace {
  readonly namespace: string
  readonly partition: number
  /** Identity of the evictions topic, where it is known. */
  readonly logId: string | undefined
}

/** A value as a tier returns it. */
export interface TierItem {
  /** A packed `put` message, as in the updates topic. Opaque to the tier. */
  readonly bytes: Uint8Array
  readonly asOf: number
  /**
   * Whether the evictions that the tier has applied speak for this value: it was stored when the tier's applied
   * position was known and not above the value's as-of. Where it is `false`, its as-of alone counts.
   */
  readonly covered: boolean
}

/** How far a tier has applied the evictions topic: every eviction below `position`. */
export interface AppliedPosition {
  readonly position: number
  readonly logId: string | undefined
}

export interface TierAnswer {
  readonly items: ReadonlyMap<string, TierItem>
  /** Read in the same step as the items. `undefined` where the tier follows no log, or was wiped. */
  readonly applied: AppliedPosition | undefined
}

/** A value on its way into a tier. */
export interface TierWrite {
  readonly key: string
  /** A packed `put` message. */
  readonly bytes: Uint8Array
  readonly asOf: number
  /** Of the row that it was made from: the higher one wins over as-of. */
  readonly version: number | undefined
  /** How long it may be of use, in milliseconds. */
  readonly ttlMs: number
}

/** An eviction, for the tier: what it kills there are values whose as-of is at or below `offset`. */
export interface TierEviction {
  readonly offset: number
  /** `undefined`: every namespace of the partition. */
  readonly namespace: string | undefined
  readonly keys: readonly string[]
  /**
   * Whether it names a tag, a prefix, the namespace or everything. A tier does not look into its values: each of
   * them of the namespace with a lower as-of is no longer returned.
   */
  readonly group: boolean
  /** Evicts only values of an older version of the row. */
  readonly version: number | undefined
}

/** Evictions in `[from, to)` of a partition, in order. */
export interface TierBatch {
  readonly partition: number
  readonly logId: string | undefined
  readonly from: number
  readonly to: number
  readonly evictions: readonly TierEviction[]
}

/** The side of a tier by which it follows the log. One or several appliers at once may drive it. */
export interface TierApplier {
  /** The applied position, or `undefined` where there is none: never begun, or wiped. */
  position(partition: number, options?: CallOptions): Promise<AppliedPosition | undefined>
  /**
   * Begins, or begins again, at a position: what is in the tier already is no longer covered. A position that is
   * there already, of the same log and at or beyond this one, stays.
   */
  begin(partition: number, at: AppliedPosition, options?: CallOptions): Promise<void>
  /**
   * Applies evictions, and moves the position from `from` to `to` after them. `'gap'` when the tier's position is
   * below `from`, of another log, or gone: nothing may be taken as applied.
   */
  apply(batch: TierBatch, options?: CallOptions): Promise<'applied' | 'gap'>
}

/**
 * A store that isolates share.
 *
 * Every method rejects with a `KedgeError` (or with `signal.reason`), never hangs beyond its own deadline, and
 * treats what it finds in the store as a stranger's data.
 */
export interface Tier {
  /** For events and statistics: `'redis'`. */
  readonly name: string
  /** The values of the keys, and how far the tier has applied evictions, in one round trip. */
  getMany(place: TierPlace, keys: readonly string[], options?: CallOptions): Promise<TierAnswer>
  /**
   * Stores values, each only if nothing newer is there: a higher version, or, where one of them has none, a higher
   * as-of; and nothing that an eviction already applied there kills. Where the store can compare and set, in one step.
   */
  setMany(place: TierPlace, writes: readonly TierWrite[], options?: CallOptions): Promise<void>
  /** Removes values whose as-of is at or below `offset`: other isolates would refuse them. */
  deleteMany(place: TierPlace, keys: readonly string[], offset: number, options?: CallOptions): Promise<void>
  /** Absent where the store cannot keep an applied position soundly. */
  readonly applier?: TierApplier
  close?(): Promise<void>
}
