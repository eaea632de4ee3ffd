/** What is remembered of each partition, within bounds: the one not used for longest goes first. @module */

/** Partitions that are remembered. */
const MAX_PARTITIONS = 1024

export class PartitionMemory<T> {
  readonly #entries = new Map<string, T>()

  get(topic: string, partition: number): T | undefined {
    return this.#entries.get(nameOf(topic, partition))
  }

  set(topic: string, partition: number, value: T): void {
    const name = nameOf(topic, partition)
    this.#entries.delete(name)
    if (this.#entries.size >= MAX_PARTITIONS) this.#entries.delete(this.#entries.keys().next().value ?? '')
    this.#entries.set(name, value)
  }
}

const nameOf = (topic: string, partition: number): string => `${partition} ${topic}`
