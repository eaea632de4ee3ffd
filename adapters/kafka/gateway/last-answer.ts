/** Keeps the answer of a long poll for the read that follows it. @module */
import type { Position, ReadOptions, ReadResult } from '../../../src/ports/kafka-log.ts'

interface Answer {
  readonly topic: string
  readonly logId: string
  readonly position: Position
  readonly options: Pick<ReadOptions, 'maxBytes' | 'isolation'>
  readonly result: ReadResult
}

/**
 * A follower waits by a long poll, then asks where the log ends, then reads from the offset at which it
 * waited. The long poll has already returned the records at that offset, and records of a named log do not
 * change, so the read takes them from here. Only the end offsets prove that there are no more records.
 */
export class LastAnswer {
  #last: Answer | undefined

  /** Keeps what a long poll of one partition of a named log has brought, in place of what was kept before. */
  keep(
    topic: string,
    logId: string | undefined,
    positions: readonly Position[],
    options: ReadOptions,
    result: ReadResult,
  ): void {
    const [position] = positions
    if (options.waitMs <= 0 || logId === undefined || !position || positions.length > 1) return
    if (result.records.length > 0) this.#last = { topic, logId, position, options, result }
  }

  /** What was kept of this very read, once. */
  take(
    topic: string,
    logId: string | undefined,
    positions: readonly Position[],
    { maxBytes, isolation }: ReadOptions,
  ): ReadResult | undefined {
    const last = this.#last
    const [position] = positions
    if (!last || !position || positions.length > 1 || last.topic !== topic || last.logId !== logId)
      return undefined
    if (last.position.partition !== position.partition || last.position.offset !== position.offset)
      return undefined
    if (last.options.isolation !== isolation || last.options.maxBytes > maxBytes) return undefined
    this.#last = undefined
    return last.result
  }
}
