/** What is known of topics and who leads their partitions: asked for when needed, believed for a short while. @module */
import { Buffer } from 'node:buffer'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal } from '../refusal.ts'
import { METADATA } from './apis.ts'
import type { MetadataAnswer } from './apis.ts'
import { CODES, KafkaFailure } from './failure.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { Address, KafkaSettings } from './options.ts'

export interface Leader {
  readonly address: Address
  readonly epoch: number
}

export interface Topic {
  readonly name: string
  /** As Kafka writes it in UUID form, lower case. */
  readonly id: string
  readonly partitions: number
  /** By partition; absent while there is no leader. */
  readonly leaders: readonly (Leader | undefined)[]
  /** Who said so: a later look at the same broker cannot be older. */
  readonly link: Link
}

/** A topic's id as Kafka's own tools print it: base64url, 22 characters. */
export const logIdOf = ({ id }: Topic): string =>
  Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url')

export interface Node extends Address {
  readonly id: number
}

/** How long a topic's description is believed, in milliseconds. */
const MAX_AGE_MS = 2000
/** Topics that are remembered; the one first seen is forgotten for another. */
const MAX_TOPICS = 1000
/** Between looks at a topic whose leaders change. */
const PAUSE_MS = 25

export class Topology {
  readonly #links: Links
  readonly #settings: KafkaSettings
  readonly #topics = new Map<string, { readonly topic: Topic; readonly at: number }>()
  readonly #asking = new Map<string, Promise<Topic | undefined>>()
  #nodes: readonly Node[] = []
  #clusterId: string | undefined
  #turn = 0

  constructor(links: Links, settings: KafkaSettings) {
    this.#links = links
    this.#settings = settings
  }

  get clusterId(): string | undefined {
    return this.#clusterId
  }

  /** `undefined` for a topic that is not there. */
  async find(name: string): Promise<Topic | undefined> {
    const known = this.#topics.get(name)
    if (known && performance.now() - known.at < MAX_AGE_MS) return known.topic
    return this.refresh(name)
  }

  /** Asks now, together with whoever asks the same. */
  refresh(name: string): Promise<Topic | undefined> {
    const asking =
      this.#asking.get(name) ??
      this.#ask([name])
        .then(({ answer, link }) => this.#remember(name, answer, link))
        .finally(() => this.#asking.delete(name))
    this.#asking.set(name, asking)
    return asking
  }

  /** Asks over the connection given, in turn with what was asked there before: never joins another. */
  async refreshBy(link: Link, name: string): Promise<Topic | undefined> {
    const answer = await link.request(METADATA, () => [[name], false], {
      ms: this.#settings.requestTimeoutMs,
    })
    return this.#remember(name, answer, link)
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
    const { answer, link } = await this.#ask(null)
    return answer.topics.flatMap((topic) => {
      const { name, errorCode, isInternal } = topic
      if (isInternal || errorCode !== 0 || name === null || name === undefined) return []
      return this.#remember(name, { ...answer, topics: [topic] }, link) ?? []
    })
  }

  async nodes(): Promise<readonly Node[]> {
    await this.#ask([])
    return this.#nodes
  }

  async #ask(names: string[] | null): Promise<{ readonly answer: MetadataAnswer; readonly link: Link }> {
    const ms = this.#settings.requestTimeoutMs
    const deadline = performance.now() + ms
    // Those we were given come first: a cluster may have moved while nobody looked.
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
        const answer = await link.request(METADATA, () => [names, false], { ms: left })
        this.#clusterId = answer.clusterId ?? this.#clusterId
        this.#nodes = answer.brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port }))
        return { answer, link }
      } catch (error) {
        failure = error
      }
    }
    this.#turn = 0
    throw failure
  }

  #remember(name: string, answer: MetadataAnswer, link: Link): Topic | undefined {
    const found = answer.topics.find((topic) => topic.name === name)
    const code = found?.errorCode ?? CODES.unknownTopic
    if (!found || code === CODES.unknownTopic || code === CODES.invalidTopic) {
      this.#topics.delete(name)
      return undefined
    }
    // Without leaders a topic is still there: LEADER_NOT_AVAILABLE comes with its partitions.
    if (code !== 0 && found.partitions.length === 0) {
      throw new KafkaFailure('The broker does not describe the topic.', { code })
    }
    const nodes = new Map(answer.brokers.map((broker) => [broker.nodeId, broker]))
    const leaders: (Leader | undefined)[] = []
    for (const { partitionIndex, leaderId, leaderEpoch } of found.partitions) {
      const node = nodes.get(leaderId)
      leaders[partitionIndex] = node && { address: { host: node.host, port: node.port }, epoch: leaderEpoch }
    }
    const topic = { name, id: found.topicId, partitions: found.partitions.length, leaders, link }
    this.#topics.delete(name)
    this.#topics.set(name, { topic, at: performance.now() })
    const [oldest] = this.#topics.keys()
    if (this.#topics.size > MAX_TOPICS && oldest !== undefined) this.#topics.delete(oldest)
    return topic
  }
}
