/**
 * Whether a leader still was the leader when it said where its log ends.
 *
 * A broker that was frozen or cut off for longer than its session does not know that another leads by now:
 * when it wakes it answers as the leader that it was, with an end that is out of date. Kafka refuses a
 * request whose leader epoch is older or newer than the broker's own, which does not help: this broker's own
 * epoch is the old one.
 *
 * Only a replica in sync can be elected (without unclean elections), and it acknowledges nothing before its
 * own metadata names the new epoch: a KRaft broker changes its metadata first, then becomes leader
 * (`BrokerMetadataPublisher`). Under ZooKeeper both come as requests, the metadata milliseconds later. So
 * when *every* other replica in sync, asked at some time, knows of no later epoch, no other broker had
 * acknowledged a record before that time. Their answers count for as long as the leader has not been silent:
 * the cluster replaces a leader against its will only when it misses its heartbeats for a whole session, and
 * `Liveness` would have seen that. So the gateway asks only after a silence (decision 75).
 *
 * What a leader answers counts where the other replicas were asked
 *
 * - after its last silence: no other broker has taken over since; or
 * - after the call began: this leader has acknowledged every record that was acknowledged before the call.
 *
 * @module
 */
import { KafkaFailure } from './failure.ts'
import type { Liveness } from './liveness.ts'
import { nameOf } from './options.ts'
import type { Leader, Node, Topic } from './topic.ts'

/** One broker's answer about a topic. */
export interface ReplicaAnswer {
  /** When it was asked, on the monotonic clock. */
  readonly asked: number
  readonly topic: Topic
}

/** Where the answers of brokers come from. */
export interface Sources {
  /** The latest answers of brokers about a topic, by their addresses. */
  readonly words: (topic: string) => ReadonlyMap<string, ReplicaAnswer>
  /** Asks one broker now. */
  readonly ask: (node: Node, topic: string) => Promise<ReplicaAnswer>
  /** All brokers that are known. */
  readonly known: () => readonly Node[]
}

export interface Statement {
  readonly topic: Topic
  readonly partition: number
  /** The broker that made it. */
  readonly leader: Leader
  /** When the call began that it is for, on the monotonic clock. */
  readonly began: number
}

interface Vouched {
  readonly epoch: number
  readonly at: number
}

/** Partitions that are remembered; for the others the gateway asks the witnesses again. */
const MAX_VOUCHED = 2000
/** FENCED_LEADER_EPOCH: the next attempt goes to the new leader. */
const FENCED = 74

export class LeaderFencing {
  readonly #sources: Sources
  readonly #liveness: Liveness
  readonly #vouched = new Map<string, Vouched>()

  constructor(sources: Sources, liveness: Liveness) {
    this.#sources = sources
    this.#liveness = liveness
  }

  /** Whether the statement counts without asking another broker. */
  trusts(statement: Statement): boolean {
    const { topic, partition, leader } = statement
    if (topic.seats[partition]?.replicas.length === 1) return true
    const vouched = this.#vouched.get(keyOf(statement))
    return vouched?.epoch === leader.epoch && vouched.at >= this.#threshold(statement)
  }

  /**
   * Resolves when the leader's statement counts, and asks the other replicas where that is not known. The
   * caller must have the leader's answer before it calls.
   *
   * @throws KafkaFailure when another leads, or it cannot be known.
   */
  async vouch(statement: Statement): Promise<void> {
    if (this.trusts(statement)) return
    const at = await this.#hearAll(statement)
    const key = keyOf(statement)
    this.#vouched.delete(key)
    this.#vouched.set(key, { epoch: statement.leader.epoch, at })
    const [oldest] = this.#vouched.keys()
    if (this.#vouched.size > MAX_VOUCHED && oldest !== undefined) this.#vouched.delete(oldest)
  }

  #threshold({ leader, began }: Statement): number {
    return Math.min(began, this.#liveness.since(nameOf(leader.address)))
  }

  /** Asks all replicas in sync, and those that they name. Resolves with the time of the oldest answer. */
  async #hearAll(statement: Statement): Promise<number> {
    const { topic, partition, leader } = statement
    const begun = this.#liveness.now().monotonic
    const others = this.#sources.known().filter(({ id }) => id !== leader.id)
    const words = new Map<number, ReplicaAnswer>()
    const named = new Set<number | undefined>([leader.id])
    let silent = false
    const askAll = async (nodes: readonly (Node | undefined)[]) => {
      const fresh = nodes.filter((node) => !named.has(node?.id))
      for (const node of fresh) named.add(node?.id)
      const told = await Promise.all(fresh.map(async (node) => node && this.#hear(node, statement)))
      for (const [index, word] of told.entries()) if (word) words.set(fresh[index]!.id, word)
      const heard = told.filter((word) => word !== undefined)
      return { heard, all: heard.length === fresh.length }
    }
    let next = topic.seats[partition]?.inSync ?? []
    // Where the leader names itself as the only replica in sync, no other could be elected; the gateway asks
    // all other brokers whether that is so. If none answers, the leader's statement counts: else a cluster
    // with one broker left could not be read.
    if (next.every((node) => node?.id === leader.id)) {
      const { heard } = await askAll(others)
      next = heard.flatMap((word) => word.topic.seats[partition]?.inSync ?? [])
    }
    while (next.some((node) => !named.has(node?.id))) {
      const { heard, all } = await askAll(next)
      silent ||= !all
      next = heard.flatMap((word) => word.topic.seats[partition]?.inSync ?? [])
    }
    // One of the replicas that may be elected does not answer. Alone it acknowledges no record where two of
    // three replicas must have it (`min.insync.replicas`), and the second replica learns the new epoch first:
    // so a majority is enough.
    const replicas = topic.seats[partition]?.replicas ?? []
    const agreed = replicas.filter((id) => id === leader.id || words.has(id)).length
    if (silent && agreed * 2 <= replicas.length) {
      throw new KafkaFailure('Too few other replicas confirm that the broker still leads the partition.')
    }
    return Math.min(begun, ...[...words.values()].map(({ asked }) => asked))
  }

  /**
   * The broker's answer; `undefined` where it gives none.
   * @throws KafkaFailure when it names another leader.
   */
  async #hear(node: Node, statement: Statement): Promise<ReplicaAnswer | undefined> {
    const { topic, partition, leader } = statement
    const known = this.#sources.words(topic.name).get(nameOf(node))
    const word =
      known && known.asked >= this.#threshold(statement)
        ? known
        : await this.#sources.ask(node, topic.name).catch(() => undefined)
    if (!word) return undefined
    if (word.topic.id !== topic.id) throw new KafkaFailure('The topic was created anew.', { code: FENCED })
    // A broker that lags behind does not lead a later epoch either: an earlier epoch counts as well.
    if ((word.topic.seats[partition]?.epoch ?? Infinity) > leader.epoch) {
      throw new KafkaFailure('Another broker has taken over the partition.', { code: FENCED })
    }
    return word
  }
}

const keyOf = ({ topic, partition }: Statement): string => `${partition} ${topic.id}`
