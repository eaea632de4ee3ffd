/**
 * One consumer instance, as kafka-rest's `KafkaConsumerReadTask` behaves: it keeps positions, and a poll moves them.
 *
 * @module
 */
import type { Runtime } from '../src/runtime.ts'
import type { Cluster, ClusterRead, ClusterRecord, TopicPartition, TopicPosition } from './cluster.ts'
import { isUndecodable } from './embedded.ts'
import type { EmbeddedFormat } from './embedded.ts'
import { Refusal } from './refusal.ts'

export interface ConsumerOptions {
  readonly format: EmbeddedFormat
  /** Where to begin, and what to do when a position is not in the log any more. */
  readonly reset: 'earliest' | 'latest' | 'none'
  /** A poll ends early once more bytes than this have come; -1 waits out the timeout (`fetch.min.bytes`). */
  readonly minBytes: number
  /** What a poll waits that names no timeout, and the most it waits that names one (`consumer.request.timeout.ms`). */
  readonly timeoutMs: number
}

export interface PollOptions<T> {
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** May refuse a record as `undecodable`: what stands before it is returned, and the next poll is refused. */
  readonly show: (record: ClusterRecord) => T
}

/** Requests that may stand in line for one instance. */
const MAX_QUEUE = 16

/** What is assigned and not there is told in words of its own. */
async function hosted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refusal) || !['unknown-topic', 'unknown-partition'].includes(error.reason))
      throw error
    throw new Refusal('not-hosted', 'This server does not host this topic-partition.')
  }
}

/** Why a record cannot be shown, where it is the record's own fault. */
function attempt(show: () => void): { readonly because: unknown } | undefined {
  try {
    show()
    return undefined
  } catch (error) {
    if (isUndecodable(error)) return { because: error }
    throw error
  }
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

export class Consumer {
  readonly group: string
  readonly name: string
  readonly options: ConsumerOptions
  #assigned = new Map<string, TopicPartition & { readonly offset: number | undefined }>()
  #tail: Promise<void> = Promise.resolve()
  #queue = 0

  constructor(group: string, name: string, options: ConsumerOptions) {
    this.group = group
    this.name = name
    this.options = options
  }

  /** Whether a request is at work: such an instance is not idle. */
  get busy(): boolean {
    return this.#queue > 0
  }

  get assignment(): TopicPartition[] {
    return [...this.#assigned.values()].map(({ topic, partition }) => ({ topic, partition }))
  }

  /** One request after the other, as a Kafka consumer demands. @throws Refusal `busy` when too many wait. */
  async exclusive<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#queue >= MAX_QUEUE)
      throw new Refusal('busy', 'Too many requests for this instance.', { retryAfter: 1 })
    this.#queue++
    const before = this.#tail
    let done!: () => void
    this.#tail = new Promise((resolve) => (done = resolve))
    try {
      await before
      signal.throwIfAborted()
      return await work()
    } finally {
      this.#queue--
      done()
    }
  }

  /** Replaces the assignment; partitions that stay keep their positions. */
  assign(partitions: readonly TopicPartition[]): void {
    this.#assigned = new Map(
      partitions.map(({ topic, partition }) => {
        const name = nameOf({ topic, partition })
        return [name, { topic, partition, offset: this.#assigned.get(name)?.offset }]
      }),
    )
  }

  /** @throws Refusal `not-assigned`. */
  requireAssigned(partitions: readonly TopicPartition[]): void {
    const missing = partitions.find((partition) => !this.#assigned.has(nameOf(partition)))
    if (missing) {
      throw new Refusal(
        'not-assigned',
        `Illegal state: No current assignment for partition ${nameOf(missing)}`,
      )
    }
  }

  seek(positions: readonly TopicPosition[]): void {
    this.requireAssigned(positions)
    for (const position of positions) this.#assigned.set(nameOf(position), position)
  }

  /** What `show` makes of the records from the positions on. The positions move past them, unless anything fails. */
  async poll<T>(cluster: Cluster, runtime: Runtime, options: PollOptions<T>): Promise<T[]> {
    // What is found out here stays when the poll fails: the end would be another one next time.
    await hosted(() => this.#positions(cluster))
    const before = this.#assigned
    this.#assigned = new Map(before)
    try {
      return await this.#poll(cluster, runtime, options)
    } catch (error) {
      if (!isUndecodable(error)) this.#assigned = before
      throw error
    }
  }

  async #poll<T>(cluster: Cluster, runtime: Runtime, options: PollOptions<T>): Promise<T[]> {
    const deadline = runtime.monotonic() + options.timeoutMs
    const shown: T[] = []
    let bytes = 0
    for (;;) {
      const waitMs = Math.max(0, deadline - runtime.monotonic())
      const read = await hosted(() => this.#read(cluster, { ...options, waitMs }))
      const taken = new Set<ClusterRecord>()
      let stop: { readonly because?: unknown } | undefined
      for (const record of read.records) {
        const size = (record.key?.length ?? 0) + (record.value?.length ?? 0)
        // The first record is returned whatever its size: a consumer that never got it would stand still for good.
        if (shown.length > 0 && bytes + size >= options.maxBytes) stop = {}
        else stop = attempt(() => void shown.push(options.show(record)))
        if (stop) break
        bytes += size
        taken.add(record)
      }
      if (stop) this.#moveBefore(read, taken)
      else this.seek(read.next)
      if (stop?.because !== undefined && shown.length === 0) throw stop.because
      const enough =
        bytes >= options.maxBytes || (this.options.minBytes >= 0 && bytes > this.options.minBytes)
      if (stop || enough || runtime.monotonic() >= deadline) return shown
    }
  }

  async #read(
    cluster: Cluster,
    options: { readonly maxBytes: number; readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<ClusterRead> {
    const read = await cluster.read(await this.#positions(cluster), options)
    const [lost] = read.outOfRange
    if (!lost) return read
    if (this.options.reset === 'none') {
      const message = `Fetch position is out of range for partition ${nameOf(lost)} and no reset policy is configured`
      throw new Refusal('out-of-range', `Kafka error: ${message}`)
    }
    for (const partition of read.outOfRange) this.seek([await this.#reset(cluster, partition)])
    // What came from the others is read again from where they stand.
    return { records: [], next: [], outOfRange: [] }
  }

  async #positions(cluster: Cluster): Promise<TopicPosition[]> {
    if (this.#assigned.size === 0) {
      throw new Refusal(
        'not-assigned',
        'Illegal state: Consumer is not subscribed to any topics or assigned any partitions',
      )
    }
    const positions: TopicPosition[] = []
    for (const { topic, partition, offset } of this.#assigned.values()) {
      if (offset === undefined && this.options.reset === 'none') {
        const name = nameOf({ topic, partition })
        throw new Refusal(
          'out-of-range',
          `Kafka error: Undefined offset with no reset policy for partitions: [${name}]`,
        )
      }
      const position =
        offset === undefined ? await this.#reset(cluster, { topic, partition }) : { topic, partition, offset }
      if (offset === undefined) this.seek([position])
      positions.push(position)
    }
    return positions
  }

  async #reset(cluster: Cluster, { topic, partition }: TopicPartition): Promise<TopicPosition> {
    const { beginning, end } = await cluster.offsets(topic, partition)
    return { topic, partition, offset: this.options.reset === 'earliest' ? beginning : end }
  }

  /** The answer is full: each partition goes on at its first record that was left out. */
  #moveBefore(read: ClusterRead, returned: ReadonlySet<ClusterRecord>): void {
    for (const next of read.next) {
      const first = read.records.find((record) => nameOf(record) === nameOf(next) && !returned.has(record))
      this.seek([first ? { topic: first.topic, partition: first.partition, offset: first.offset } : next])
    }
  }
}
