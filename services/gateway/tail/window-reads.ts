/** The answers of a shared tail: from the window of a loop where it holds them, else from the cluster. @module */
import type { Cluster, ClusterRead, PartitionBounds } from '../cluster.ts'
import type { GatewayCounters } from '../counters.ts'
import type { TopicPartition, TopicPosition } from '../topic-position.ts'
import { bytesOf, isSettled, outside } from '../partition-reader.ts'
import type { PartitionRead, PartitionReadOptions } from '../partition-reader.ts'
import { Refusal } from '../refusal.ts'
import { SharedCalls } from './calls.ts'
import type { Sample, TailLoop } from './loop.ts'
import { TailLoops } from './loops.ts'
import type { TailOptions } from './options.ts'

/** How often a read starts again because the topic was created anew during it. */
const MAX_ATTEMPTS = 3

/**
 * - `now`: answer with the records there are.
 * - `waiting`: the tail does not ask the cluster for records that the loop is about to read.
 * - `over`: the wait has ended; the tail does not wait for the loop any more.
 */
export type Mode = 'now' | 'waiting' | 'over'

/** One question about one partition. */
interface Question {
  readonly position: TopicPosition
  readonly maxBytes: number
  readonly options: PartitionReadOptions
  readonly mode: Mode
}

/** When a question is answered. */
export interface Moment {
  /** Samples that had begun when it came. */
  readonly since: number
  readonly mode: Mode
  /** It has waited for a loop. */
  readonly told: boolean
}

export class WindowReads {
  readonly loops: TailLoops
  readonly #cluster: Cluster
  readonly #counters: GatewayCounters
  readonly #maxFetchBytes: number
  readonly #samples = new SharedCalls<Sample>()
  readonly #reads = new SharedCalls<ClusterRead>()
  #tick = 0
  #fetching = 0

  constructor(cluster: Cluster, options: Required<TailOptions>, counters: GatewayCounters) {
    this.#cluster = cluster
    this.#counters = counters
    this.#maxFetchBytes = options.maxFetchBytes
    this.loops = new TailLoops(cluster, options, {
      take: (place) => this.sample(place),
      tick: () => ++this.#tick,
    })
    counters.tails = () => this.loops.size
  }

  /** Samples that have begun. */
  get tick(): number {
    return this.#tick
  }

  /** The loop that is about to read from the position on. */
  quiet(position: TopicPosition, { isolation, logId }: PartitionReadOptions): TailLoop | undefined {
    const loop = this.loops.find(position, isolation)
    return loop?.awaits(position.offset) && isOf(logId, loop.bounds) ? loop : undefined
  }

  /** The records of a window, where it is of the requested log, or its loop has just woken this read. */
  held(
    position: TopicPosition,
    options: PartitionReadOptions,
    { since, mode, told }: Moment,
  ): PartitionRead | undefined {
    const loop = this.loops.find(position, options.isolation)
    if (!loop?.window.covers(position.offset)) return undefined
    const { bounds } = loop
    const isKnown = options.logId === undefined ? told : options.logId === bounds.logId
    const isFresh = bounds.tick > since && isOf(options.logId, bounds)
    if (!isKnown && !isFresh) return undefined
    if (isFresh && position.offset < bounds.beginning) return outside(position.offset, bounds)
    const question = { position, maxBytes: Math.max(1, options.maxBytes), options, mode }
    const answer = windowed(question, loop, bounds)
    if (isGap(answer, bounds)) return undefined
    this.#counters.tailHits++
    return { ...answer, sampled: isFresh }
  }

  /** Once the answer is full, it asks the remaining partitions only for their bounds. */
  async collect(
    positions: readonly TopicPosition[],
    options: PartitionReadOptions,
    moment: Moment,
  ): Promise<PartitionRead[]> {
    const { mode } = moment
    const sampled = await Promise.all(positions.map((position) => this.#bounds(position, options, moment)))
    const answers: PartitionRead[] = []
    let left = options.maxBytes
    let found = false
    for (const [index, position] of positions.entries()) {
      const { bounds, found: how } = sampled[index]!
      const isAsked: boolean = how !== 'quiet' && (left > 0 || !found)
      const question = { position, maxBytes: Math.max(1, left), options, mode }
      const answer: PartitionRead = isAsked ? await this.#answer(question, bounds) : nothing(position, bounds)
      answers.push(how === 'held' ? { ...answer, sampled: false } : answer)
      found ||= answer.records.length > 0
      left -= answer.records.reduce((bytes, record) => bytes + bytesOf(record), 0)
    }
    return answers
  }

  /**
   * Bounds that were sampled after the call; or those of a loop that is about to read, or holds the records.
   */
  async #bounds(
    position: TopicPosition,
    options: PartitionReadOptions,
    { since, mode, told }: Moment,
  ): Promise<{ readonly bounds: Sample; readonly found: 'sampled' | 'quiet' | 'held' }> {
    const loop = this.loops.find(position, options.isolation)
    if (loop && mode === 'waiting' && loop.awaits(position.offset) && isOf(options.logId, loop.bounds)) {
      return { bounds: loop.bounds, found: 'quiet' }
    }
    if (loop && loop.bounds.tick > since) return { bounds: loop.bounds, found: 'sampled' }
    const isKnown = options.logId === undefined ? told : options.logId === loop?.bounds.logId
    if (loop && isKnown && loop.window.covers(position.offset)) return { bounds: loop.bounds, found: 'held' }
    return { bounds: await this.sample(position), found: 'sampled' }
  }

  async #answer(question: Question, bounds: Sample): Promise<PartitionRead> {
    const { position, options, mode } = question
    const { offset } = position
    if (!isOf(options.logId, bounds) || offset < bounds.beginning || offset > bounds.end) {
      return outside(offset, bounds)
    }
    const loop = this.loops.current(position, options.isolation, bounds)
    if (loop?.window.covers(offset)) {
      const answer = windowed(question, loop, bounds)
      if (!isGap(answer, bounds)) {
        this.#counters.tailHits++
        return answer
      }
      // What lies there was aborted, and the loop has not read on yet: the cluster may have what follows.
      return this.#through({ ...question, position: { ...position, offset: answer.next } }, bounds)
    }
    const isLoops = mode !== 'now' && loop !== undefined && offset >= loop.window.end
    if (isLoops || offset === bounds.end) {
      if (!loop && mode === 'waiting') this.loops.start(position, options.isolation, bounds)
      return nothing(position, bounds)
    }
    const answer = await this.#through(question, bounds)
    // There are records of an open transaction, which committed readers may not see yet.
    if (mode === 'waiting' && !says(answer, position)) {
      this.loops.start(position, options.isolation, bounds)
    }
    return answer
  }

  /** Reads from the cluster, between two samples that name the same log. */
  async #through(question: Question, bounds: Sample): Promise<PartitionRead> {
    const { position, maxBytes, options } = question
    const { topic, partition, offset } = position
    const { isolation = 'uncommitted' } = options
    this.#counters.tailReads++
    let before = bounds
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const key = `${topic}/${partition}/${isolation}/${offset}/${maxBytes}`
      const read = await this.#reads.take(key, () => this.#fetch(position, maxBytes, isolation))
      const after = await this.sample({ topic, partition })
      const next = read.next[0]?.offset ?? offset
      if (after.logId === before.logId) {
        if (read.outOfRange.length > 0) return outside(offset, after)
        const settled = isSettled(read.records, offset, next, before.end, maxBytes)
        return { records: read.records, next, outOfRange: false, bounds: after, sampled: true, settled }
      }
      if (!isOf(options.logId, after)) return outside(offset, after)
      before = after
    }
    throw new Refusal('unavailable', 'The topic is being created again and again.', { retryAfter: 1 })
  }

  async #fetch(
    position: TopicPosition,
    maxBytes: number,
    isolation: 'uncommitted' | 'committed',
  ): Promise<ClusterRead> {
    if (this.#fetching > 0 && this.#fetching + maxBytes > this.#maxFetchBytes) {
      throw new Refusal('busy', 'The gateway is reading as many bytes as it may: try again later.', {
        retryAfter: 1,
      })
    }
    this.#fetching += maxBytes
    try {
      return await this.#cluster.read([position], { maxBytes, waitMs: 0, isolation })
    } finally {
      this.#fetching -= maxBytes
    }
  }

  /** Bounds that were sampled after the call. */
  sample({ topic, partition }: TopicPartition): Promise<Sample> {
    return this.#samples.take(`${topic}/${partition}`, async () => {
      const tick = ++this.#tick
      return { ...(await this.#cluster.offsets(topic, partition)), tick }
    })
  }
}

const isOf = (logId: string | undefined, bounds: PartitionBounds): boolean =>
  logId === undefined || logId === bounds.logId

export const nothing = ({ offset }: TopicPosition, bounds: PartitionBounds): PartitionRead => ({
  records: [],
  next: offset,
  outOfRange: false,
  bounds,
  sampled: true,
  settled: false,
})

export const says = ({ records, next, outOfRange }: PartitionRead, { offset }: TopicPosition): boolean =>
  outOfRange || records.length > 0 || next !== offset

/** Whether a window has no record from the position on, though the log has offsets beyond it. */
const isGap = ({ records, next }: PartitionRead, { end }: PartitionBounds): boolean =>
  records.length === 0 && next < end

function windowed({ position, maxBytes }: Question, loop: TailLoop, sampled: Sample): PartitionRead {
  loop.use()
  const { records, next } = loop.window.slice(position.offset, maxBytes)
  const bounds = loop.bounds.tick > sampled.tick ? loop.bounds : sampled
  const settled = isSettled(records, position.offset, next, loop.window.end, maxBytes)
  return { records, next, outOfRange: false, bounds, sampled: true, settled }
}
