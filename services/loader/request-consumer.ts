/**
 * Intake: the requests topic, read by explicit offsets, from the end on.
 *
 * Requests that retention or a recreated topic took are not read: their askers load by themselves.
 *
 * @module
 */
import { decodeRecord } from '../../src/coherence/apply-eviction.ts'
import { readBatch } from '../../src/runtime/consumer.ts'
import type { TopicSource } from '../../src/runtime/consumer.ts'
import { withDeadline } from '../../src/runtime/deadline.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { LogRecord, PartitionOffsets, Position } from '../../src/ports/kafka-log.ts'
import { readRequest } from '../../src/wire/read-request.ts'
import type { RequestMessage } from '../../src/wire/messages.ts'
import type { Settings } from '../../src/api/settings.ts'
import type { LoaderEvent } from './events.ts'
import type { LoaderSettings } from './options.ts'
import type { LoaderCounters, LoaderLag } from './stats.ts'

/** A read may take so many times `pollTimeout` longer than its wait. */
const READ_DEADLINE_FACTOR = 4

export class RequestConsumer {
  readonly #settings: Settings
  readonly #own: LoaderSettings
  readonly #counters: LoaderCounters
  readonly #emit: (event: LoaderEvent) => void
  readonly #source: Required<TopicSource>
  /** The next offset of each partition; `undefined` before the first contact. */
  #positions: Map<number, number> | undefined

  constructor(
    settings: Settings,
    own: LoaderSettings,
    counters: LoaderCounters,
    emit: (event: LoaderEvent) => void,
  ) {
    this.#settings = settings
    this.#own = own
    this.#counters = counters
    this.#emit = emit
    const { log, requestsTopic, runtime, pollTimeoutMs } = settings
    this.#source = {
      log,
      topic: requestsTopic,
      // A request of an aborted transaction costs one needless load, and nothing else.
      isolation: 'uncommitted',
      deadline: { runtime, ms: pollTimeoutMs * READ_DEADLINE_FACTOR },
    }
  }

  /** Whether the topic has answered once. */
  get begun(): boolean {
    return this.#positions !== undefined
  }

  /** Reads the next requests, by a long poll where the log has them. Rejects as the log does. */
  async read(waitMs: number, signal: AbortSignal): Promise<RequestMessage[]> {
    const { maxPollBytes: maxBytes } = this.#settings
    const positions = (this.#positions ??= await this.#begin(signal))
    const from: Position[] = [...positions].map(([partition, offset]) => ({ partition, offset }))
    const { records, next, outOfRange } = await readBatch(this.#source, from, { maxBytes, waitMs }, signal)
    const found: RequestMessage[] = []
    for (const record of records) {
      // Where requests are isolated, two of them may read the same at the same time.
      if (record.offset < (positions.get(record.partition) ?? Infinity)) continue
      const request = await this.decode(record)
      if (request) found.push(request)
    }
    for (const [partition, offset] of next)
      positions.set(partition, Math.max(offset, positions.get(partition) ?? 0))
    if (outOfRange.length > 0) await this.#skip(positions, outOfRange, signal)
    return found
  }

  /** The request in a record. An unreadable record is counted and dropped. */
  async decode(record: LogRecord): Promise<RequestMessage | undefined> {
    const { codec, maxMessageBytes } = this.#settings
    const { message, error } = await decodeRecord(record, codec, maxMessageBytes)
    const request = readRequest(message)
    if (request === undefined) {
      const { partition, offset } = record
      this.#counters.unreadable++
      this.#emit({ type: 'request_unreadable', partition, offset, error })
    }
    return request
  }

  /** How far it is in each partition. */
  async lag(signal?: AbortSignal): Promise<LoaderLag['partitions']> {
    const stop = signal ?? new AbortController().signal
    const bounds = await this.#bounds(stop, this.#positions && [...this.#positions.keys()])
    return bounds.map(({ partition, end }) => ({
      partition,
      position: this.#positions?.get(partition) ?? end,
      end,
    }))
  }

  async #begin(signal: AbortSignal): Promise<Map<number, number>> {
    const bounds = await this.#bounds(signal)
    const own = new Set(this.#own.share.of(bounds.map(({ partition }) => partition)))
    if (own.size === 0)
      throw new KedgeError(
        'ERR_UNKNOWN_TOPIC',
        'the requests topic has none of the partitions to read: check `partitions` or `share`',
      )
    return new Map(
      bounds
        .filter(({ partition }) => own.has(partition))
        .map(({ partition, beginning, end }) => [partition, Math.max(beginning, end - this.#own.lookback)]),
    )
  }

  /** Moves to the end where the position is no longer in the log. */
  async #skip(positions: Map<number, number>, lost: readonly number[], signal: AbortSignal): Promise<void> {
    for (const { partition, end } of await this.#bounds(signal, lost)) {
      const from = positions.get(partition) ?? end
      positions.set(partition, end)
      this.#emit({ type: 'requests_skipped', partition, from, to: end })
    }
  }

  /** Within a deadline: not every log keeps one of its own. */
  async #bounds(signal: AbortSignal, partitions?: readonly number[]): Promise<PartitionOffsets[]> {
    const { log, topic, deadline } = this.#source
    const expired = () =>
      new KedgeError('ERR_TIMEOUT', 'the requests topic did not answer', { retryable: true })
    const bounds = (inner: AbortSignal) =>
      log.offsets(topic, { signal: inner, ...(partitions && { partitions }) })
    return withDeadline(deadline.runtime, deadline.ms, expired, bounds, signal)
  }
}
