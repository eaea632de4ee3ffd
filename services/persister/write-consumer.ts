/**
 * Intake: reads the topic of writes by explicit offsets, from the first write that is not persisted.
 *
 * Without a `positions` option the positions stand in the topic itself: after each batch the persister writes
 * a marker record with the offset up to which everything is persisted. At its start it reads back from the
 * end to the last one.
 *
 * @module
 */
import * as z from 'zod/mini'
import { pack } from '../../src/wire/codec.ts'
import { decodeRecord } from '../../src/coherence/apply-eviction.ts'
import { consume, readBatch } from '../../src/runtime/consumer.ts'
import type { TopicSource } from '../../src/runtime/consumer.ts'
import { withDeadline } from '../../src/runtime/deadline.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { LogRecord, PartitionOffsets } from '../../src/ports/kafka-log.ts'
import { produce } from '../../src/write/produce.ts'
import type { Settings } from '../../src/api/settings.ts'
import { readWrite } from '../../src/wire/write-message.ts'
import type { WriteMessage } from '../../src/wire/write-message.ts'
import type { PersisterSettings } from './options.ts'

/** A decoded record of the topic. */
export interface Taken {
  readonly record: LogRecord
  /** `undefined` for one that is neither a write nor a marker. */
  readonly write: WriteMessage | undefined
}

/** Writes of one partition that are to be persisted, and the position after them. */
export interface Load {
  readonly partition: number
  readonly from: number
  readonly next: number
  readonly taken: readonly Taken[]
}

const marker = z.object({
  v: z.literal(1),
  op: z.literal('written'),
  next: z.int().check(z.nonnegative()),
})

/** A read may take so many times `pollTimeout` longer than its wait. */
const READ_DEADLINE_FACTOR = 4
/** Records in the first window when reading back; each further window is four times as large. */
const FIRST_WINDOW = 64
/** How many times the size of the answer may double for a record that does not fit. */
const MAX_DOUBLINGS = 4

export class WriteConsumer {
  readonly #settings: Settings
  readonly #own: PersisterSettings
  readonly #source: Required<TopicSource>
  /** Of each partition: every write below it is persisted. */
  #positions: Map<number, number> | undefined
  #doublings = 0

  constructor(settings: Settings, own: PersisterSettings) {
    this.#settings = settings
    this.#own = own
    const { log, writesTopic, runtime, pollTimeoutMs } = settings
    this.#source = {
      log,
      topic: writesTopic,
      // A write of an aborted transaction must not be persisted.
      isolation: log.capabilities.readCommitted ? 'committed' : 'uncommitted',
      deadline: { runtime, ms: pollTimeoutMs * READ_DEADLINE_FACTOR },
    }
  }

  /** Reads the next writes, by partition; by a long poll where the log has them. */
  async read(waitMs: number, signal: AbortSignal): Promise<Load[]> {
    const positions = (this.#positions ??= await this.#begin(signal))
    const from = [...positions].map(([partition, offset]) => ({ partition, offset }))
    const maxBytes = this.#settings.maxPollBytes * 2 ** this.#doublings
    const { records, next, outOfRange } = await readBatch(this.#source, from, { maxBytes, waitMs }, signal)
    if (outOfRange.length > 0) await this.#skip(positions, outOfRange, signal)
    const loads: Load[] = []
    for (const { partition, offset } of from) {
      const to = next.get(partition)
      if (to === undefined) continue
      const own = records.filter((each) => each.partition === partition)
      loads.push({ partition, from: offset, next: to, taken: await this.take(own) })
    }
    // The next record may be larger than the requested answer.
    this.#doublings = loads.length > 0 ? 0 : Math.min(this.#doublings + 1, MAX_DOUBLINGS)
    return loads
  }

  /** Decodes records, and leaves out markers. */
  async take(records: readonly LogRecord[]): Promise<Taken[]> {
    const { codec, maxMessageBytes } = this.#settings
    const taken: Taken[] = []
    for (const record of records) {
      const { message } = await decodeRecord(record, codec, maxMessageBytes)
      if (!marker.safeParse(message).success) taken.push({ record, write: readWrite(message) })
    }
    return taken
  }

  /** Notes that the load is persisted: moves the position, and saves it. */
  async done({ partition, next, taken }: Load, signal: AbortSignal): Promise<void> {
    // A batch of markers alone gets no marker: each marker would cause the next one.
    if (taken.length > 0) {
      if (this.#own.positions) await this.#own.positions.save(partition, next)
      else await this.#mark(partition, next, signal)
    }
    this.#positions?.set(partition, Math.max(next, this.#positions.get(partition) ?? 0))
  }

  /** The number of records that are not persisted, and the offset of the oldest in each partition. */
  async behind(signal: AbortSignal): Promise<{ partition: number; offset: number; records: number }[]> {
    const positions = (this.#positions ??= await this.#begin(signal))
    const bounds = await this.#bounds(signal, [...positions.keys()])
    return bounds.map(({ partition, end }) => {
      const offset = positions.get(partition) ?? end
      return { partition, offset, records: Math.max(0, end - offset) }
    })
  }

  /** The first record at or after a position that is no marker. */
  async peek(partition: number, offset: number, signal: AbortSignal): Promise<Taken | undefined> {
    const fetch = { maxBytes: this.#settings.maxPollBytes, waitMs: 0 }
    const { records } = await readBatch(this.#source, [{ partition, offset }], fetch, signal)
    for (const record of records) {
      const [taken] = await this.take([record])
      if (taken) return taken
    }
    return undefined
  }

  async #mark(partition: number, next: number, signal: AbortSignal): Promise<void> {
    const value = await pack({ v: 1, op: 'written', next }, this.#settings)
    await produce(this.#settings, this.#settings.writesTopic, [{ key: null, value, partition }], signal)
  }

  async #begin(signal: AbortSignal): Promise<Map<number, number>> {
    const positions = new Map<number, number>()
    for (const bounds of await this.#bounds(signal, this.#own.partitions)) {
      const kept = this.#own.positions
        ? await this.#own.positions.load(bounds.partition)
        : await this.#marked(bounds, signal)
      positions.set(bounds.partition, kept ?? bounds.beginning)
    }
    if (positions.size === 0)
      throw new KedgeError(
        'ERR_UNKNOWN_TOPIC',
        'the topic of writes has none of the partitions to read: check `partitions`',
      )
    return positions
  }

  /** The position in the last marker, found by reading back from the end. */
  async #marked({ partition, beginning, end }: PartitionOffsets, signal: AbortSignal) {
    const { maxPollBytes, codec, maxMessageBytes } = this.#settings
    const fetch = { maxBytes: maxPollBytes * 2 ** MAX_DOUBLINGS, waitMs: 0 }
    const attempt = (vain: number) => (vain === 0 ? fetch : undefined)
    let to = end
    for (let size = FIRST_WINDOW; to > beginning; size *= 4) {
      const from = Math.max(beginning, to - size)
      let found: number | undefined
      let at = from
      const positions = () => (at < to ? [{ partition, offset: at }] : [])
      for await (const { records, next } of consume(this.#source, positions, attempt, signal)) {
        for (const record of records) {
          const { message } = await decodeRecord(record, codec, maxMessageBytes)
          const said = marker.safeParse(message).data
          // Of two persisters at once the slower one may write the last marker: the higher position also
          // holds.
          if (said) found = Math.max(said.next, found ?? 0)
        }
        at = next.get(partition) ?? at
      }
      if (at < to) throw new KedgeError('ERR_PROTOCOL', 'the log has records that it does not return')
      if (found !== undefined) return Math.max(beginning, Math.min(found, end))
      to = from
    }
    return undefined
  }

  /** Retention deleted writes that were not persisted: continues at the beginning of the log. */
  async #skip(positions: Map<number, number>, lost: readonly number[], signal: AbortSignal): Promise<void> {
    for (const { partition, beginning } of await this.#bounds(signal, lost)) {
      const from = positions.get(partition) ?? beginning
      positions.set(partition, beginning)
      this.#own.emit({ type: 'writes_lost', partition, from, to: beginning })
    }
  }

  /** Within a deadline: not every log keeps one of its own. */
  #bounds(signal: AbortSignal, partitions?: readonly number[]): Promise<PartitionOffsets[]> {
    const { log, topic, deadline } = this.#source
    const expired = () =>
      new KedgeError('ERR_TIMEOUT', 'the topic of writes did not answer', { retryable: true })
    const bounds = (inner: AbortSignal) =>
      log.offsets(topic, { signal: inner, ...(partitions && { partitions }) })
    return withDeadline(deadline.runtime, deadline.ms, expired, bounds, signal)
  }
}
