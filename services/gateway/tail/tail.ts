/** A shared tail over any cluster: what many clients wait for is read once. @module */
import type { Cluster, ClusterRead, ClusterReadOptions, PartitionBounds } from '../cluster.ts'
import { GatewayCounters } from '../counters.ts'
import type { TopicPosition } from '../topic-position.ts'
import type {
  PartitionRead,
  PartitionReader,
  PartitionReadOptions,
  StartedRead,
  StartRead,
} from '../partition-reader.ts'
import { onAbort } from '../../../src/runtime/abort.ts'
import { Refusal } from '../refusal.ts'
import { orAbort } from './calls.ts'
import { tailOptionsOf } from './options.ts'
import type { TailOptions } from './options.ts'
import { TailRead } from './read.ts'
import type { TailParts } from './read.ts'
import { TailWaits } from './waits.ts'
import { says, WindowReads } from './window-reads.ts'
import type { Mode } from './window-reads.ts'

/** A cluster whose readers share what they read. */
export interface TailedCluster extends Cluster, PartitionReader {
  /** Ends every loop, and refuses waiting reads. The cluster behind it stays open. May be called again. */
  close(): Promise<void>
}

/**
 * Puts a shared tail over a cluster: any number of long polls of a partition cost the cluster one loop of reads.
 *
 * - Reads that wait at the end of a partition get its records from one loop; there is a loop for each
 *   isolation level, so that a committed reader never sees the records of an uncommitted one. A loop ends
 *   after `idleMs` without use.
 * - Recent records come from the loop's window, older ones from the cluster; equal reads that wait share one.
 * - `offsets()` stays what a proof of freshness needs: a sample of the cluster that *began after the call*.
 *   Calls that come while a sample is under way share the next, never the one that began before them. The
 *   tail also checks an answer from a window against such a sample: the log must be the same, and still hold
 *   the position. The loop's own sample counts for reads that waited before it began. A read that the loop
 *   has woken, or that names the log of the window, does not wait for a sample: its answer says that its
 *   bounds are not `sampled`.
 * - When a topic has been created anew, or has lost its end, the tail drops its window, and waiting reads
 *   start again.
 * - Where a loop's read fails, the tail refuses all reads that wait for it; an abort ends the wait of one
 *   read.
 *
 * An answer from a window may be shorter than the cluster's: the next poll goes on after it. It may hold
 * records that compaction has removed since the loop read them. It differs in nothing else.
 *
 * @throws TypeError for options that are wrong or unknown.
 * @example
 * ```ts
 * import { kafkaCluster, withTail } from 'kedge/gateway'
 *
 * const tailed = withTail(kafkaCluster({ brokers: ['kafka-1:9092'] }))
 * const { end } = await tailed.offsets('cache-evictions', 0)
 * await tailed.close()
 * ```
 */
export function withTail(cluster: Cluster, options: TailOptions = {}): TailedCluster {
  return countedTail(cluster, options, new GatewayCounters())
}

/** As `withTail`, and counts what it has answered by itself. */
export function countedTail(
  cluster: Cluster,
  options: TailOptions,
  counters: GatewayCounters,
): TailedCluster {
  return new SharedTail(cluster, tailOptionsOf(options), counters)
}

class SharedTail implements TailedCluster {
  readonly id: string
  readonly groups: Cluster['groups']
  readonly #cluster: Cluster
  readonly #options: Required<TailOptions>
  readonly #reads: WindowReads
  readonly #waits: TailWaits
  readonly #parts: TailParts
  readonly #stop = new AbortController()

  constructor(cluster: Cluster, options: Required<TailOptions>, counters: GatewayCounters) {
    this.id = cluster.id
    this.groups = cluster.groups
    this.#cluster = cluster
    this.#options = options
    this.#reads = new WindowReads(cluster, options, counters)
    const { runtime } = options
    this.#waits = new TailWaits(cluster, this.#reads.loops, runtime, this.#stop.signal)
    const throwIfClosed = () => this.#throwIfClosed()
    this.#parts = { runtime, reads: this.#reads, waits: this.#waits, throwIfClosed }
  }

  topics: Cluster['topics'] = () => this.#cluster.topics()
  describe: Cluster['describe'] = (topic) => this.#cluster.describe(topic)
  create: Cluster['create'] = (topic, partitions) => this.#cluster.create(topic, partitions)
  remove: Cluster['remove'] = (topic) => this.#cluster.remove(topic)
  append: Cluster['append'] = (topic, records) => this.#cluster.append(topic, records)
  offsetAt: Cluster['offsetAt'] = (...asked) => this.#cluster.offsetAt(...asked)

  async offsets(topic: string, partition: number): Promise<PartitionBounds> {
    const { beginning, end, logId, isLineage } = await this.#reads.sample({ topic, partition })
    return { beginning, end, logId, ...(isLineage && { isLineage }) }
  }

  async read(positions: readonly TopicPosition[], options: ClusterReadOptions): Promise<ClusterRead> {
    const answers = await this.#read(positions, options)
    const at = ({ topic, partition }: TopicPosition, offset: number) => ({ topic, partition, offset })
    return {
      records: answers.flatMap(({ records }) => records),
      next: positions.map((position, index) => at(position, answers[index]!.next)),
      outOfRange: positions
        .filter((_, index) => answers[index]!.outOfRange)
        .map(({ topic, partition }) => ({ topic, partition })),
    }
  }

  readonly startRead: StartRead = (position, options, caller) => {
    const read = new TailRead(this.#parts, position, options, caller)
    read.step()
    return read
  }

  readPartition(position: TopicPosition, options: PartitionReadOptions): Promise<PartitionRead> {
    const { signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    let read: StartedRead | undefined
    const answer = new Promise<PartitionRead>((resolve, reject) => {
      read = this.startRead(position, options, { answer: resolve, refuse: reject })
    })
    if (!signal) return answer
    const off = onAbort(signal, () => read?.leave())
    return orAbort(answer, signal).finally(off)
  }

  #throwIfClosed(): void {
    if (this.#stop.signal.aborted)
      throw new Refusal('unavailable', 'The gateway is stopping.', { retryAfter: 1 })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#reads.loops.close()
  }

  async #read(
    positions: readonly TopicPosition[],
    options: PartitionReadOptions,
  ): Promise<readonly PartitionRead[]> {
    const { signal, waitMs } = options
    const since = this.#reads.tick
    const deadline = this.#options.runtime.monotonic() + waitMs
    let mode: Mode = waitMs > 0 ? 'waiting' : 'now'
    for (let told = false; ; told = true) {
      signal?.throwIfAborted()
      this.#throwIfClosed()
      const answers = await orAbort(this.#reads.collect(positions, options, { since, mode, told }), signal)
      if (mode !== 'waiting' || answers.some((answer, index) => says(answer, positions[index]!)))
        return answers
      mode = await this.#waits.news(positions, options, deadline - this.#options.runtime.monotonic())
    }
  }
}
