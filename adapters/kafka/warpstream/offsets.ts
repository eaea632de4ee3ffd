/**
 * Where partitions begin and end, by the answer of a fetch; probing finds what the answer leaves out.
 *
 * @module
 */
import type { KafkaLog, NewRecord, PartitionOffsets, Position } from '../../../src/ports/kafka-log.ts'
import { markedBounds } from '../rest/end-marker.ts'
import { countPartitions, OffsetMemory } from '../rest/offsets.ts'
import { type Bounds, lowestInside, type Probe, searchBounds } from '../rest/offset-search.ts'
import type { Call } from '../rest/http.ts'
import { type Fetched, fetchFrom } from './fetch.ts'

const DOING = 'reading offsets'

export class FetchedOffsets {
  readonly #writer: Pick<KafkaLog, 'produce'> | undefined
  readonly #remembered = new OffsetMemory()

  /** @param writer where a record may be written when the log cannot be found otherwise */
  constructor(writer: Pick<KafkaLog, 'produce'> | undefined) {
    this.#writer = writer
  }

  /** Keeps the offsets of written records: the next search begins there. */
  learn(topic: string, positions: readonly Position[]): void {
    this.#remembered.learn(topic, positions)
  }

  /** The bounds of the named partitions, or of all where none is named. */
  async of(
    call: Call,
    topic: string,
    partitions: readonly number[] | undefined,
  ): Promise<PartitionOffsets[]> {
    const wanted =
      partitions ??
      (await countPartitions((partition) => fetchFrom(call, topic, [{ partition, offset: 0 }], 1, DOING)))
    if (wanted.length === 0) return []
    const places = wanted.map((partition) => ({
      partition,
      offset: this.#remembered.get(topic, partition)?.end ?? 0,
    }))
    const found = await fetchFrom(call, topic, places, 1, DOING)
    return Promise.all(
      found.map(async (one) => {
        const bounds = await this.#bounds(call, topic, one)
        this.#remembered.set(topic, one.partition, bounds)
        return { partition: one.partition, ...bounds }
      }),
    )
  }

  async #bounds(call: Call, topic: string, { partition, beginning, end }: Fetched): Promise<Bounds> {
    const known = this.#remembered.get(topic, partition)
    const probe: Probe = async (offset) => {
      const [answer] = await fetchFrom(call, topic, [{ partition, offset }], 1, DOING)
      return answer?.inside ?? false
    }
    if (end === undefined) {
      return (await searchBounds(probe, known)) ?? markedBounds(probe, partition, this.#write(call, topic))
    }
    if (beginning !== undefined) return { beginning: Math.min(beginning, end), end }
    return { beginning: await lowestInside(probe, known?.beginning, end), end }
  }

  #write({ signal }: Call, topic: string) {
    const writer = this.#writer
    if (!writer) return undefined
    return async (record: NewRecord) => (await writer.produce(topic, [record], { signal }))[0]?.offset
  }
}
