/** Where a stream stands: its epoch in the store, and the next offset of each partition. @module */
import { isKedgeError } from '../../src/ports/errors.ts'
import type { PartitionOffsets } from '../../src/ports/kafka-log.ts'
import type { SinkState } from '../../src/ports/sink.ts'
import { randomId } from '../../src/runtime/random-id.ts'
import type { Counters } from './counters.ts'
import type { SyncSettings } from './settings.ts'
import { retryable } from './retry.ts'
import type { Retry } from './retry.ts'

/** What the log and the store answered while records were read, and when. */
export interface Sample {
  readonly epoch: string
  /** By the monotonic clock, before the first request of the sample. */
  readonly at: number
  /** The positions at that moment. */
  readonly positions: ReadonlyMap<number, number>
  readonly bounds: readonly PartitionOffsets[]
  /** `undefined` where it has lost something, `'unknown'` where it did not answer. */
  readonly state: SinkState | undefined | 'unknown'
}

type BeginReason = 'new' | 'wiped' | 'replaced' | 'rewound'

/** Attempts to agree on an epoch that follow each other without a pause. */
const QUICK_LAPS = 3
const LAP_PAUSE_MS = 1000

export class Checkpoint {
  readonly #settings: SyncSettings
  readonly #counters: Counters
  readonly #store: Retry
  readonly #log: Retry
  #epoch: string | undefined
  #logId: string | undefined
  #opened = 0
  /** The highest partition that the store has a position of. */
  #marked = -1
  /** Everything below is in the store. */
  readonly positions: Map<number, number> = new Map()
  /** As they were known last. */
  readonly ends: Map<number, number> = new Map()

  constructor(settings: SyncSettings, counters: Counters, store: Retry, log: Retry) {
    this.#settings = settings
    this.#counters = counters
    this.#store = store
    this.#log = log
  }

  /** Empty before it was opened. */
  get epoch(): string {
    return this.#epoch ?? ''
  }

  /**
   * Finds the positions in the store, or begins the stream there. Resolves with the moment, by the monotonic clock, at
   * which the ends were asked for.
   */
  async open(signal: AbortSignal): Promise<number> {
    const { sink, stream, log, topic, runtime } = this.#settings
    const first = this.#opened++ === 0
    // At the first opening an absent topic is an error. Later the sync waits for an operator to recreate it.
    const isRetryable = (error: unknown) => retryable(error) || (!first && isUnknownTopic(error))
    for (let lap = 0; ; lap++) {
      if (lap > QUICK_LAPS) await runtime.sleep(LAP_PAUSE_MS, signal)
      // The state is read before the ends: otherwise a position that another sync moves meanwhile looks as if
      // it lay beyond the end.
      const state = await this.#store.until((inner) => sink.state(stream, { signal: inner }), signal)
      const at = runtime.monotonic()
      const bounds = await this.#log.until((inner) => log.offsets(topic, { signal: inner }), signal, {
        isRetryable,
      })
      const reason =
        state === undefined ? (first ? 'new' : 'wiped') : misfit(state.logId, state.positions, bounds)
      if (state !== undefined && reason === undefined) {
        this.#mindReturn(state)
        this.#adopt(state, bounds)
        this.#mindGrowth(state.positions)
        if (await this.markGrowth(signal)) return at
      } else await this.#begin(reason ?? 'new', state?.epoch, bounds, signal)
    }
  }

  /**
   * Writes the number of partitions to the store, so that the next sync notices when the topic grows. Returns
   * whether the store still holds the epoch.
   */
  async markGrowth(signal: AbortSignal): Promise<boolean> {
    const { sink, stream } = this.#settings
    const last = this.positions.size - 1
    // Of a single partition the store gets a position with the first record.
    if (last < 1 || last <= this.#marked) return true
    const batch = { epoch: this.epoch, partition: last, next: this.positions.get(last) ?? 0, writes: [] }
    const { outcome } = await this.#store.until(
      (inner) => sink.write(stream, batch, { signal: inner }),
      signal,
    )
    if (outcome === 'written') this.#marked = last
    return outcome === 'written'
  }

  #mindGrowth(stored: ReadonlyMap<number, number>): void {
    this.#marked = Math.max(-1, ...stored.keys())
    if (stored.size > 0 && this.#marked + 1 < this.positions.size)
      this.#grew(this.#marked + 1, this.positions.size)
  }

  #grew(from: number, to: number): void {
    this.#counters.grown++
    this.#settings.emit({ type: 'partitions', from, to })
  }

  /** Finds the epoch and the positions in the store alone: the caller has the records already. */
  async join(signal: AbortSignal): Promise<void> {
    const { sink, stream } = this.#settings
    for (;;) {
      const state = await this.#store.until((inner) => sink.state(stream, { signal: inner }), signal)
      if (state !== undefined) {
        this.#epoch = state.epoch
        this.#logId = state.logId
        this.positions.clear()
        for (const [partition, position] of state.positions) this.positions.set(partition, position)
        return
      }
      await this.#begin(this.#opened++ === 0 ? 'new' : 'wiped', undefined, [], signal)
    }
  }

  async #begin(
    reason: BeginReason,
    replaces: string | undefined,
    bounds: readonly PartitionOffsets[],
    signal: AbortSignal,
  ): Promise<void> {
    const { sink, stream, emit } = this.#settings
    const epoch = randomId(this.#settings.runtime)
    const options = replaces === undefined ? {} : { replaces }
    await this.#store.until(
      (inner) => sink.begin(stream, epoch, bounds[0]?.logId, { ...options, signal: inner }),
      signal,
    )
    if (reason === 'wiped') this.#counters.wipes++
    this.#counters.begins++
    emit({ type: 'begin', reason, epoch })
  }

  /** A store may go back without being wiped: to a snapshot, or to a replica that was behind. */
  #mindReturn(state: SinkState): void {
    if (state.epoch !== this.#epoch) return
    let records = 0
    for (const [partition, position] of this.positions)
      records += Math.max(0, position - (state.positions.get(partition) ?? 0))
    if (records === 0) return
    this.#counters.wipes++
    this.#settings.emit({ type: 'went_back', records })
  }

  #adopt(state: SinkState, bounds: readonly PartitionOffsets[]): void {
    this.#epoch = state.epoch
    this.#logId = state.logId ?? bounds[0]?.logId
    this.positions.clear()
    this.ends.clear()
    for (const bound of bounds) this.#place(bound, state.positions.get(bound.partition))
  }

  /**
   * Takes in the bounds of a partition; continues at its beginning where retention deleted unread records.
   */
  #place({ partition, beginning, end }: PartitionOffsets, position: number | undefined): void {
    this.ends.set(partition, end)
    this.positions.set(partition, Math.max(position ?? beginning, beginning))
    // Without a stored position nothing was due from this partition: deleted records are no loss.
    if (position === undefined || position >= beginning) return
    const records = beginning - position
    this.#counters.lost += records
    this.#settings.emit({ type: 'lost', partition, records, from: position, to: beginning })
  }

  /** Asks the log and the store, while records are read. */
  async sample(signal: AbortSignal): Promise<Sample> {
    const { sink, stream, log, topic, runtime } = this.#settings
    const epoch = this.epoch
    const positions = new Map(this.positions)
    const at = runtime.monotonic()
    const looked = this.#store
      .once((inner) => sink.state(stream, { signal: inner, watch: true }), signal)
      .catch(() => 'unknown' as const)
    const bounds = await this.#log.once((inner) => log.offsets(topic, { signal: inner }), signal)
    return { epoch, at, positions, bounds, state: await looked }
  }

  /**
   * Acts on a sample. Returns whether the stream must be opened again.
   * @param read the positions of the reader, ahead of the writer: records that it has read are not lost
   */
  heed({ epoch, positions, bounds, state }: Sample, read: ReadonlyMap<number, number>): boolean {
    if (epoch !== this.#epoch) return false
    if (state !== 'unknown' && state?.epoch !== epoch) return true
    if (misfit(this.#logId, positions, bounds) !== undefined) return true
    const known = this.positions.size
    for (const bound of bounds) {
      const { partition, beginning } = bound
      const position = this.positions.get(partition)
      const end = Math.max(bound.end, position ?? 0)
      if ((read.get(partition) ?? -1) >= beginning) this.ends.set(partition, end)
      else this.#place({ ...bound, end }, position)
    }
    if (bounds.length > known) this.#grew(known, bounds.length)
    return false
  }
}

/** Why the positions do not belong to this log. */
function misfit(
  logId: string | undefined,
  positions: ReadonlyMap<number, number>,
  bounds: readonly PartitionOffsets[],
): 'replaced' | 'rewound' | undefined {
  const found = bounds[0]?.logId
  if (logId !== undefined && found !== undefined && logId !== found) return 'replaced'
  const ends = new Map(bounds.map(({ partition, end }) => [partition, end]))
  for (const [partition, position] of positions) if (position > (ends.get(partition) ?? 0)) return 'rewound'
  return undefined
}

export const isUnknownTopic = (error: unknown): boolean =>
  isKedgeError(error) && error.code === 'ERR_UNKNOWN_TOPIC'
