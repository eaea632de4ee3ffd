/**
 * The log of each topic as the last offsets named it: reads send that name, so that they get no other log.
 *
 * @module
 */
import type { PartitionOffsets } from '../../../src/ports/kafka-log.ts'

/**
 * Topics whose log is kept; a further topic drops the one first seen. Reads of dropped topics name no log.
 */
const MAX_TOPICS = 100

export class LogNames {
  readonly #names = new Map<string, string>()

  of(topic: string): string | undefined {
    return this.#names.get(topic)
  }

  learn(topic: string, bounds: readonly PartitionOffsets[]): void {
    const [name, ...others] = new Set(bounds.map(({ logId }) => logId))
    // A topic that is created anew between the answers for its partitions has two names.
    if (name === undefined || others.length > 0) return
    this.#names.delete(topic)
    this.#names.set(topic, name)
    const [oldest] = this.#names.keys()
    if (this.#names.size > MAX_TOPICS && oldest !== undefined) this.#names.delete(oldest)
  }

  /** Forgets the name, unless later offsets have replaced it. */
  forget(topic: string, name: string | undefined): void {
    if (this.#names.get(topic) === name) this.#names.delete(topic)
  }
}
