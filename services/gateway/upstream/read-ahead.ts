/** The records that one reader has taken from the upstream, for all clients that read there. @module */
import type { Lineage } from '../../../adapters/sharing/tail/lineage.ts'
import type { ReadResult } from '../../../src/ports/kafka-log.ts'
import type { ClusterRecord } from '../cluster.ts'
import { Refusal } from '../refusal.ts'
import { orAbort } from '../tail/calls.ts'
import { Window } from '../tail/window.ts'
import type { TopicPartition } from '../topic-position.ts'
import type { Isolation, UpstreamConnection } from './connection.ts'

export interface PartitionSlice {
  readonly records: readonly ClusterRecord[]
  readonly next: number
  readonly outOfRange: boolean
}

/** Asked of the upstream at once: its adapter keeps what a wait has brought for a read of the same size. */
export const READ_BYTES = 1_000_000
const LIMITS = { maxBytes: 2_097_152, maxRecords: 10_000 }
/** From further before, the last record is read by itself: what stands between was read already. */
const MAX_OVERLAP = 1000
const MAX_TRIES = 4

export interface OfTheLog {
  /** How the log is known; `undefined` where the upstream tells it. */
  readonly lineage: () => Lineage | undefined
  /** The log is another one. */
  readonly onAnother: () => void
  /** Runs the read when those before it have ended. */
  readonly inTurn: <T>(read: () => Promise<T>) => Promise<T>
}

export class ReadAhead {
  readonly #place: TopicPartition
  readonly #isolation: Isolation
  readonly #connection: UpstreamConnection
  readonly #log: OfTheLog
  #window: Window | undefined
  #reading: Promise<'read' | 'outside' | 'another'> | undefined

  constructor(place: TopicPartition, isolation: Isolation, connection: UpstreamConnection, log: OfTheLog) {
    this.#place = place
    this.#isolation = isolation
    this.#connection = connection
    this.#log = log
  }

  holds(offset: number): boolean {
    return this.#window?.covers(offset) ?? false
  }

  /** Clients that read at the end of what is held share one read of the upstream. */
  async from(offset: number, maxBytes: number, signal: AbortSignal | undefined): Promise<PartitionSlice> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const held = this.#window
      if (held?.covers(offset)) return { ...held.slice(offset, maxBytes), outOfRange: false }
      if (held && offset < held.end) return this.#older(offset, maxBytes, signal)
      if (!this.#reading && held?.end !== offset) this.#window = new Window(offset, LIMITS)
      const isJoined = this.#reading !== undefined
      const came = await orAbort(this.#more(), signal)
      if (came === 'another' || (came === 'outside' && !isJoined))
        return { records: [], next: offset, outOfRange: true }
      if (!isJoined && !this.#window?.covers(offset)) break
    }
    return { records: [], next: offset, outOfRange: false }
  }

  /** Reads on, in a read that begins after this call. */
  async afresh(): Promise<void> {
    await this.#reading?.catch(() => undefined)
    await this.#more()
  }

  forgetBefore(beginning: number): void {
    this.#window?.forgetBefore(beginning)
  }

  #more(): Promise<'read' | 'outside' | 'another'> {
    return (this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    }))
  }

  async #read(): Promise<'read' | 'outside' | 'another'> {
    const lineage = this.#log.lineage()
    const { id, last: sought } = lineage ?? {}
    const last = sought?.offset
    const window = (this.#window ??= new Window(last === undefined ? 0 : last + 1, LIMITS))
    const isNear = last !== undefined && last < window.end && window.end - last <= MAX_OVERLAP
    const overlaps = isNear && this.#isolation === 'uncommitted'
    const read = await this.#ask(overlaps ? last : window.end, READ_BYTES)
    if (lineage && last !== undefined) {
      const found = overlaps ? read : await this.#ask(last, 1, 'uncommitted')
      // A consumer that warms up returns nothing: whether the log is the same is not known then.
      if (found.records.length === 0 && found.outOfRange.length === 0)
        throw new Refusal('unavailable', 'The upstream does not return what it has.', { retryAfter: 1 })
      // Another read has found the log to be another one meanwhile.
      if (lineage.id !== id) return 'another'
      if (!lineage.isFound(found.records[0], this.#connection.runtime.monotonic(), sought)) {
        this.#log.onAnother()
        return 'another'
      }
    }
    if (read.outOfRange.length > 0) return 'outside'
    window.append(this.#records(read), nextOf(read, window.end))
    if (this.#isolation === 'uncommitted') lineage?.read(read.records.at(-1))
    return 'read'
  }

  async #older(offset: number, maxBytes: number, signal: AbortSignal | undefined): Promise<PartitionSlice> {
    const read = await orAbort(this.#ask(offset, maxBytes, this.#isolation, signal), signal)
    const outOfRange = read.outOfRange.length > 0
    return { records: outOfRange ? [] : this.#records(read), next: nextOf(read, offset), outOfRange }
  }

  #ask(
    offset: number,
    maxBytes: number,
    isolation: Isolation = this.#isolation,
    signal?: AbortSignal,
  ): Promise<ReadResult> {
    const { topic, partition } = this.#place
    const how = { maxBytes, waitMs: 0, isolation }
    return this.#log.inTurn(() =>
      this.#connection.call(topic, signal, (own) =>
        this.#connection.log.read(topic, [{ partition, offset }], { ...how, signal: own }),
      ),
    )
  }

  #records({ records }: ReadResult): ClusterRecord[] {
    const { topic, partition } = this.#place
    return records
      .filter((record) => record.partition === partition)
      .map(({ offset, key, value, timestamp, headers = [] }) => ({
        topic,
        partition,
        offset,
        key,
        value,
        ...(timestamp !== undefined && { timestamp }),
        headers: headers.map(([name, bytes]) => ({ name, value: bytes })),
      }))
  }
}

const nextOf = ({ next }: ReadResult, otherwise: number): number => Math.max(otherwise, next[0]?.offset ?? 0)
