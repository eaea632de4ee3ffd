/** The topics of the log in memory: their names, identities and partitions. @module */
import { KedgeError } from '../ports/errors.ts'
import { atLeastOne } from './memory-options.ts'
import type { MemoryLogSettings } from './memory-options.ts'
import { MemoryPartition } from './memory-partition.ts'
import type { TopicDescription } from './memory-types.ts'

export interface Topic {
  readonly name: string
  readonly id: string
  partitions: readonly MemoryPartition[]
  turn: number
}

const TOPIC_NAME = /^(?!\.\.?$)[\w.-]{1,249}$/
const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Most partitions of one topic. */
const MAX_PARTITIONS = 1000

type TopicsOptions = Pick<MemoryLogSettings, 'autoCreate' | 'partitions' | 'maxTopics' | 'random'>

export class MemoryTopics {
  readonly #topics = new Map<string, Topic>()
  readonly #options: TopicsOptions

  constructor(options: TopicsOptions) {
    this.#options = options
  }

  /** In order of creation. */
  names(): Iterable<string> {
    return this.#topics.keys()
  }

  all(): Iterable<Topic> {
    return this.#topics.values()
  }

  /** A topic that exists; never creates one. */
  find(topic: string): Topic | undefined {
    return this.#topics.get(topic)
  }

  /** A topic, created where that is allowed. */
  get(topic: string): Topic {
    const found = this.#topics.get(topic)
    if (found) return found
    if (!this.#options.autoCreate || !TOPIC_NAME.test(topic)) return unknownTopic(topic)
    return this.create(topic)
  }

  partition(topic: string, partition: number): MemoryPartition {
    const found = this.get(topic).partitions[partition]
    if (!found) throw new KedgeError('ERR_UNKNOWN_TOPIC', `topic ${topic} has no partition ${partition}`)
    return found
  }

  create(topic: string, partitions: number = this.#options.partitions): Topic {
    atLeastOne(partitions, 'partitions')
    if (partitions > MAX_PARTITIONS) throw new TypeError(`\`partitions\` must be at most ${MAX_PARTITIONS}`)
    if (!TOPIC_NAME.test(topic))
      throw new TypeError('`topic` must be 1 to 249 letters, digits, `.`, `_` or `-`')
    if (this.#topics.has(topic)) throw new TypeError(`\`topic\` ${topic} exists`)
    if (this.#topics.size >= this.#options.maxTopics) {
      throw new KedgeError('ERR_TOO_LARGE', `more than ${this.#options.maxTopics} topics`)
    }
    const id = Array.from({ length: 22 }, () => ID_ALPHABET[Math.floor(this.#options.random() * 64)]).join('')
    const made: Topic = {
      name: topic,
      id,
      partitions: Array.from({ length: partitions }, (_, partition) => new MemoryPartition(partition)),
      turn: 0,
    }
    this.#topics.set(topic, made)
    return made
  }

  /** The partitions that went with it. */
  delete(topic: string): readonly MemoryPartition[] {
    const partitions = this.#topics.get(topic)?.partitions ?? []
    this.#topics.delete(topic)
    return partitions
  }

  addPartitions(topic: string, total: number): Topic {
    const found = this.#topics.get(topic) ?? unknownTopic(topic)
    const before = found.partitions.length
    if (!(atLeastOne(total, 'total') > before && total <= MAX_PARTITIONS))
      throw new TypeError(`\`total\` must be above ${before} and at most ${MAX_PARTITIONS}, got ${total}`)
    const added = Array.from({ length: total - before }, (_, at) => new MemoryPartition(before + at))
    found.partitions = [...found.partitions, ...added]
    return found
  }
}

export const describe = ({ name, id, partitions }: Topic): TopicDescription => ({
  name,
  id,
  partitions: partitions.length,
})

export function unknownTopic(topic: string): never {
  throw new KedgeError('ERR_UNKNOWN_TOPIC', `there is no topic ${topic.slice(0, 249)}`)
}
