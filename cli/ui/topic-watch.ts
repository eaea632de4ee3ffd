/** The topic of evictions as a viewer sees it: its ends, and what comes to it from now on. @module */
import type { KafkaLog, PartitionOffsets } from '../../src/ports/kafka-log.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { decodeRecord } from '../../src/coherence/apply-eviction.ts'
import { untilAborted } from '../../src/runtime/abort.ts'
import { readBatch } from '../../src/runtime/consumer.ts'
import type { Codec } from '../../src/wire/codec.ts'
import { evictionSaid } from '../record-line.ts'
import { evictionLine } from './eviction-line.ts'
import { MAX_PARTITIONS } from './state.ts'
import type { EvictionLine, TopicState } from './state.ts'

export interface TopicWatchOptions {
  readonly log: KafkaLog
  readonly topic: string
  /** Whether the topic is there: asking a log in memory for its offsets would create it. */
  readonly exists: () => Promise<boolean>
  readonly codec: Codec
  readonly runtime: Runtime
}

/** What a look at the topic has found. */
export interface TopicLook {
  /** Absent where the topic is not there, or was never seen. */
  readonly state?: TopicState
  readonly isThere: boolean
  /** Since the last answer of the log; `Infinity` before the first. */
  readonly answeredAgoMs: number
  /** Why there is no newer answer. */
  readonly error?: unknown
}

/** How long a look waits for the log: all viewers wait for it. */
const LOOK_MS = 2000
const WAIT_MS = 1000
const READ_DEADLINE_MS = 5000
const READ_BYTES = 262_144
const MAX_MESSAGE_BYTES = 1_000_000
const PAUSE_MS = 1000

export class TopicWatch {
  readonly #options: TopicWatchOptions
  #bounds: readonly PartitionOffsets[] = []
  #isThere = true
  #answeredAt = -Infinity

  constructor(options: TopicWatchOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async look(): Promise<TopicLook> {
    const { topic, runtime } = this.#options
    let error: unknown
    try {
      await this.#ask(AbortSignal.timeout(LOOK_MS))
    } catch (thrown) {
      error = thrown
    }
    const partitions = this.#bounds.slice(0, MAX_PARTITIONS).map(({ partition, end }) => ({ partition, end }))
    const more = Math.max(0, this.#bounds.length - MAX_PARTITIONS)
    return {
      ...(partitions.length > 0 && { state: { topic, partitions, more } }),
      isThere: this.#isThere,
      answeredAgoMs: runtime.monotonic() - this.#answeredAt,
      ...(error !== undefined && { error }),
    }
  }

  /** Tells evictions from now on, until the signal is aborted. Never rejects. */
  async follow(tell: (line: EvictionLine) => void, signal: AbortSignal): Promise<void> {
    const { runtime } = this.#options
    const positions = new Map<number, number>()
    // Of a topic that is made while a viewer looks it tells all, from the first record on.
    let isNew = false
    while (!signal.aborted) {
      try {
        await this.#ask(signal)
        for (const { partition, beginning, end } of this.#bounds)
          if (!positions.has(partition)) positions.set(partition, isNew ? beginning : end)
        isNew = true
        if (positions.size > 0) await this.#read(positions, tell, signal)
        else await runtime.sleep(PAUSE_MS, signal)
      } catch {
        // A look tells the viewers why.
        await runtime.sleep(PAUSE_MS, signal).catch(() => undefined)
      }
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { log, topic, exists, runtime } = this.#options
    const asked = runtime.monotonic()
    const isThere = await untilAborted(signal, exists)
    const bounds = isThere ? await log.offsets(topic, { signal }) : []
    this.#isThere = isThere
    this.#bounds = bounds.toSorted((a, b) => a.partition - b.partition)
    this.#answeredAt = asked
  }

  async #read(
    positions: Map<number, number>,
    tell: (line: EvictionLine) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { log, topic, codec, runtime } = this.#options
    const deadline = { runtime, ms: READ_DEADLINE_MS }
    const from = [...positions].map(([partition, offset]) => ({ partition, offset }))
    const { records, next, outOfRange } = await readBatch(
      { log, topic, isolation: 'uncommitted', deadline },
      from,
      { maxBytes: READ_BYTES, waitMs: WAIT_MS },
      signal,
    )
    for (const record of records) {
      const eviction = evictionSaid(await decodeRecord(record, codec, MAX_MESSAGE_BYTES))
      if (!eviction.empty) tell(evictionLine(runtime.now(), record.partition, record.offset, eviction))
    }
    for (const [partition, offset] of next) positions.set(partition, offset)
    // Another topic of this name: it tells that from where it begins.
    for (const partition of outOfRange) positions.delete(partition)
  }
}
