/**
 * A REST backend as the gateway's cluster: the gateway is then a relay, and its clients cost the backend one reader.
 *
 * @module
 */
import type { KafkaLog, NewRecord, PartitionOffsets } from '../../../src/ports/kafka-log.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { eitherSignal } from '../../../src/runtime/abort.ts'
import type {
  Appended,
  Cluster,
  ClusterRead,
  ClusterReadOptions,
  ClusterRecord,
  PartitionBounds,
  RecordToAppend,
  TopicDescription,
} from '../cluster.ts'
import { bytesOf } from '../partition-reader.ts'
import { Refusal } from '../refusal.ts'
import { SharedCalls } from '../tail/calls.ts'
import type { TopicPartition, TopicPosition } from '../topic-position.ts'
import { UpstreamConnection } from './connection.ts'
import type { Isolation } from './connection.ts'
import type { OnContact } from './contact.ts'
import { LOOK_EVERY_MS } from './partition.ts'
import type { UpstreamPartition } from './partition.ts'
import { UpstreamPartitions } from './partitions.ts'
import { failuresOf, notAcknowledged, notPossible } from './refusals.ts'

export interface UpstreamOptions {
  /** @default 'kedge-upstream' */
  readonly id?: string
  /** A topic whose first partition is asked for where nothing else shows whether the upstream answers. @default 'cache-evictions' */
  readonly topic?: string
  /** Called when the upstream is lost, with the error, and with `undefined` when it answers. Must not throw. */
  readonly onContact?: OnContact
  /** Clocks and timers. @default `systemRuntime()` */
  readonly runtime?: Runtime
}

/** A cluster that is another server's. */
export interface UpstreamCluster extends Cluster {
  /**
   * Why the upstream serves no client now, as far as is known; `undefined` where it answers. Asks it in the background where the
   * last word is older than two seconds.
   */
  problem(): string | undefined
  /** Ends calls under way, and closes the log: its consumer instances are removed. May be called again. */
  close(): Promise<void>
}

/** How old the last word of the upstream may be before it is asked for another. */
const LOOK_AFTER_MS = 2000

/**
 * Any log over REST behind the gateway, for `startGateway` and `createGateway`.
 *
 * - The upstream is asked for the end of a partition at most ten times a second, for any number of clients: those that ask
 *   meanwhile share the next answer, which began after each of them had asked. Records are read once, and held (2 MiB a
 *   partition). At a proxy with consumer instances that is one instance.
 * - Where the upstream tells no identity of its log, the relay finds its last record again, as a cache does. Over REST it names
 *   none, and clients find theirs; shared proofs (`/tail`) name a lineage.
 * - Writes are acknowledged as the upstream acknowledges them, record by record where it tells so much.
 * - The upstream's own way decides what is possible: the relay refuses as `unsupported` (501) the list of topics, creating and
 *   removing one, the offset of a time, headers and timestamps of new records, committed reads where the upstream has none,
 *   and consumer groups.
 * - An upstream that is away, slow, or not itself is `unavailable` (503); one that refuses the credentials `forbidden` (403).
 *
 * @throws TypeError for options that are wrong or unknown.
 * @example
 * ```ts
 * import { confluent } from 'kedge/adapters/confluent'
 * import { startGateway, upstreamCluster } from 'kedge/gateway'
 *
 * const cluster = upstreamCluster(confluent({ url: 'https://kafka-rest.internal:8082' }))
 * const relay = await startGateway({ cluster, auth: { tokens: ['an-edge-token'] } })
 * ```
 */
export function upstreamCluster(log: KafkaLog, options: UpstreamOptions = {}): UpstreamCluster {
  const {
    id = 'kedge-upstream',
    topic = 'cache-evictions',
    onContact = () => undefined,
    runtime = systemRuntime(),
    ...rest
  } = options
  for (const name of Object.keys(rest)) throw new TypeError(`\`${name}\` is not an option of an upstream`)
  return new OverUpstream(log, { id, topic, onContact, runtime })
}

class OverUpstream implements UpstreamCluster {
  readonly id: string
  readonly #topic: string
  readonly #connection: UpstreamConnection
  readonly #partitions: UpstreamPartitions
  readonly #described = new SharedCalls<TopicDescription | undefined>()
  #lookedAt = -Infinity

  constructor(log: KafkaLog, { id, topic, onContact, runtime }: Required<UpstreamOptions>) {
    this.id = id
    this.#topic = topic
    this.#connection = new UpstreamConnection(log, runtime, topic, onContact)
    this.#partitions = new UpstreamPartitions(this.#connection)
  }

  async topics(): Promise<TopicDescription[]> {
    throw notPossible('A list of topics')
  }

  async create(): Promise<TopicDescription> {
    throw notPossible('Creating a topic')
  }

  async remove(): Promise<void> {
    throw notPossible('Removing a topic')
  }

  async offsetAt(): Promise<number> {
    throw notPossible('The offset of a time')
  }

  describe(topic: string): Promise<TopicDescription | undefined> {
    return this.#described.take(topic, async () => {
      try {
        const { log } = this.#connection
        return descriptionOf(
          topic,
          await this.#connection.call(topic, undefined, (signal) => log.offsets(topic, { signal })),
        )
      } catch (error) {
        if (error instanceof Refusal && error.reason === 'unknown-topic') return undefined
        throw error
      }
    })
  }

  async append(topic: string, records: readonly RecordToAppend[]): Promise<readonly Appended[]> {
    const results: (Appended | undefined)[] = records.map(unpassable)
    const passed = records.filter((_, at) => results[at] === undefined)
    const written = passed.length === 0 ? [] : await this.#write(topic, passed.map(toWrite))
    let next = 0
    return results.map((refused) => refused ?? written[next++]!)
  }

  offsets(topic: string, partition: number): Promise<PartitionBounds> {
    return this.#at({ topic, partition }, (place) => place.bounds())
  }

  async read(positions: readonly TopicPosition[], options: ClusterReadOptions): Promise<ClusterRead> {
    const { waitMs, isolation = 'uncommitted', signal } = options
    const { runtime } = this.#connection
    signal?.throwIfAborted()
    if (isolation === 'committed') await this.#requireCommitted(positions)
    const until = runtime.monotonic() + waitMs
    const isHeld = ({ offset, ...place }: TopicPosition) =>
      this.#partitions.find(place)?.holds(offset, isolation)
    let isThere = waitMs <= 0 || positions.some(isHeld)
    for (;;) {
      if (isThere) {
        const found = await this.#collect(positions, options)
        const isMoved = found.next.some(({ offset }, index) => offset !== positions[index]?.offset)
        if (isMoved || found.outOfRange.length > 0 || waitMs <= 0) return found
      }
      const left = until - runtime.monotonic()
      if (left <= 0) return { records: [], next: [...positions], outOfRange: [] }
      // Something stands there that no read returns: a marker of a transaction, or what is not committed.
      if (isThere) await runtime.sleep(Math.min(left, LOOK_EVERY_MS), signal)
      isThere = await this.#news(positions, isolation, left, signal)
    }
  }

  problem(): string | undefined {
    const { runtime, silentMs, closed } = this.#connection
    const now = runtime.monotonic()
    if (Math.min(silentMs, now - this.#lookedAt) >= LOOK_AFTER_MS && !closed.aborted) {
      this.#lookedAt = now
      this.offsets(this.#topic, 0).catch(() => undefined)
    }
    return this.#connection.problem
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  async #write(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]> {
    const { log } = this.#connection
    try {
      const positions = await this.#connection.reach(topic, undefined, (signal) =>
        log.produce(topic, records, { signal }),
      )
      return records.map((_, at) => positions[at] ?? { refusal: notAcknowledged() })
    } catch (error) {
      const failures = failuresOf(error, records.length)
      if (!failures) throw error
      const exactly = async (failure: Appended, at: number): Promise<Appended> =>
        failure.refusal
          ? { refusal: (await this.#exactly(failure.refusal, topic, records[at]!.partition)) as Refusal }
          : failure
      return Promise.all(failures.map(exactly))
    }
  }

  async #collect(
    positions: readonly TopicPosition[],
    { maxBytes, isolation = 'uncommitted', signal }: ClusterReadOptions,
  ): Promise<ClusterRead> {
    const records: ClusterRecord[] = []
    const outOfRange: TopicPartition[] = []
    const next: TopicPosition[] = []
    let left = maxBytes
    for (const position of positions) {
      const { topic, partition, offset } = position
      // Once the answer is full, the next read goes on with the others.
      if (left <= 0 && records.length > 0) {
        next.push(position)
        continue
      }
      const slice = await this.#at(position, (place) => place.read(offset, isolation, left, signal))
      for (const record of slice.records) {
        records.push(record)
        left -= bytesOf(record)
      }
      if (slice.outOfRange) outOfRange.push({ topic, partition })
      next.push({ topic, partition, offset: slice.next })
    }
    return { records, next, outOfRange }
  }

  async #news(
    positions: readonly TopicPosition[],
    isolation: Isolation,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const ended = eitherSignal(signal)
    const waits = positions.map((position) =>
      this.#at(position, (place) => place.news(position.offset, isolation, waitMs, ended.signal)),
    )
    try {
      return await Promise.race(waits)
    } finally {
      ended.done()
      ended.abort('the wait has ended')
      for (const wait of waits) wait.catch(() => undefined)
    }
  }

  /** What an upstream can do is known once it has answered. */
  async #requireCommitted([first]: readonly TopicPosition[]): Promise<void> {
    const { log } = this.#connection
    if (!log.capabilities.readCommitted && first) await this.offsets(first.topic, first.partition)
    if (!log.capabilities.readCommitted) throw notPossible('Reading committed records alone')
  }

  async #at<T>(place: TopicPartition, work: (partition: UpstreamPartition) => Promise<T>): Promise<T> {
    try {
      return await this.#partitions.at(place, work)
    } catch (error) {
      throw await this.#exactly(error, place.topic, place.partition)
    }
  }

  /** An upstream has one error for a topic that is missing and for a partition that is. */
  async #exactly(failure: unknown, topic: string, partition = 0): Promise<unknown> {
    if (!(failure instanceof Refusal) || failure.reason !== 'unknown-topic' || partition === 0) return failure
    const isThere = await this.describe(topic).catch(() => undefined)
    return isThere ? new Refusal('unknown-partition', 'Partition not found.') : failure
  }
}

function descriptionOf(name: string, bounds: readonly PartitionOffsets[]): TopicDescription | undefined {
  if (bounds.length === 0) return undefined
  const [id, ...others] = new Set(bounds.map(({ logId }) => logId))
  const partitions = 1 + Math.max(...bounds.map(({ partition }) => partition))
  // A topic that is made anew between the answers for its partitions has two.
  return { name, partitions, ...(others.length === 0 && id !== undefined && { id }) }
}

/** Refused before anything is written: nothing of a record is lost on the way. */
function unpassable({ headers, timestamp }: RecordToAppend): Appended | undefined {
  if (headers && headers.length > 0) return { refusal: notPossible('A record with headers') }
  if (timestamp !== undefined) return { refusal: notPossible('A record with a timestamp') }
  return undefined
}

const toWrite = ({ key, value, partition }: RecordToAppend): NewRecord => ({
  key,
  value,
  ...(partition !== undefined && { partition }),
})
