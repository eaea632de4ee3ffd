/** Topics and the leaders of their partitions: asked for when needed, and kept for a short while. @module */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal } from '../refusal.ts'
import { METADATA } from './requests.ts'
import type { MetadataAnswer } from './requests.ts'
import { KafkaFailure } from './failure.ts'
import type { BrokerConnection } from './broker-connection.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { nameOf } from './options.ts'
import type { KafkaSettings } from './options.ts'
import { newer, nodeOf, topicOf } from './topic.ts'
import type { Leader, Node, Topic } from './topic.ts'
import type { ReplicaAnswer } from './leader-fencing.ts'

/** How long a topic's description is used, in milliseconds. */
const MAX_AGE_MS = 2000
/** Topics that are kept; a further one drops the topic whose description is oldest. */
const MAX_TOPICS = 1000
/** How long a witness may take to answer who leads, in milliseconds. */
const WITNESS_MS = 1000
/** Brokers whose answers about a topic are kept. */
const MAX_WORDS = 100
/** How long the gateway does not ask a broker again that gave no answer, in milliseconds. */
const PEACE_MS = 10_000
/** The pause between looks at a topic whose leaders change, in milliseconds. */
const PAUSE_MS = 25

interface Known {
  readonly topic: Topic
  readonly at: number
  /** The last answer of each broker, by its address. */
  readonly words: Map<string, ReplicaAnswer>
}

/** A broker's answer, and when the gateway asked. */
interface Told {
  readonly answer: MetadataAnswer
  readonly link: BrokerConnection
  readonly asked: number
}

export class Topology {
  readonly #links: ConnectionPool
  readonly #settings: KafkaSettings
  readonly #topics = new Map<string, Known>()
  readonly #asking = new Map<string, Promise<Topic | undefined>>()
  #nodes: readonly Node[] = []
  #clusterId: string | undefined
  #turn = 0
  #look = 0
  /** Brokers that gave no answer lately, and until when the gateway asks others. */
  readonly #peace = new Map<string, number>()

  constructor(links: ConnectionPool, settings: KafkaSettings) {
    this.#links = links
    this.#settings = settings
  }

  get clusterId(): string | undefined {
    return this.#clusterId
  }

  /** `undefined` for a topic that is not there. */
  async find(name: string): Promise<Topic | undefined> {
    const known = this.#topics.get(name)
    if (!known) return this.refresh(name)
    return performance.now() - known.at < MAX_AGE_MS ? known.topic : this.#renew(known.topic)
  }

  /**
   * Asks the replicas in sync in turn: a leader that is cut off from them still answers that it leads, and
   * the next replica that is asked names the new leader.
   */
  #renew({ name, seats, leaders }: Topic): Promise<Topic | undefined> {
    const asking = this.#asking.get(name)
    if (asking) return asking
    const ids = new Set<number>()
    const others = seats.flatMap(({ inSync }, partition) =>
      inSync.filter((node): node is Node => {
        if (!node || node.id === leaders[partition]?.id || ids.has(node.id)) return false
        ids.add(node.id)
        return (this.#peace.get(nameOf(node)) ?? 0) < performance.now()
      }),
    )
    const node = others[this.#look++ % others.length]
    if (!node) return this.refresh(name)
    const looking = this.ask(node, name)
      .catch(() => {
        if (this.#peace.size >= MAX_WORDS) this.#peace.clear()
        this.#peace.set(nameOf(node), performance.now() + PEACE_MS)
      })
      .then((word) => (word ? this.#topics.get(name)?.topic : this.#askAnyone(name)))
      .finally(() => this.#asking.delete(name))
    this.#asking.set(name, looking)
    return looking
  }

  /** Asks now; calls for the same topic share one request. */
  refresh(name: string): Promise<Topic | undefined> {
    const asking = this.#asking.get(name) ?? this.#askAnyone(name).finally(() => this.#asking.delete(name))
    this.#asking.set(name, asking)
    return asking
  }

  async #askAnyone(name: string): Promise<Topic | undefined> {
    return this.#remember(name, await this.#ask([name]))
  }

  /** Asks over the given connection, after its earlier requests; never shares another call. */
  async refreshBy(link: BrokerConnection, name: string): Promise<Topic | undefined> {
    return this.#remember(name, await this.#askBy(link, [name], this.#settings.requestTimeoutMs))
  }

  /** The last answer of each broker about a topic. */
  words(name: string): ReadonlyMap<string, ReplicaAnswer> {
    return this.#topics.get(name)?.words ?? new Map<string, ReplicaAnswer>()
  }

  /** Asks one broker what it knows of a topic. @throws KafkaFailure when it does not know it. */
  async ask(node: Node, name: string): Promise<ReplicaAnswer> {
    const link = this.#links.shared(node, 'witness')
    const told = await this.#askBy(link, [name], Math.min(WITNESS_MS, this.#settings.requestTimeoutMs))
    const topic = topicOf(name, told.answer)
    if (!topic) throw new KafkaFailure('The broker does not know the topic.')
    this.#remember(name, told)
    return { topic, asked: told.asked }
  }

  /** The brokers that the cluster has named last. */
  known(): readonly Node[] {
    return this.#nodes
  }

  /** The topic and the partition's leader. Looks again until there is one, or the time is up. @throws Refusal. */
  async leader(
    name: string,
    partition: number,
    deadline: number,
  ): Promise<{ readonly topic: Topic; readonly leader: Leader }> {
    let topic = await this.find(name)
    for (;;) {
      if (!topic) throw new Refusal('unknown-topic', 'Topic not found.')
      if (partition >= topic.partitions) topic = (await this.refresh(name)) ?? topic
      if (partition >= topic.partitions) throw new Refusal('unknown-partition', 'Partition not found.')
      const leader = topic.leaders[partition]
      if (leader) return { topic, leader }
      if (performance.now() >= deadline) throw new KafkaFailure('The partition has no leader.', { code: 5 })
      await sleep(PAUSE_MS)
      topic = await this.refresh(name)
    }
  }

  forget(name: string): void {
    this.#topics.delete(name)
  }

  async all(): Promise<Topic[]> {
    const told = await this.#ask(null)
    return told.answer.topics.flatMap((topic) => {
      const { name, errorCode, isInternal } = topic
      if (isInternal || errorCode !== 0 || name === null || name === undefined) return []
      return this.#remember(name, { ...told, answer: { ...told.answer, topics: [topic] } }) ?? []
    })
  }

  async nodes(): Promise<readonly Node[]> {
    await this.#ask([])
    return this.#nodes
  }

  async #askBy(link: BrokerConnection, names: string[] | null, ms: number): Promise<Told> {
    const asked = performance.now()
    const answer = await link.request(METADATA, () => [names, false], { ms })
    this.#clusterId = answer.clusterId ?? this.#clusterId
    this.#nodes = answer.brokers.map(nodeOf)
    return { answer, link, asked }
  }

  async #ask(names: string[] | null): Promise<Told> {
    const ms = this.#settings.requestTimeoutMs
    const deadline = performance.now() + ms
    // The configured brokers come first: the cluster may have moved since its brokers were last named.
    const addresses = [
      ...new Map(
        [...this.#settings.brokers, ...this.#nodes].map((address) => [
          `${address.host} ${address.port}`,
          address,
        ]),
      ).values(),
    ]
    const first = this.#turn
    let failure: unknown
    for (let at = 0; at < addresses.length && performance.now() < deadline; at++) {
      this.#turn = (first + at) % addresses.length
      const link = this.#links.shared(addresses[this.#turn]!, 'metadata')
      try {
        // A broker that hangs leaves time for the others.
        const left = Math.max(1, (deadline - performance.now()) / (addresses.length - at))
        return await this.#askBy(link, names, left)
      } catch (error) {
        failure = error
      }
    }
    this.#turn = 0
    throw failure
  }

  #remember(name: string, { answer, link, asked }: Told): Topic | undefined {
    const told = topicOf(name, answer)
    if (!told) {
      this.#topics.delete(name)
      return undefined
    }
    const before = this.#topics.get(name)
    const known = before?.topic.id === told.id ? before : undefined
    const words = known?.words ?? new Map<string, ReplicaAnswer>()
    words.delete(nameOf(link.address))
    words.set(nameOf(link.address), { asked, topic: told })
    const [first] = words.keys()
    if (words.size > MAX_WORDS && first !== undefined) words.delete(first)
    const topic = known ? newer(known.topic, told) : told
    this.#topics.delete(name)
    this.#topics.set(name, { topic, at: performance.now(), words })
    const [oldest] = this.#topics.keys()
    if (this.#topics.size > MAX_TOPICS && oldest !== undefined) this.#topics.delete(oldest)
    return topic
  }
}
