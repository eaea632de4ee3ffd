/**
 * A partition of the upstream, as one reader sees it for all clients of the gateway.
 *
 * Where the upstream tells no identity of the log, the last record that was read is found again before anything is used that
 * goes on after it: as a cache does that asks the upstream by itself. Without that, a window of the old log would hide from
 * every client that the topic was created anew (decision 136).
 *
 * @module
 */
import type { Lineage } from '../../../adapters/sharing/tail/lineage.ts'
import type { PartitionOffsets } from '../../../src/ports/kafka-log.ts'
import type { PartitionBounds } from '../cluster.ts'
import { Refusal } from '../refusal.ts'
import { orAbort } from '../tail/calls.ts'
import type { TopicPartition } from '../topic-position.ts'
import type { Isolation, UpstreamConnection } from './connection.ts'
import { PacedCalls } from './paced-calls.ts'
import { READ_BYTES, ReadAhead } from './read-ahead.ts'
import type { PartitionSlice } from './read-ahead.ts'

/** Questions for the end, of all clients: a second, and at once after a quiet time. */
const PACE = { perSecond: 10, atOnce: 5 }
/** How often a read that waits looks for an end further on, where the upstream cannot wait by itself. */
export const LOOK_EVERY_MS = 250

export class UpstreamPartition {
  readonly place: TopicPartition
  /** When a client asked for it last, on the monotonic clock. */
  usedAt: number
  readonly #connection: UpstreamConnection
  readonly #lineage: Lineage
  readonly #samples: PacedCalls<PartitionBounds>
  readonly #readers = new Map<Isolation, ReadAhead>()
  #logId: string | undefined
  #reading: Promise<unknown> = Promise.resolve()
  /** Whether the upstream tells identities, once it has been asked. */
  #tells = false
  /** The end up to which the log is known to be the one of the lineage. */
  #verifiedEnd = 0

  constructor(place: TopicPartition, lineage: Lineage, connection: UpstreamConnection) {
    this.place = place
    this.#connection = connection
    this.#lineage = lineage
    this.usedAt = connection.runtime.monotonic()
    this.#samples = new PacedCalls(() => this.#sample(), PACE, connection.runtime, connection.closed)
  }

  /** The bounds, sampled after the call began. */
  bounds(): Promise<PartitionBounds> {
    return this.#samples.take()
  }

  /** What there is from the offset on; without records where there is none yet. */
  read(
    offset: number,
    isolation: Isolation,
    maxBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<PartitionSlice> {
    return this.#reader(isolation).from(offset, maxBytes, signal)
  }

  /** Whether a read from the offset on needs nothing of the upstream. */
  holds(offset: number, isolation: Isolation): boolean {
    return this.#readers.get(isolation)?.holds(offset) ?? false
  }

  /** Waits for something to read from the offset on. `false` where the time is over before. */
  async news(
    offset: number,
    isolation: Isolation,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { log, runtime } = this.#connection
    const until = runtime.monotonic() + waitMs
    for (;;) {
      const began = runtime.monotonic()
      const isThere = log.capabilities.longPoll
        ? await this.#waited(offset, isolation, until - began, signal)
        : await this.#isMoved(offset, signal)
      if (isThere) return true
      const now = runtime.monotonic()
      if (now >= until) return false
      // A long poll that has waited leaves nothing of the pause.
      await runtime.sleep(Math.min(until - now, Math.max(0, began + LOOK_EVERY_MS - now)), signal)
    }
  }

  async #waited(
    offset: number,
    isolation: Isolation,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { topic, partition } = this.place
    const how = { maxBytes: READ_BYTES, waitMs, isolation }
    const { records, outOfRange } = await this.#connection.call(topic, signal, (own) =>
      this.#connection.log.read(topic, [{ partition, offset }], { ...how, signal: own }),
    )
    return records.length > 0 || outOfRange.length > 0
  }

  async #isMoved(offset: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { beginning, end } = await orAbort(this.bounds(), signal)
    return end !== offset || beginning > offset
  }

  async #sample(): Promise<PartitionBounds> {
    for (let tries = 0; tries < 3; tries++) {
      const found = await this.#offsets()
      const { beginning, end, logId } = found
      if (logId !== undefined) {
        this.#tells = true
        this.#isOf(logId)
        this.#forgetBefore(beginning)
        return { beginning, end, logId }
      }
      this.#tells = false
      if (await this.#isSame(found)) {
        this.#isOf(this.#lineage.id)
        this.#verifiedEnd = end
        this.#forgetBefore(beginning)
        return { beginning, end, logId: this.#lineage.id, isLineage: true }
      }
      // These bounds may be of the log before: asked once more.
      this.#another()
    }
    throw new Refusal('unavailable', 'The topic is being created again and again.', { retryAfter: 1 })
  }

  async #offsets(): Promise<PartitionOffsets> {
    const { topic, partition } = this.place
    const all = await this.#connection.call(topic, undefined, (signal) =>
      this.#connection.log.offsets(topic, { partitions: [partition], signal }),
    )
    const found = all.find((each) => each.partition === partition)
    if (!found) throw new Refusal('unknown-partition', 'Partition not found.')
    return found
  }

  /** Whether the log still has the record by which it is known, and has lost nothing that was there. */
  async #isSame(bounds: PartitionOffsets): Promise<boolean> {
    if (this.#lineage.isRewound(bounds) || bounds.end < this.#verifiedEnd) return false
    const now = this.#connection.runtime.monotonic()
    if (this.#lineage.toFind(bounds, this.#verifiedEnd, now) === undefined) return true
    const { id } = this.#lineage
    await this.#reader('uncommitted').afresh()
    return this.#lineage.id === id
  }

  #isOf(logId: string): void {
    if (this.#logId !== logId) this.#readers.clear()
    this.#logId = logId
  }

  #another(): void {
    this.#lineage.break()
    this.#verifiedEnd = 0
    this.#readers.clear()
  }

  #forgetBefore(beginning: number): void {
    for (const reader of this.#readers.values()) reader.forgetBefore(beginning)
  }

  /** A proxy that tells no identity has consumer instances: reads side by side would take one each. */
  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    if (this.#tells) return read()
    const turn = this.#reading.then(read)
    this.#reading = turn.catch(() => undefined)
    return turn
  }

  #reader(isolation: Isolation): ReadAhead {
    const known = this.#readers.get(isolation)
    if (known) return known
    const reader = new ReadAhead(this.place, isolation, this.#connection, {
      lineage: () => (this.#tells ? undefined : this.#lineage),
      onAnother: () => this.#another(),
      inTurn: (read) => this.#inTurn(read),
    })
    this.#readers.set(isolation, reader)
    return reader
  }
}
