/**
 * Where partitions begin and end, at a proxy that has no such endpoint: by probing, or by writing a record.
 *
 * The leader refuses what lies below its start or above its log's end (`validate_fetch_offset` in
 * `src/v/kafka/server` and `src/v/cloud_topics`). That end may be ahead of what is acknowledged, never behind
 * it: a proof by it covers every acknowledged record, and reads reach it when the replicas do.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { NewRecord, PartitionOffsets, Position } from '../../../src/ports/kafka-log.ts'
import { type Call, segment } from '../rest/http.ts'
import { markedBounds } from '../rest/end-marker.ts'
import { countPartitions, OffsetMemory } from '../rest/offsets.ts'
import { failure, isOutOfRange, parseJson, problemOf } from '../rest/problem.ts'
import { type Probe, searchBounds } from '../rest/offset-search.ts'
import { V2_BINARY } from '../v2/media-types.ts'
import { produce } from './produce.ts'

export class SearchedOffsets {
  readonly #marker: boolean
  readonly #remembered = new OffsetMemory()

  /** @param marker whether a record may be written where the log cannot be found otherwise */
  constructor(marker: boolean) {
    this.#marker = marker
  }

  /** The bounds of the named partitions, or of all where none is named. */
  async of(
    call: Call,
    topic: string,
    partitions: readonly number[] | undefined,
  ): Promise<PartitionOffsets[]> {
    const wanted = partitions ?? (await countPartitions((partition) => probeOf(call, topic, partition)(0)))
    return Promise.all(wanted.map((partition) => this.#bounds(call, topic, partition)))
  }

  /** Keeps the offsets of written records: the next search begins there. */
  learn(topic: string, positions: readonly Position[]): void {
    this.#remembered.learn(topic, positions)
  }

  async #bounds(call: Call, topic: string, partition: number): Promise<PartitionOffsets> {
    const probe = probeOf(call, topic, partition)
    const known = this.#remembered.get(topic, partition)
    const bounds =
      (await searchBounds(probe, known)) ?? (await markedBounds(probe, partition, this.#write(call, topic)))
    this.#remembered.set(topic, partition, bounds)
    return { partition, ...bounds }
  }

  #write(call: Call, topic: string) {
    if (!this.#marker) return undefined
    return async (record: NewRecord) => (await produce(call, topic, [record]))[0]?.offset
  }
}

/** The smallest read there is: what it returns does not matter, only whether it is allowed. */
function probeOf({ http, signal }: Call, topic: string, partition: number): Probe {
  return async (offset) => {
    const path = `/topics/${segment(topic)}/partitions/${partition}/records?offset=${offset}&timeout=0&max_bytes=1`
    const answer = await http.send({ method: 'GET', path, headers: { accept: V2_BINARY } }, signal)
    if (Number(answer.headers.get('age') ?? 0) > 0) {
      throw new KedgeError(
        'ERR_PROTOCOL',
        'reading offsets: a cache on the way answered: let none store the answers of this URL',
      )
    }
    if (answer.status < 300) {
      // A load balancer's page is no answer about the log: taken for one, it would give a wrong end.
      if (Array.isArray(parseJson(answer.body))) return true
      throw new KedgeError('ERR_PROTOCOL', 'reading offsets: the answer is not a list of records', {
        retryable: true,
      })
    }
    if (isOutOfRange(problemOf(answer))) return false
    throw failure(answer, 'reading offsets')
  }
}
