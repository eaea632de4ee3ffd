/**
 * Values from the updates topic: read in mode `'replicate'` and by `prewarm()`, held under the as-of rule.
 *
 * Values are read first, evictions after them, and only then are the values judged: each by every eviction that
 * was in the log when the value was read. What fails here costs misses, never freshness.
 *
 * @module
 */
import { decodeRecord } from './coherence.ts'
import type { DecodedRecord } from './coherence.ts'
import { MAX_DURATION_MS } from './duration.ts'
import type { Ground, Keyspace } from './keyspace.ts'
import { tagsOf, ttlOf } from './lifetime.ts'
import type { PartitionOffsets, Position } from './log.ts'
import { readUpdate } from './messages.ts'
import type { ArrivedValue } from './messages.ts'

/** How far in the future a writer's clock may stand. Skew may shorten a TTL, never lengthen it. */
const MAX_SKEW_MS = 5000
/** Reads of one round; what is left is read in the next. */
const MAX_READS = 16

/** What a round of reading found. */
export interface Harvest {
  readonly records: readonly DecodedRecord[]
  readonly bytes: number
  readonly complete: boolean
}

export class Updates {
  readonly #ground: Ground
  readonly #spaces: ReadonlyMap<string, Keyspace<unknown>>
  readonly #positions = new Map<number, number>()

  constructor(ground: Ground, spaces: ReadonlyMap<string, Keyspace<unknown>>) {
    this.#ground = ground
    this.#spaces = spaces
  }

  /**
   * Reads on from where the last round ended; begins at the end. Resolves with what applies the values, to be
   * called after the next proof. Never rejects, except by the signal.
   */
  async fetch(signal: AbortSignal): Promise<() => void> {
    const { settings } = this.#ground
    try {
      const bounds = await this.#bounds(signal)
      const from: Position[] = []
      for (const { partition, beginning, end } of bounds) {
        const known = this.#positions.get(partition)
        const lost =
          known === undefined || known < beginning || known > end || end - known > settings.maxCatchUpRecords
        const offset = lost ? end : known
        this.#positions.set(partition, offset)
        if (offset < end) from.push({ partition, offset })
      }
      if (from.length === 0) return () => undefined
      const { records } = await this.#read(
        from,
        bounds,
        settings.maxPollBytes * MAX_READS,
        signal,
        this.#positions,
      )
      return () => void this.apply(records)
    } catch (error) {
      signal.throwIfAborted()
      settings.emit?.({ type: 'background_error', error })
      return () => undefined
    }
  }

  /** Reads the newest part of the topic. */
  async newest(maxRecords: number, maxBytes: number, signal: AbortSignal): Promise<Harvest> {
    const bounds = await this.#bounds(signal)
    const share = Math.ceil(maxRecords / Math.max(1, bounds.length))
    const from = bounds
      .map(({ partition, beginning, end }) => ({ partition, offset: Math.max(beginning, end - share) }))
      .filter(({ offset }, at) => offset < bounds[at]!.end)
    const harvest = await this.#read(from, bounds, maxBytes, signal, new Map())
    const whole = bounds.every(({ beginning, end }) => end - beginning <= share)
    return { ...harvest, complete: harvest.complete && whole }
  }

  /** Judges the values, in the order they were written, and holds what may be held. How many that were. */
  apply(records: readonly DecodedRecord[]): number {
    let held = 0
    for (const decoded of records) if (this.#arrive(decoded)) held++
    this.#ground.counters.updatesApplied += held
    return held
  }

  async #bounds(signal: AbortSignal): Promise<PartitionOffsets[]> {
    const { log, updatesTopic, updatePartitions } = this.#ground.settings
    const partitions = Array.from({ length: updatePartitions }, (_, partition) => partition)
    return log.offsets(updatesTopic, { partitions, signal })
  }

  async #read(
    from: readonly Position[],
    bounds: readonly PartitionOffsets[],
    maxBytes: number,
    signal: AbortSignal,
    positions: Map<number, number>,
  ): Promise<Harvest> {
    const { log, updatesTopic, maxPollBytes, codec, maxMessageBytes, pollTimeoutMs } = this.#ground.settings
    const ends = new Map(bounds.map(({ partition, end }) => [partition, end]))
    const records: DecodedRecord[] = []
    let open = from
    let bytes = 0
    for (let reads = 0; open.length > 0 && bytes < maxBytes && reads < MAX_READS; reads++) {
      const limit = Math.min(maxPollBytes, maxBytes - bytes)
      // Committed: an aborted value must never be served.
      const options = { maxBytes: limit, waitMs: pollTimeoutMs / 2, isolation: 'committed', signal } as const
      const result = await log.read(updatesTopic, open, options)
      for (const record of result.records) bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      records.push(
        ...(await Promise.all(result.records.map((each) => decodeRecord(each, codec, maxMessageBytes)))),
      )
      for (const { partition, offset } of result.next) positions.set(partition, offset)
      // No progress: the rest belongs to a transaction that is still open, or does not fit.
      const moved = result.next.some((next) =>
        open.some((was) => was.partition === next.partition && was.offset < next.offset),
      )
      if (!moved) break
      open = result.next.filter(({ partition, offset }) => offset < (ends.get(partition) ?? 0))
    }
    return { records, bytes, complete: open.length === 0 }
  }

  /** Whether the record's value is held now. */
  #arrive(decoded: DecodedRecord): boolean {
    const { settings, counters } = this.#ground
    const { partition, offset, timestamp } = decoded.record
    const arrived = readUpdate(
      decoded.message,
      decoded.recordKey,
      (name) => this.#spaces.has(name),
      () => Infinity,
    )
    const unreadable =
      decoded.error !== undefined || arrived === undefined || ('unreadable' in arrived && arrived.unreadable)
    if (unreadable) {
      counters.refused++
      settings.emit?.({
        type: 'unreadable',
        topic: settings.updatesTopic,
        partition,
        offset,
        error: decoded.error,
      })
    }
    if (arrived === undefined) return false
    for (const space of this.#spaces.values()) {
      if (arrived.namespace !== undefined && arrived.namespace !== space.name) continue
      if (arrived.kind === 'value') return this.#hold(space, arrived, timestamp)
      space.drop(arrived.key, 'replaced')
    }
    return false
  }

  #hold(space: Keyspace<unknown>, arrived: ArrivedValue, timestamp: number | undefined): boolean {
    const { settings, timeline, counters } = this.#ground
    const { partition } = space
    const wall = settings.runtime.now()
    const refuse = (reason: 'unanchored' | 'expired' | 'schema' | 'horizon'): boolean => {
      counters.refused++
      settings.emit?.({ type: 'refuse', namespace: space.name, key: arrived.key, reason })
      return false
    }
    if (arrived.asOf === undefined && !space.settings.acceptSimpleValues) {
      // Somebody has written a new value: what is held is older, whether or not the new one may be held.
      space.drop(arrived.key, 'replaced')
      return refuse('horizon')
    }
    // Of another log, or of a future that the log has not reached.
    const foreign =
      arrived.logId !== undefined && partition.logId !== undefined && arrived.logId !== partition.logId
    const asOf = arrived.asOf ?? partition.position
    if (foreign || asOf > partition.asOf) return refuse('unanchored')
    const born = Math.min(arrived.at ?? wall, timestamp ?? wall)
    if (arrived.at !== undefined && arrived.at > wall + MAX_SKEW_MS) return refuse('expired')
    const value = parse(space, arrived.value)
    if (value === undefined) return refuse('schema')
    const { load } = space.settings
    const candidate = {
      value,
      asOf,
      generation: partition.generation,
      loadedAt: timeline.now() - Math.max(0, wall - born),
      // Simple messages may leave it to the namespace.
      ttlMs: arrived.ttlMs === Infinity ? ttlOf(value, load, 0) : Math.min(arrived.ttlMs, MAX_DURATION_MS),
      keepMs: Math.max(load.swrMs, load.staleIfErrorMs),
      tags: arrived.tags ?? tagsOf(value, load),
      version: arrived.version,
      settleMs: 0,
    }
    return space.hold(arrived.key, candidate) === undefined
  }
}

function parse(space: Keyspace<unknown>, value: unknown): unknown {
  if (space.settings.schema === undefined) return value
  const parsed = space.settings.schema.safeParse(value)
  return parsed.success ? parsed.data : undefined
}
