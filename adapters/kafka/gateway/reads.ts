/** Stateless reads from the gateway, which name their log and take what a long poll has already brought. @module */
import type { PartitionOffsets, Position, ReadOptions, ReadResult } from '../../../src/ports/kafka-log.ts'
import type { Call } from '../rest/http.ts'
import { readStateless } from '../v2/stateless.ts'
import { LastAnswer } from './last-answer.ts'
import { LogNames } from './log-names.ts'

export class GatewayReads {
  readonly #names = new LogNames()
  readonly #last = new LastAnswer()

  /** Learns which log each topic is. */
  hint(topic: string, bounds: readonly PartitionOffsets[]): void {
    this.#names.learn(topic, bounds)
  }

  async read(
    call: Call,
    topic: string,
    positions: readonly Position[],
    how: ReadOptions,
  ): Promise<ReadResult> {
    const logId = this.#names.of(topic)
    const kept = this.#last.take(topic, logId, positions, how)
    if (kept) return kept
    const found = await readStateless(call, topic, positions, { ...how, logId })
    this.#last.keep(topic, logId, positions, how, found)
    if (found.outOfRange.length > 0) this.#names.forget(topic, logId)
    return found
  }
}
