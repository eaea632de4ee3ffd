/**
 * The identity that a tail gives to a log which tells none.
 *
 * As the core does, the tail finds its last record again: before it takes new ones, and once a minute. Where another one stands
 * there, or the log ends before it, the log is another one and gets another lineage: isolates start again at its end. A storage of
 * the platform keeps the lineage over the life of the tail; without one, each new tail costs each isolate a resync.
 *
 * @module
 */
import { isSame, lastOf } from '../../../src/coherence/log-identity.ts'
import type { LastRecord } from '../../../src/coherence/partition.ts'
import type { LogRecord, PartitionOffsets } from '../../../src/ports/kafka-log.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { randomId } from '../../../src/runtime/random-id.ts'
import { fields, fits, offsetShape, optional, text } from '../../answer-shape.ts'

/** Keeps small values for as long as the platform keeps the tail's place, such as the storage of a Durable Object. */
export interface TailStorage {
  get(key: string): Promise<unknown>
  put(key: string, value: unknown): Promise<void>
}

const VERIFY_EVERY_MS = 60_000
const SAVE_EVERY_MS = 10_000

const savedShape = fields({
  id: text,
  last: optional(fields({ offset: offsetShape, digest: text })),
})

export class Lineage {
  readonly #key: string
  readonly #storage: TailStorage | undefined
  readonly #runtime: Runtime
  #id: string | undefined
  #last: LastRecord | undefined
  #verifiedAt = -Infinity
  #savedAt = -Infinity
  #isChanged = false

  /** @param key of the storage */
  constructor(key: string, storage: TailStorage | undefined, runtime: Runtime) {
    this.#key = key
    this.#storage = storage
    this.#runtime = runtime
  }

  get id(): string {
    return (this.#id ??= randomId(this.#runtime))
  }

  /** The record by which the log is known. */
  get last(): LastRecord | undefined {
    return this.#last
  }

  /** What an earlier life of the tail has left. */
  async load(): Promise<void> {
    if (this.#id !== undefined) return
    const saved = await this.#storage?.get(this.#key)
    if (this.#id !== undefined || !fits(saved, savedShape)) return
    this.#id = saved.id
    this.#last = saved.last
  }

  /**
   * The record that must be found again before the bounds are used: reads then start there. `undefined` where none has to be.
   *
   * @param next the position of the tail
   */
  toFind({ beginning, end }: PartitionOffsets, next: number, now: number): LastRecord | undefined {
    // Retention has taken it: there is nothing to find.
    if (this.#last !== undefined && this.#last.offset < beginning) this.#last = undefined
    if (this.#last === undefined || this.#last.offset >= end) return undefined
    return end > next || now - this.#verifiedAt >= VERIFY_EVERY_MS ? this.#last : undefined
  }

  /** Whether the log ends before what was read of it. */
  isRewound({ end }: PartitionOffsets): boolean {
    return this.#last !== undefined && this.#last.offset >= end
  }

  /**
   * Whether the record is the one that was to be found.
   *
   * @param sought that one: other reads may have gone on since it was asked for
   */
  isFound(found: LogRecord | undefined, now: number, sought: LastRecord | undefined = this.#last): boolean {
    if (sought === undefined || found === undefined || !isSame(found, sought)) return false
    this.#verifiedAt = now
    return true
  }

  /** The log is another one. */
  break(): void {
    this.#id = randomId(this.#runtime)
    this.#last = undefined
    this.#savedAt = -Infinity
    this.#isChanged = true
  }

  /** The newest record that was read. */
  read(newest: LogRecord | undefined): void {
    if (newest === undefined || newest.offset <= (this.#last?.offset ?? -1)) return
    this.#last = lastOf(newest)
    this.#isChanged = true
  }

  /** Keeps what has changed, once in ten seconds at most. */
  async save(now: number): Promise<void> {
    if (!this.#isChanged || this.#storage === undefined || now - this.#savedAt < SAVE_EVERY_MS) return
    this.#savedAt = now
    this.#isChanged = false
    await this.#storage.put(this.#key, { id: this.id, ...(this.#last && { last: this.#last }) })
  }
}
