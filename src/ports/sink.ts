/**
 * The port to a store that a topic is kept in: what the sync needs of Redis or Memcached, and all that it needs.
 *
 * Any client may read the values with the store's own commands (`GET user:7:latest`); what the sync needs to
 * know beside them (versions, positions, an epoch) is kept apart (decision 46).
 *
 * @module
 */
import type { CallOptions } from './kafka-log.ts'

/**
 * Decides which of two writes of a key is the newer one: compared number by number, of whatever size and sign. For a topic whose keys stay in
 * one partition it is the record's offset; for kedge's own messages the row's version or the as-of, then the offset.
 */
export type SinkVersion = readonly [major: number, minor: number]

/** A key's new value. */
export interface SinkWrite {
  readonly key: string
  /** `null` deletes the key. */
  readonly value: Uint8Array | null
  readonly version: SinkVersion
  /**
   * Milliseconds to live, above 0; `undefined` for ever. It counts from the call: a sink that sends the write later takes
   * off what has passed.
   */
  readonly ttlMs: number | undefined
}

/** What a store says of a stream (one topic through one template) that is kept in it. */
export interface SinkState {
  /** Made at random when the store was begun with: gone, or another one, when the store was wiped. */
  readonly epoch: string
  /** Identity of the topic, where it was known. */
  readonly logId: string | undefined
  /** The next offset of each partition: every record below it is in the store. */
  readonly positions: ReadonlyMap<number, number>
}

/** Writes of one partition, at most one for each key, and the position that holds after them. */
export interface SinkBatch {
  readonly epoch: string
  readonly partition: number
  readonly next: number
  readonly writes: readonly SinkWrite[]
}

export interface SinkOutcome {
  /** `'wiped'`: the store has lost the epoch. The position was not moved; everything must be written again. */
  readonly outcome: 'written' | 'wiped'
  readonly written: number
  /** Writes that met a newer version, and changed nothing. */
  readonly superseded: number
  /** Writes that the store will never take (too large, a key it does not allow), by index. */
  readonly refused: readonly { readonly index: number; readonly reason: string }[]
}

export interface StateOptions extends CallOptions {
  /**
   * Only looks whether all is as it was left: resolves with `undefined` also where the store holds less than this sink
   * has read and written there. What was found lost stays so: nothing is written until `state` is asked without this.
   * @default false
   */
  readonly watch?: boolean
}

export interface BeginOptions extends CallOptions {
  /** The epoch that the new one takes the place of. Absent: there is none yet. */
  readonly replaces?: string
}

/**
 * A store that is kept equal to a topic; `sinkSuite()` of `kedge/testing` is the contract in executable form.
 *
 * Methods reject with a `KedgeError` that says whether trying again makes sense (or with `signal.reason`), and never
 * hang beyond a deadline of their own.
 */
export interface Sink {
  /** For messages and metrics: `'redis'`. */
  readonly name: string
  /** `undefined` where the store knows nothing of the stream: it is new, or was wiped. */
  state(stream: string, options?: StateOptions): Promise<SinkState | undefined>
  /**
   * Begins a stream from nothing: a new epoch, no positions. Values that are there stay until they are overwritten,
   * by whatever version: versions of another epoch do not count.
   *
   * Happens only if the store's epoch is the one that `replaces` names, or only if it has none where that is
   * absent; else nothing happens, and `state` tells which sync was quicker. Two syncs that find a store empty
   * so agree on one epoch.
   */
  begin(stream: string, epoch: string, logId: string | undefined, options?: BeginOptions): Promise<void>
  /**
   * Writes all of the batch, each write only if the store holds no newer version of the key, deleted ones included,
   * and moves the position only after that. A version that is there already is written again. Positions never go back.
   */
  write(stream: string, batch: SinkBatch, options?: CallOptions): Promise<SinkOutcome>
  close?(): Promise<void>
}
