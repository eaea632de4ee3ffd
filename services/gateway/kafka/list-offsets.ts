/** Where a partition begins and ends, as its leader answers after the call began. @module */
import { performance } from 'node:perf_hooks'
import type { PartitionBounds } from '../cluster.ts'
import { Refusal } from '../refusal.ts'
import { LIST_OFFSETS } from './requests.ts'
import { Backoff } from './backoff.ts'
import { isPassing, KafkaFailure } from './failure.ts'
import { FETCH, FETCH_BY_ID } from './fetch.ts'
import type { MonotonicEndOffset } from './monotonic-end-offset.ts'
import type { BrokerConnection } from './broker-connection.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { KafkaSettings } from './options.ts'
import { logIdOf } from './topic.ts'
import type { Leader, Topic } from './topic.ts'
import type { Topology } from './topology.ts'
import type { LeaderFencing } from './leader-fencing.ts'

/** What ListOffsets takes for a timestamp (`ListOffsetsRequest`). */
const LATEST = -1n
const EARLIEST = -2n

/**
 * A leader that has answered ListOffsets. It does so only once its high watermark has reached all records
 * that were acknowledged before it became leader (KIP-207); from then on the high watermark of a fetch is as
 * good an end.
 */
interface Known {
  readonly topicId: string
  readonly epoch: number
  readonly end: number
}

/** Leaders that are remembered; the gateway asks the others for offsets again. */
const MAX_KNOWN = 2000

interface Running {
  readonly now: Promise<PartitionBounds>
  next?: Promise<PartitionBounds>
}

export class ListOffsets {
  readonly #links: ConnectionPool
  readonly #topology: Topology
  readonly #settings: KafkaSettings
  readonly #witnesses: LeaderFencing
  readonly #floor: MonotonicEndOffset
  readonly #running = new Map<string, Running>()
  readonly #known = new Map<string, Known>()

  constructor(
    links: ConnectionPool,
    topology: Topology,
    witnesses: LeaderFencing,
    floor: MonotonicEndOffset,
    settings: KafkaSettings,
  ) {
    this.#witnesses = witnesses
    this.#floor = floor
    this.#links = links
    this.#topology = topology
    this.#settings = settings
  }

  /**
   * The bounds, sampled after the call began: a caller that comes while a sample is under way shares the next
   * one, so the leader gets one question at a time from any number of callers.
   */
  of(topic: string, partition: number): Promise<PartitionBounds> {
    const key = `${partition} ${topic}`
    const start = (): Promise<PartitionBounds> => {
      const own: Running = { now: this.#sample(topic, partition) }
      this.#running.set(key, own)
      const end = () => {
        if (!own.next) this.#running.delete(key)
      }
      own.now.then(end, end)
      return own.now
    }
    const running = this.#running.get(key)
    return running ? (running.next ??= running.now.then(start, start)) : start()
  }

  /** The offset of the first record not older; the end when there is none. */
  async at(topic: string, partition: number, timestamp: number): Promise<number> {
    const began = performance.now()
    return this.#attempt(topic, partition, async (leader, described) => {
      const link = this.#links.shared(leader.address, 'bounds')
      // Negative times have meanings of their own there.
      const asked = BigInt(Math.max(0, Math.floor(timestamp)))
      const [found, end] = await Promise.all([
        this.#list(link, topic, leader, partition, asked),
        this.#list(link, topic, leader, partition, LATEST),
      ])
      await this.#witnesses.vouch({ topic: described, partition, leader, began })
      return found < 0 ? end : found
    })
  }

  async #sample(name: string, partition: number): Promise<PartitionBounds> {
    const began = performance.now()
    return this.#attempt(name, partition, async (leader, topic) => {
      const told =
        (await this.#fetch(name, partition, leader, topic)) ??
        (await this.#listBoth(name, partition, leader, topic))
      if (!told) return undefined
      await this.#witnesses.vouch({ topic, partition, leader, began })
      this.#floor.check({ id: topic.id, partition, epoch: leader.epoch, end: told.end })
      return told
    })
  }

  /** `undefined` where the topic has been created anew meanwhile. */
  async #listBoth(
    name: string,
    partition: number,
    leader: Leader,
    topic: Topic,
  ): Promise<PartitionBounds | undefined> {
    const link = this.#links.shared(leader.address, 'bounds')
    // The broker answers in this order; the last answer shows whether the topic is still the same.
    const [beginning, end, after] = await Promise.all([
      this.#list(link, name, leader, partition, EARLIEST),
      this.#list(link, name, leader, partition, LATEST),
      this.#topology.refreshBy(link, name),
    ])
    if (!after) throw new Refusal('unknown-topic', 'Topic not found.')
    if (after.id !== topic.id) return undefined
    this.#learn(`${partition} ${name}`, { topicId: topic.id, epoch: leader.epoch, end })
    return { beginning, end, logId: logIdOf(topic), leaderEpoch: leader.epoch }
  }

  /**
   * By one request in place of three: a fetch from the known end, which names the topic by its id and the
   * leader by its epoch. `undefined` where the answer is no proof, and the caller must ask for offsets.
   */
  async #fetch(
    name: string,
    partition: number,
    leader: Leader,
    topic: Topic,
  ): Promise<PartitionBounds | undefined> {
    const key = `${partition} ${name}`
    const known = this.#known.get(key)
    if (!known) return undefined
    this.#known.delete(key)
    if (known.topicId !== topic.id || known.epoch !== leader.epoch || leader.epoch < 0) return undefined
    const asked = {
      partition,
      currentLeaderEpoch: leader.epoch,
      fetchOffset: BigInt(known.end),
      lastFetchedEpoch: -1,
      partitionMaxBytes: 1,
    }
    let byId = false
    const answer = await this.#links.shared(leader.address, 'bounds').request(
      FETCH,
      (version) => {
        byId = version >= FETCH_BY_ID
        return [0, 1, 1, 0, 0, -1, [{ topicId: byId ? topic.id : name, partitions: [asked] }], [], '']
      },
      { ms: this.#settings.requestTimeoutMs },
    )
    const found = answer.responses[0]?.partitions[0]
    if (!byId || answer.errorCode !== 0 || !found || found.errorCode !== 0) return undefined
    const end = Number(found.highWatermark)
    const beginning = Number(found.logStartOffset)
    if (end < known.end || beginning < 0) return undefined
    this.#learn(key, { ...known, end })
    return { beginning, end, logId: logIdOf(topic), leaderEpoch: leader.epoch }
  }

  #learn(key: string, known: Known): void {
    this.#known.set(key, known)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
  }

  /** Tries again until the leader answers, or the time is up. */
  async #attempt<T>(
    name: string,
    partition: number,
    ask: (leader: Leader, topic: Topic) => Promise<T | undefined>,
  ): Promise<T> {
    const deadline = performance.now() + this.#settings.requestTimeoutMs
    const backoff = new Backoff(deadline)
    for (;;) {
      try {
        const { topic, leader } = await this.#topology.leader(name, partition, deadline)
        const answer = await ask(leader, topic)
        if (answer !== undefined) return answer
      } catch (error) {
        const again = error instanceof KafkaFailure && (error.code === undefined || isPassing(error.code))
        if (!again || backoff.over) throw error
      }
      if (backoff.over) throw new KafkaFailure('The topic keeps changing.')
      await backoff.wait()
      await this.#topology.refresh(name).catch(() => undefined)
    }
  }

  async #list(
    link: BrokerConnection,
    topic: string,
    { epoch }: Leader,
    partition: number,
    timestamp: bigint,
  ): Promise<number> {
    const asked = { partitionIndex: partition, currentLeaderEpoch: epoch, timestamp }
    // The high watermark is the end, not the last stable offset: an open transaction hides nothing.
    const answer = await link.request(LIST_OFFSETS, () => [-1, 0, [{ name: topic, partitions: [asked] }]], {
      ms: this.#settings.requestTimeoutMs,
    })
    const found = answer.topics[0]?.partitions[0]
    if (!found) throw new KafkaFailure('The answer of the broker lacks the partition that was asked for.')
    if (found.errorCode !== 0) throw new KafkaFailure('ListOffsets failed.', { code: found.errorCode })
    return Number(found.offset)
  }
}
