/** How many partitions a topic has, at a proxy that answers only for one partition at a time. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import { MAX_PARTITIONS } from './positions.ts'

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
