/** Records that cannot be used, on their way to a topic of their own. @module */
import { toBase64 } from '../../adapters/kafka/rest/base64.ts'
import { encodeUtf8 } from '../../src/wire/codec.ts'
import { withDeadline } from '../../src/runtime/deadline.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { LogRecord, NewRecord } from '../../src/ports/kafka-log.ts'
import type { Counters } from './counters.ts'
import type { SyncSettings } from './settings.ts'
import { retryable } from './retry.ts'
import type { UnusableRecord } from './unusable-record.ts'

/** What stands in the dead-letter topic, as JSON, under the key of the record. */
export interface DeadLetter {
  readonly v: 1
  readonly reason: UnusableRecord['reason']
  /** The reason in words. */
  readonly says: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch, where the log gave one. */
  readonly timestamp?: number
  /** Key of the record, base64; `null` where it has none. */
  readonly key: string | null
  /** Value of the record, base64; `null` for a tombstone. A long one is cut. */
  readonly value: string | null
  readonly truncated?: true
}

export interface Dead {
  readonly record: LogRecord
  readonly why: UnusableRecord
}

const MAX_KEY_BYTES = 65_536
const MAX_VALUE_BYTES = 524_288
const RECORDS_PER_CALL = 50
const BYTES_PER_CALL = 700_000
const ATTEMPTS = 3
const FIRST_PAUSE_MS = 100
/** How long the dead letters of one batch may delay the writes of the batch (decision 51). */
const DEADLINE_MS = 10_000
/** After that time-out, how long dead letters are not sent at all. */
const REST_MS = 30_000

export class DeadLetters {
  readonly #settings: SyncSettings
  readonly #counters: Counters
  #restsUntil = -Infinity

  constructor(settings: SyncSettings, counters: Counters) {
    this.#settings = settings
    this.#counters = counters
  }

  /**
   * Counts the records, emits their events, and writes them to the topic within a deadline. Rejects by the
   * signal alone.
   */
  async take(dead: readonly Dead[], signal: AbortSignal): Promise<void> {
    const { topic, emit, deadLetters } = this.#settings
    this.#counters.unusable += dead.length
    for (const { record, why } of dead) {
      const { partition, offset } = record
      emit({ type: 'unusable', reason: why.reason, says: why.says, topic, partition, offset })
    }
    if (deadLetters === undefined || dead.length === 0) return
    let written = 0
    try {
      await this.#write(dead, deadLetters, signal, (count) => (written += count))
    } catch (error) {
      signal.throwIfAborted()
      const lost = dead.length - written
      this.#counters.deadLettersLost += lost
      emit({ type: 'dead_letters_lost', records: lost, error })
    }
  }

  async #write(
    dead: readonly Dead[],
    deadLetters: string,
    signal: AbortSignal,
    wrote: (count: number) => void,
  ): Promise<void> {
    const { runtime } = this.#settings
    if (runtime.monotonic() < this.#restsUntil) throw resting()
    try {
      await withDeadline(
        runtime,
        DEADLINE_MS,
        silent,
        async (inner) => {
          for (const call of calls(dead.map((each) => this.#letter(each)))) {
            await this.#produce(deadLetters, call, inner)
            this.#counters.deadLetters += call.length
            wrote(call.length)
          }
        },
        signal,
      )
    } catch (error) {
      this.#restsUntil = runtime.monotonic() + REST_MS
      throw error
    }
  }

  async #produce(topic: string, records: readonly NewRecord[], signal: AbortSignal): Promise<void> {
    const { log, runtime } = this.#settings
    for (let attempt = 1; ; attempt++) {
      try {
        await log.produce(topic, records, { signal })
        return
      } catch (error) {
        signal.throwIfAborted()
        if (attempt >= ATTEMPTS || !retryable(error)) throw error
        await runtime.sleep(FIRST_PAUSE_MS * 4 ** (attempt - 1) * (0.5 + runtime.random() / 2), signal)
      }
    }
  }

  #letter({ record, why }: Dead): NewRecord {
    const { partition, offset, timestamp, key, value } = record
    const letter: DeadLetter = {
      v: 1,
      reason: why.reason,
      says: why.says,
      topic: this.#settings.topic,
      partition,
      offset,
      ...(timestamp !== undefined && { timestamp }),
      key: key && toBase64(key.subarray(0, MAX_KEY_BYTES)),
      value: value && toBase64(value.subarray(0, MAX_VALUE_BYTES)),
      ...((value?.length ?? 0) > MAX_VALUE_BYTES && { truncated: true }),
    }
    return { key: key && key.subarray(0, MAX_KEY_BYTES), value: encodeUtf8(JSON.stringify(letter)) }
  }
}

/** Splits the records into calls of bounded number and bytes; each has at least one record. */
function calls(records: readonly NewRecord[]): NewRecord[][] {
  const all: NewRecord[][] = []
  let bytes = Infinity
  for (const record of records) {
    const size = record.value?.length ?? 0
    const last = all.at(-1)
    if (last === undefined || last.length >= RECORDS_PER_CALL || bytes + size > BYTES_PER_CALL) {
      all.push([record])
      bytes = size
    } else {
      last.push(record)
      bytes += size
    }
  }
  return all
}

const silent = () =>
  new KedgeError('ERR_TIMEOUT', 'the dead-letter topic did not answer in time', { retryable: true })
const resting = () =>
  new KedgeError('ERR_PUBLISH', 'the dead-letter topic failed a moment ago', { retryable: true })
