/** Ends the waits: when the gateway stops, it answers every request that waits. @module */
import { eitherSignal } from '../../src/runtime/abort.ts'
import type { Cluster, ClusterReadOptions } from './cluster.ts'
import { partitionReader } from './partition-reader.ts'
import type { PartitionReader } from './partition-reader.ts'
import { Refusal } from './refusal.ts'

export const isStopping = (): Refusal =>
  new Refusal('unavailable', 'The gateway is stopping.', { retryAfter: 1 })

/**
 * A cluster in which no read waits once `stopping` is aborted: waits under way end as if their time were
 * over, and the gateway refuses later ones, so that their clients turn to another gateway. Everything else
 * goes on.
 */
export function drained(cluster: Cluster, stopping: AbortSignal): Cluster & Required<PartitionReader> {
  const reader = partitionReader(cluster)
  const stops = new Set<() => void>()
  stopping.addEventListener('abort', () => stops.forEach((stop) => stop()), { once: true })

  const wait = async <T, O extends ClusterReadOptions>(
    options: O,
    read: (options: O) => Promise<T>,
  ): Promise<T> => {
    if (options.waitMs <= 0) return read(options)
    if (stopping.aborted) throw isStopping()
    const { signal } = options
    signal?.throwIfAborted()
    const ended = eitherSignal(signal)
    const stop = () => ended.abort()
    // One listener on the long-lived signal serves all reads; each read removes only its own entry.
    stops.add(stop)
    try {
      return await read({ ...options, signal: ended.signal })
    } catch (error) {
      if (signal?.aborted || !ended.signal.aborted) throw error
      return await read({ ...options, waitMs: 0 })
    } finally {
      stops.delete(stop)
      ended.done()
    }
  }

  return {
    id: cluster.id,
    groups: cluster.groups,
    topics: () => cluster.topics(),
    describe: (topic) => cluster.describe(topic),
    create: (topic, partitions) => cluster.create(topic, partitions),
    remove: (topic) => cluster.remove(topic),
    append: (topic, records) => cluster.append(topic, records),
    offsets: (topic, partition) => cluster.offsets(topic, partition),
    offsetAt: (topic, partition, timestamp) => cluster.offsetAt(topic, partition, timestamp),
    read: (positions, options) => wait(options, (own) => cluster.read(positions, own)),
    readPartition: (position, options) => {
      if (!reader.startRead) return wait(options, (own) => reader.readPartition(position, own))
      if (options.waitMs > 0 && stopping.aborted) return Promise.reject(isStopping())
      return reader.readPartition(position, { ...options, stopping })
    },
    startRead(position, options, caller) {
      if (!reader.startRead) {
        const left = new AbortController()
        const { signal } = left
        const read = this.readPartition(position, { ...options, signal })
        read.then(
          (found) => caller.answer(found),
          (error: unknown) => caller.refuse(error),
        )
        return { leave: () => left.abort() }
      }
      if (options.waitMs > 0 && stopping.aborted) throw isStopping()
      // Where the caller has said so itself, thousands of waits need no options of their own.
      const own = options.stopping === stopping ? options : { ...options, stopping }
      return reader.startRead(position, own, caller)
    },
  }
}
