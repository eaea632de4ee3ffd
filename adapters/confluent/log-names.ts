/** Which log each topic was when its offsets were last asked for: reads name it, so that they are of that one. @module */
import type { PartitionOffsets } from '../../src/log.ts'

/** Topics that are remembered; the one first seen is forgotten for another. Reads of the others name no log. */
const MAX_TOPICS = 100

export class LogNames {
  readonly #names = new Map<string, string>()

  of(topic: string): string | undefined {
    return this.#names.get(topic)
  }

  learn(topic: string, bounds: readonly PartitionOffsets[]): void {
    const [name, ...others] = new Set(bounds.map(({ logId }) => logId))
    // A topic that is created anew while its partitions are asked for has two.
    if (name === undefined || others.length > 0) return
    this.#names.delete(topic)
    this.#names.set(topic, name)
    const [oldest] = this.#names.keys()
    if (this.#names.size > MAX_TOPICS && oldest !== undefined) this.#names.delete(oldest)
  }

  /** Unless it was learned anew since. */
  forget(topic: string, name: string | undefined): void {
    if (this.#names.get(topic) === name) this.#names.delete(topic)
  }
}
