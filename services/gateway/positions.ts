/** The positions of a consumer, by partition. @module */
import type { ClusterRead, ClusterRecord } from './cluster.ts'
import type { TopicPartition, TopicPosition } from './topic-position.ts'
import { Refusal } from './refusal.ts'

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

export class Positions {
  readonly #offsets: Map<string, TopicPartition & { readonly offset: number | undefined }>

  /** @param from the known positions of some of the partitions; the others have no position yet */
  constructor(partitions: readonly TopicPartition[], from?: Positions) {
    this.#offsets = new Map(
      partitions.map(({ topic, partition }) => {
        const name = nameOf({ topic, partition })
        return [name, { topic, partition, offset: from ? from.#offsets.get(name)?.offset : undefined }]
      }),
    )
  }

  get size(): number {
    return this.#offsets.size
  }

  get partitions(): TopicPartition[] {
    return [...this.#offsets.values()].map(({ topic, partition }) => ({ topic, partition }))
  }

  get known(): TopicPosition[] {
    return [...this.#offsets.values()].flatMap(({ offset, ...partition }) =>
      offset === undefined ? [] : { ...partition, offset },
    )
  }

  get unknown(): TopicPartition[] {
    return [...this.#offsets.values()].flatMap(({ offset, ...partition }) =>
      offset === undefined ? partition : [],
    )
  }

  /** @throws Refusal `not-assigned`. */
  require(partitions: readonly TopicPartition[]): void {
    const missing = partitions.find((partition) => !this.#offsets.has(nameOf(partition)))
    if (!missing) return
    throw new Refusal('not-assigned', `Illegal state: No current assignment for partition ${nameOf(missing)}`)
  }

  /** @throws Refusal `not-assigned`. */
  move(positions: readonly TopicPosition[]): void {
    this.require(positions)
    for (const { topic, partition, offset } of positions) {
      this.#offsets.set(nameOf({ topic, partition }), { topic, partition, offset })
    }
  }

  /** Moves each partition to its first record that was not taken, or to where the read has ended. */
  pass(read: ClusterRead, taken: ReadonlySet<ClusterRecord>): void {
    const left = new Map<string, ClusterRecord>()
    if (taken.size < read.records.length) {
      for (const record of read.records.toReversed()) if (!taken.has(record)) left.set(nameOf(record), record)
    }
    for (const next of read.next) this.move([left.get(nameOf(next)) ?? next])
  }
}
