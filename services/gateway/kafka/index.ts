/** A real Kafka behind the gateway. @module */
import type {
  Appended,
  Cluster,
  ClusterRead,
  ClusterReadOptions,
  PartitionBounds,
  RecordToAppend,
  TopicDescription,
} from '../cluster.ts'
import type { TopicPosition } from '../topic-position.ts'
import { Producer } from './producer.ts'
import { ListOffsets } from './list-offsets.ts'
import { refusalFrom, withRight } from './failure.ts'
import type { Right } from './failure.ts'
import { Refusal } from '../refusal.ts'
import { MonotonicEndOffset } from './monotonic-end-offset.ts'
import { KafkaGroups } from './groups.ts'
import { ConnectionPool } from './connection-pool.ts'
import { settingsOf } from './options.ts'
import type { KafkaSettings } from './options.ts'
import type { KafkaOptions, TopicOptions } from './types.ts'
import { Fetcher } from './fetcher.ts'
import { Topics } from './topics.ts'
import { logIdOf } from './topic.ts'
import type { Node, Topic } from './topic.ts'
import { Topology } from './topology.ts'
import { LeaderFencing } from './leader-fencing.ts'

export type {
  KafkaOauthBearer,
  KafkaOptions,
  KafkaPassword,
  KafkaSasl,
  KafkaTls,
  KafkaToken,
  TopicOptions,
  UnreadableBatch,
} from './types.ts'

export interface KafkaCluster extends Cluster {
  /** Kafka's cluster id, once a broker has answered; `kafka` before. */
  readonly id: string
  /** The brokers that the cluster names now. */
  readonly brokers: () => Promise<
    readonly { readonly id: number; readonly host: string; readonly port: number }[]
  >
  /** @throws Refusal `exists`, `invalid`. */
  readonly createTopic: (name: string, options: TopicOptions) => Promise<TopicDescription>
  /** The settings of a topic in force, by Kafka's names. @throws Refusal `unknown-topic`. */
  readonly configs: (topic: string) => Promise<ReadonlyMap<string, string>>
  /** Ends every connection; calls under way are refused. */
  readonly close: () => Promise<void>
}

/**
 * Any Kafka from 2.8 on as the gateway's cluster, over `@platformatic/kafka`'s connections and requests.
 *
 * - Reads are fetches by explicit offset without a consumer group; batches may be compressed with gzip, snappy, lz4,
 *   and zstd (where this Node has it: 22.15 and newer). Offsets are
 *   committed for groups alone.
 * - A batch that cannot be read (a wrong checksum, an unknown compression, more than `maxBatchBytes` inflated) is shown
 *   as one record at its last offset that no cache can read either: it evicts everything, and what follows is read.
 * - Writes wait for all in-sync replicas and are idempotent for each partition.
 * - `logId` is the topic id. A fetch is bound to it from Kafka 3.1 on; on 2.8 to 3.0 topics are fetched by name, and
 *   only the bounds show that a topic was deleted and created anew.
 * - The cluster returns an end only from a leader that has not been silent lately, or that the other replicas
 *   in sync confirm: a leader that was frozen may not know that another has taken over. Until then the end is
 *   `unavailable`.
 * - A request never creates a topic, whatever `auto.create.topics.enable` says.
 * - When the brokers fail, calls reject with a `Refusal` `unavailable`, after attempts within
 *   `requestTimeoutMs`.
 *
 * Nothing is connected before the first call.
 *
 * @throws TypeError for wrong options.
 * @example
 * ```ts
 * import { createGateway, kafkaCluster } from 'kedge/gateway'
 *
 * const cluster = kafkaCluster({ brokers: ['kafka-1:9092', 'kafka-2:9092'] })
 * const app = createGateway({ cluster })
 * ```
 */
export function kafkaCluster(options: KafkaOptions): KafkaCluster {
  return new OverKafka(settingsOf(options))
}

class OverKafka implements KafkaCluster {
  readonly groups: KafkaGroups
  readonly #links: ConnectionPool
  readonly #topology: Topology
  readonly #appender: Producer
  readonly #bounds: ListOffsets
  readonly #reader: Fetcher
  readonly #topics: Topics

  constructor(settings: KafkaSettings) {
    this.#links = new ConnectionPool(settings)
    this.#topology = new Topology(this.#links, settings)
    const floor = new MonotonicEndOffset()
    const topology = this.#topology
    const witnesses = new LeaderFencing(
      {
        words: (topic) => topology.words(topic),
        ask: (node, topic) => topology.ask(node, topic),
        known: () => topology.known(),
      },
      this.#links.liveness,
    )
    this.#appender = new Producer(this.#links, topology, floor, settings)
    this.#bounds = new ListOffsets(this.#links, topology, witnesses, floor, settings)
    this.#reader = new Fetcher(this.#links, topology, witnesses, floor, settings)
    this.#topics = new Topics(this.#topology, settings)
    this.groups = new KafkaGroups(this.#links, topology, settings)
  }

  get id(): string {
    return this.#topology.clusterId ?? 'kafka'
  }

  brokers(): Promise<readonly Node[]> {
    return refused(this.#topology.nodes(), { operation: 'Describe' })
  }

  async topics(): Promise<TopicDescription[]> {
    return (await refused(this.#topology.all(), { operation: 'Describe' })).map(descriptionOf)
  }

  async describe(topic: string): Promise<TopicDescription | undefined> {
    const found = await refused(this.#topology.find(topic), { operation: 'Describe', topic })
    return found && descriptionOf(found)
  }

  create(topic: string, partitions: number | undefined): Promise<TopicDescription> {
    return this.createTopic(topic, { partitions })
  }

  async createTopic(name: string, options: TopicOptions): Promise<TopicDescription> {
    return descriptionOf(
      await refused(this.#topics.create(name, options), { operation: 'Create', topic: name }),
    )
  }

  remove(topic: string): Promise<void> {
    return refused(this.#topics.remove(topic), { operation: 'Delete', topic })
  }

  configs(topic: string): Promise<ReadonlyMap<string, string>> {
    return refused(this.#topics.configs(topic), { operation: 'DescribeConfigs', topic })
  }

  async append(topic: string, records: readonly RecordToAppend[]): Promise<Appended[]> {
    const results = await this.#appender.append(topic, records)
    return results.map((result) =>
      result.refusal ? { refusal: withRight(result.refusal, { operation: 'Write', topic }) } : result,
    )
  }

  offsets(topic: string, partition: number): Promise<PartitionBounds> {
    return refused(this.#bounds.of(topic, partition), { operation: 'Describe', topic })
  }

  offsetAt(topic: string, partition: number, timestamp: number): Promise<number> {
    return refused(this.#bounds.at(topic, partition, timestamp), { operation: 'Describe', topic })
  }

  read(positions: readonly TopicPosition[], options: ClusterReadOptions): Promise<ClusterRead> {
    const topic = namesOf(positions)
    return refused(this.#reader.read(positions, options), { operation: 'Read', topic }, options.signal)
  }

  async close(): Promise<void> {
    await this.groups.close()
    this.#links.close()
    await this.#topics.close()
  }
}

const descriptionOf = (topic: Topic): TopicDescription => ({
  name: topic.name,
  id: logIdOf(topic),
  partitions: topic.partitions,
})

/** The topics of positions, for a person. */
const namesOf = (positions: readonly TopicPosition[]): string =>
  [...new Set(positions.map(({ topic }) => topic))].slice(0, 5).join(', ')

async function refused<T>(work: Promise<T>, right: Right, signal?: AbortSignal): Promise<T> {
  try {
    return await work
  } catch (error) {
    const refusal = refusalFrom(error, signal)
    throw refusal instanceof Refusal ? withRight(refusal, right) : refusal
  }
}
