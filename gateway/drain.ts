/** The end of waiting: when the gateway stops, whoever waits is answered. @module */
import type { Cluster, ClusterReadOptions } from './cluster.ts'
import { partitionReader } from './partition-reader.ts'
import type { PartitionReader } from './partition-reader.ts'
import { Refusal } from './refusal.ts'

export const isStopping = (): Refusal =>
  new Refusal('unavailable', 'The gateway is stopping.', { retryAfter: 1 })

/**
 * A cluster in which nothing waits once `stopping` is aborted: waits that are under way end as if their time were
 * over, and later ones are refused, so that their clients turn to another gateway. Everything else goes on.
 */
export function drained(cluster: Cluster, stopping: AbortSignal): Cluster & PartitionReader {
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
    const ended = new AbortController()
    const stop = () => ended.abort(signal?.reason)
    // One listener on the long-lived signal serves all; each read has but its own to clean up.
    stops.add(stop)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      signal?.throwIfAborted()
      return await read({ ...options, signal: ended.signal })
    } catch (error) {
      if (signal?.aborted || !ended.signal.aborted) throw error
      return await read({ ...options, waitMs: 0 })
    } finally {
      stops.delete(stop)
      signal?.removeEventListener('abort', stop)
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
    endsWaits: reader.endsWaits ?? false,
    readPartition: (position, options) => {
      if (!reader.endsWaits) return wait(options, (own) => reader.readPartition(position, own))
      if (options.waitMs > 0 && stopping.aborted) return Promise.reject(isStopping())
      return reader.readPartition(position, { ...options, stopping })
    },
  }
}
