/**
 * Whether a leader still was the leader when it said where its log ends.
 *
 * A broker that was frozen or cut off for longer than its session does not know that another leads by now: when it
 * wakes it answers as the leader it was, with an end from before. Kafka refuses a leader's epoch that is older or newer
 * than the broker's own, which does not help: this one's own is the old one.
 *
 * Only a replica in sync can be elected (without unclean elections), and it acknowledges nothing before its own metadata
 * names the new epoch: a KRaft broker changes its metadata first, then becomes leader (`BrokerMetadataPublisher`). Under
 * ZooKeeper both come as requests, the metadata milliseconds later. So when *every* other replica in sync, asked at some
 * time, knows of no later epoch, nobody else had acknowledged anything before that time. That word stays good for as
 * long as the leader has not been silent: only one that misses its heartbeats for a whole session is replaced without
 * its doing, and `Liveness` would have seen that. Therefore nothing is asked while nobody is silent.
 *
 * What a leader says counts with words that were put
 *
 * - after its last silence: nobody has taken over since; or
 * - after the call began: whatever was acknowledged before the call was acknowledged by this leader.
 *
 * @module
 */
import { KafkaFailure } from './failure.ts'
import type { Liveness } from './liveness.ts'
import { nameOf } from './options.ts'
import type { Leader, Node, Topic } from './topic.ts'

/** What one broker says of a topic. */
export interface Word {
  /** When it was asked, on the monotonic clock. */
  readonly asked: number
  readonly topic: Topic
}

/** Where words come from. */
export interface Sources {
  /** The latest words of brokers on a topic, by their addresses. */
  readonly words: (topic: string) => ReadonlyMap<string, Word>
  /** Asks one broker now. */
  readonly ask: (node: Node, topic: string) => Promise<Word>
  /** All brokers that are known. */
  readonly known: () => readonly Node[]
}

export interface Statement {
  readonly topic: Topic
  readonly partition: number
  /** Who made it. */
  readonly leader: Leader
  /** When the call began that it is for, on the monotonic clock. */
  readonly began: number
}

interface Vouched {
  readonly epoch: number
  readonly at: number
}

/** Partitions that are remembered; of the others the witnesses are asked. */
const MAX_VOUCHED = 2000
/** FENCED_LEADER_EPOCH: the next attempt goes to the new leader. */
const FENCED = 74

export class Witnesses {
  readonly #sources: Sources
  readonly #liveness: Liveness
  readonly #vouched = new Map<string, Vouched>()

  constructor(sources: Sources, liveness: Liveness) {
    this.#sources = sources
    this.#liveness = liveness
  }

  /** Whether nobody has to be asked. */
  trusts(statement: Statement): boolean {
    const { topic, partition, leader } = statement
    if (topic.seats[partition]?.replicas.length === 1) return true
    const vouched = this.#vouched.get(keyOf(statement))
    return vouched?.epoch === leader.epoch && vouched.at >= this.#threshold(statement)
  }

  /**
   * Resolves when what the leader has said holds, asking the others where that is not known. To be called after the
   * leader's answer has come.
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

  /** All that are in sync, as each of them names them. Resolves with the time of the oldest word. */
  async #hearAll(statement: Statement): Promise<number> {
    const { topic, partition, leader } = statement
    const begun = this.#liveness.now().monotonic
    const others = this.#sources.known().filter(({ id }) => id !== leader.id)
    const words = new Map<number, Word>()
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
    // Where the leader says that it is alone, so that nobody can be elected, whoever else answers is asked whether it is.
    // If nobody does it is believed: else a cluster of which one broker is left would be of no use.
    if (next.every((node) => node?.id === leader.id)) {
      const { heard } = await askAll(others)
      next = heard.flatMap((word) => word.topic.seats[partition]?.inSync ?? [])
    }
    while (next.some((node) => !named.has(node?.id))) {
      const { heard, all } = await askAll(next)
      silent ||= !all
      next = heard.flatMap((word) => word.topic.seats[partition]?.inSync ?? [])
    }
    // Of those that may be elected one does not answer. It acknowledges nothing alone where two of three replicas must have
    // what is acknowledged (`min.insync.replicas`), and the second learns of it first: the word of a majority will do.
    const replicas = topic.seats[partition]?.replicas ?? []
    const agreed = replicas.filter((id) => id === leader.id || words.has(id)).length
    if (silent && agreed * 2 <= replicas.length) {
      throw new KafkaFailure('Whether the broker still leads the partition nobody else can say.')
    }
    return Math.min(begun, ...[...words.values()].map(({ asked }) => asked))
  }

  /** `undefined` where it does not answer. @throws KafkaFailure when it says that another leads. */
  async #hear(node: Node, statement: Statement): Promise<Word | undefined> {
    const { topic, partition, leader } = statement
    const known = this.#sources.words(topic.name).get(nameOf(node))
    const word =
      known && known.asked >= this.#threshold(statement)
        ? known
        : await this.#sources.ask(node, topic.name).catch(() => undefined)
    if (!word) return undefined
    if (word.topic.id !== topic.id) throw new KafkaFailure('The topic was made anew.', { code: FENCED })
    // One that lags behind does not lead a later epoch either: an earlier one will do.
    if ((word.topic.seats[partition]?.epoch ?? Infinity) > leader.epoch) {
      throw new KafkaFailure('Another broker has taken over the partition.', { code: FENCED })
    }
    return word
  }
}

const keyOf = ({ topic, partition }: Statement): string => `${partition} ${topic.id}`
