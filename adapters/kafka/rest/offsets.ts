/**
 * The partitions of a topic, and where each of them was last seen to begin and end: at proxies that have no endpoint for
 * either.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { Position } from '../../../src/ports/kafka-log.ts'
import type { Remembered } from './offset-search.ts'

/** A topic's partitions are at most this many here; an isolate polls one or a few. */
export const MAX_PARTITIONS = 4096

/** Partitions that are remembered: the one not used for longest goes first. */
const MAX_REMEMBERED = 1024

export class OffsetMemory {
  readonly #entries = new Map<string, Remembered>()

  get(topic: string, partition: number): Remembered | undefined {
    return this.#entries.get(nameOf(topic, partition))
  }

  set(topic: string, partition: number, value: Remembered): void {
    const name = nameOf(topic, partition)
    this.#entries.delete(name)
    if (this.#entries.size >= MAX_REMEMBERED) this.#entries.delete(this.#entries.keys().next().value ?? '')
    this.#entries.set(name, value)
  }

  /** Keeps the offsets of written records: the next search begins there. */
  learn(topic: string, positions: readonly Position[]): void {
    for (const { partition, offset } of positions) {
      const known = this.get(topic, partition)
      if (offset >= (known?.end ?? 0)) this.set(topic, partition, { ...known, end: offset + 1 })
    }
  }
}

const nameOf = (topic: string, partition: number): string => `${partition} ${topic}`

/**
 * The numbers of the topic's partitions. They go from 0 without holes, so a binary search finds the last one.
 *
 * @param touch asks something about a partition, and rejects with `ERR_UNKNOWN_TOPIC` where there is none
 * @throws what `touch` throws; for partition 0 that includes `ERR_UNKNOWN_TOPIC`
 */
export async function countPartitions(touch: (partition: number) => Promise<unknown>): Promise<number[]> {
  await touch(0)
  let some = 0
  let none = 1
  while (none < MAX_PARTITIONS && (await exists(touch, none))) {
    some = none
    none *= 2
  }
  while (none - some > 1) {
    const middle = some + Math.floor((none - some) / 2)
    if (await exists(touch, middle)) some = middle
    else none = middle
  }
  return Array.from({ length: some + 1 }, (_, partition) => partition)
}

async function exists(touch: (partition: number) => Promise<unknown>, partition: number): Promise<boolean> {
  try {
    await touch(partition)
    return true
  } catch (error) {
    if (error instanceof KedgeError && error.code === 'ERR_UNKNOWN_TOPIC') return false
    throw error
  }
}
