/** A shared tail over any cluster: what many clients wait for is read once. @module */
import type { Cluster, ClusterRead, ClusterReadOptions, PartitionBounds } from '../cluster.ts'
import type { TopicPartition, TopicPosition } from '../topic-position.ts'
import { bytesOf, isSettled, outside } from '../partition-reader.ts'
import type { PartitionRead, PartitionReader, PartitionReadOptions } from '../partition-reader.ts'
import { Refusal } from '../refusal.ts'
import { orAbort, SharedCalls } from './calls.ts'
import type { Sample, TailLoop } from './loop.ts'
import type { Ended, Waiting } from './waiters.ts'
import { TailLoops } from './loops.ts'
import { tailOptionsOf } from './options.ts'
import type { TailOptions } from './options.ts'

/** A cluster whose readers share what they read. */
export interface TailedCluster extends Cluster, PartitionReader {
  /** Ends every loop, and refuses waiting reads. The cluster behind it stays open. May be called again. */
  close(): Promise<void>
}

/** The reason with which a wait is aborted: without one `abort` makes an error with a stack. */
const ENDED = 'the wait has ended'
/** How often a read starts again because the topic was created anew during it. */
const MAX_ATTEMPTS = 3

/**
 * Puts a shared tail over a cluster: any number of long polls of a partition cost the cluster one loop of reads.
 *
 * - Reads that wait at the end of a partition get its records from one loop; there is a loop for each
 *   isolation level, so that a committed reader never sees the records of an uncommitted one. A loop ends
 *   after `idleMs` without use.
 * - Recent records come from the loop's window, older ones from the cluster; equal reads that wait share one.
 * - `offsets()` stays what a proof of freshness needs: a sample of the cluster that *began after the call*.
 *   Calls that come while a sample is under way share the next, never the one that began before them. The
 *   tail also checks an answer from a window against such a sample: the log must be the same, and still hold
 *   the position. The loop's own sample counts for reads that waited before it began. A read that the loop
 *   has woken, or that names the log of the window, does not wait for a sample: its answer says that its
 *   bounds are not `sampled`.
 * - When a topic has been created anew, or has lost its end, the tail drops its window, and waiting reads
 *   start again.
 * - Where a loop's read fails, the tail refuses all reads that wait for it; an abort ends the wait of one
 *   read.
 *
 * An answer from a window may be shorter than the cluster's: the next poll goes on after it. It may hold
 * records that compaction has removed since the loop read them. It differs in nothing else.
 *
 * @throws TypeError for options that are wrong or unknown.
 * @example
 * ```ts
 * import { kafkaCluster, withTail } from 'kedge/gateway'
 *
 * const tailed = withTail(kafkaCluster({ brokers: ['kafka-1:9092'] }))
 * const { end } = await tailed.offsets('cache-evictions', 0)
 * await tailed.close()
 * ```
 */
export function withTail(cluster: Cluster, options: TailOptions = {}): TailedCluster {
  return new SharedTail(cluster, tailOptionsOf(options))
}

/** One question about one partition. */
interface Question {
  readonly position: TopicPosition
  readonly maxBytes: number
  readonly options: PartitionReadOptions
  /**
   * - `now`: answer with the records there are.
   * - `waiting`: the tail does not ask the cluster for records that the loop is about to read.
   * - `over`: the wait has ended; the tail does not wait for the loop any more.
   */
  readonly mode: 'now' | 'waiting' | 'over'
}

/** When a question is answered. */
interface Moment {
  /** Samples that had begun when it came. */
  readonly since: number
  readonly mode: Question['mode']
  /** It has waited for a loop. */
  readonly told: boolean
}

class SharedTail implements TailedCluster {
  readonly id: string
  readonly groups: Cluster['groups']
  readonly #cluster: Cluster
  readonly #options: Required<TailOptions>
  readonly #samples = new SharedCalls<Sample>()
  readonly #reads = new SharedCalls<ClusterRead>()
  readonly #loops: TailLoops
  /** Samples that have begun. */
  #tick = 0
  #fetching = 0
  readonly #stop = new AbortController()
  /** The waits that a signal of the gateway ends. */
  readonly #ends = new WeakMap<AbortSignal, Set<Waiting>>()
  readonly endsWaits = true

  constructor(cluster: Cluster, options: Required<TailOptions>) {
    this.id = cluster.id
    this.groups = cluster.groups
    this.#cluster = cluster
    this.#options = options
    this.#loops = new TailLoops(cluster, options, {
      take: (place) => this.#sample(place),
      tick: () => ++this.#tick,
    })
  }

  topics: Cluster['topics'] = () => this.#cluster.topics()
  describe: Cluster['describe'] = (topic) => this.#cluster.describe(topic)
  create: Cluster['create'] = (topic, partitions) => this.#cluster.create(topic, partitions)
  remove: Cluster['remove'] = (topic) => this.#cluster.remove(topic)
  append: Cluster['append'] = (topic, records) => this.#cluster.append(topic, records)
  offsetAt: Cluster['offsetAt'] = (...asked) => this.#cluster.offsetAt(...asked)

  async offsets(topic: string, partition: number): Promise<PartitionBounds> {
    const { beginning, end, logId } = await this.#sample({ topic, partition })
    return { beginning, end, logId }
  }

  async read(positions: readonly TopicPosition[], options: ClusterReadOptions): Promise<ClusterRead> {
    const answers = await this.#read(positions, options)
    const at = ({ topic, partition }: TopicPosition, offset: number) => ({ topic, partition, offset })
    return {
      records: answers.flatMap(({ records }) => records),
      next: positions.map((position, index) => at(position, answers[index]!.next)),
      outOfRange: positions
        .filter((_, index) => answers[index]!.outOfRange)
        .map(({ topic, partition }) => ({ topic, partition })),
    }
  }

  async readPartition(position: TopicPosition, options: PartitionReadOptions): Promise<PartitionRead> {
    const { signal, waitMs, stopping } = options
    const { runtime } = this.#options
    const deadline = runtime.monotonic() + waitMs
    const since = this.#tick
    let mode: Question['mode'] = waitMs > 0 ? 'waiting' : 'now'
    for (let told = false; ; told = true) {
      signal?.throwIfAborted()
      this.#throwIfClosed()
      // Thousands of reads run through here: they share every object that they can.
      const loop = mode === 'waiting' ? this.#quiet(position, options) : undefined
      if (loop) {
        const how = await this.#wait(loop.news(position.offset, deadline), options)
        if (how === 'gone') return { ...nothing(position, loop.bounds), sampled: false }
        if (how === 'over') mode = 'over'
        continue
      }
      const moment = { since, mode, told }
      const held = this.#held(position, options, moment)
      if (held) return held
      const [answer] = await orAbort(this.#collect([position], options, moment), signal)
      if (mode !== 'waiting' || says(answer!, position)) return answer!
      if (this.#quiet(position, options)) continue
      const left = deadline - runtime.monotonic()
      mode = stopping?.aborted ? 'over' : await this.#news([position], options, left)
    }
  }

  /** The loop that is about to read from the position on. */
  #quiet(position: TopicPosition, { isolation, logId }: PartitionReadOptions): TailLoop | undefined {
    const loop = this.#loops.find(position, isolation)
    return loop?.awaits(position.offset) && isOf(logId, loop.bounds) ? loop : undefined
  }

  /** The records of a window, where it is of the requested log, or its loop has just woken this read. */
  #held(
    position: TopicPosition,
    options: PartitionReadOptions,
    { since, mode, told }: Moment,
  ): PartitionRead | undefined {
    const loop = this.#loops.find(position, options.isolation)
    if (!loop?.window.covers(position.offset)) return undefined
    const { bounds } = loop
    const isKnown = options.logId === undefined ? told : options.logId === bounds.logId
    const isFresh = bounds.tick > since && isOf(options.logId, bounds)
    if (!isKnown && !isFresh) return undefined
    if (isFresh && position.offset < bounds.beginning) return outside(position.offset, bounds)
    return {
      ...windowed({ position, maxBytes: Math.max(1, options.maxBytes), options, mode }, loop, bounds),
      sampled: isFresh,
    }
  }

  /** Waits until the loop wakes the read, or its time ends, or the gateway stops, or its request is gone. */
  async #wait(
    waiting: Waiting,
    { signal, stopping, leaving }: PartitionReadOptions,
  ): Promise<Ended | 'gone'> {
    let isGone = false
    leaving?.once('close', () => {
      isGone = true
      waiting.end()
    })
    signal?.addEventListener('abort', waiting.end, { once: true })
    if (stopping) this.#endWith(stopping, waiting)
    try {
      const how = await waiting.ended
      return isGone ? 'gone' : how
    } finally {
      signal?.removeEventListener('abort', waiting.end)
      if (stopping) this.#ends.get(stopping)?.delete(waiting)
    }
  }

  /** Ends the wait with `stopping`: one listener serves all waits. */
  #endWith(stopping: AbortSignal, waiting: Waiting): void {
    if (stopping.aborted) return waiting.end()
    let ends = this.#ends.get(stopping)
    if (!ends) {
      const all = (ends = new Set())
      this.#ends.set(stopping, all)
      stopping.addEventListener('abort', () => all.forEach(({ end }) => end()), { once: true })
    }
    ends.add(waiting)
    return undefined
  }

  #throwIfClosed(): void {
    if (this.#stop.signal.aborted)
      throw new Refusal('unavailable', 'The gateway is stopping.', { retryAfter: 1 })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#loops.close()
  }

  async #read(
    positions: readonly TopicPosition[],
    options: PartitionReadOptions,
  ): Promise<readonly PartitionRead[]> {
    const { signal, waitMs } = options
    const since = this.#tick
    const deadline = this.#options.runtime.monotonic() + waitMs
    let mode: Question['mode'] = waitMs > 0 ? 'waiting' : 'now'
    for (let told = false; ; told = true) {
      signal?.throwIfAborted()
      this.#throwIfClosed()
      const answers = await orAbort(this.#collect(positions, options, { since, mode, told }), signal)
      if (mode !== 'waiting' || answers.some((answer, index) => says(answer, positions[index]!)))
        return answers
      mode = await this.#news(positions, options, deadline - this.#options.runtime.monotonic())
    }
  }

  /** Once the answer is full, it asks the remaining partitions only for their bounds. */
  async #collect(
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
    const loop = this.#loops.find(position, options.isolation)
    if (loop && mode === 'waiting' && loop.awaits(position.offset) && isOf(options.logId, loop.bounds)) {
      return { bounds: loop.bounds, found: 'quiet' }
    }
    if (loop && loop.bounds.tick > since) return { bounds: loop.bounds, found: 'sampled' }
    const isKnown = options.logId === undefined ? told : options.logId === loop?.bounds.logId
    if (loop && isKnown && loop.window.covers(position.offset)) return { bounds: loop.bounds, found: 'held' }
    return { bounds: await this.#sample(position), found: 'sampled' }
  }

  async #answer(question: Question, bounds: Sample): Promise<PartitionRead> {
    const { position, options, mode } = question
    const { offset } = position
    if (!isOf(options.logId, bounds) || offset < bounds.beginning || offset > bounds.end) {
      return outside(offset, bounds)
    }
    const loop = this.#loops.current(position, options.isolation, bounds)
    if (loop?.window.covers(offset)) return windowed(question, loop, bounds)
    const isLoops = mode !== 'now' && loop !== undefined && offset >= loop.window.end
    if (isLoops || offset === bounds.end) {
      if (!loop && mode === 'waiting') this.#loops.start(position, options.isolation, bounds)
      return nothing(position, bounds)
    }
    const answer = await this.#through(question, bounds)
    // There are records of an open transaction, which committed readers may not see yet.
    if (mode === 'waiting' && !says(answer, position)) {
      this.#loops.start(position, options.isolation, bounds)
    }
    return answer
  }

  /** Reads from the cluster, between two samples that name the same log. */
  async #through(question: Question, bounds: Sample): Promise<PartitionRead> {
    const { position, maxBytes, options } = question
    const { topic, partition, offset } = position
    const { isolation = 'uncommitted' } = options
    let before = bounds
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const key = `${topic}/${partition}/${isolation}/${offset}/${maxBytes}`
      const read = await this.#reads.take(key, () => this.#fetch(position, maxBytes, isolation))
      const after = await this.#sample({ topic, partition })
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
    if (this.#fetching > 0 && this.#fetching + maxBytes > this.#options.maxFetchBytes) {
      throw new Refusal('busy', 'Too much is being read at the moment.', { retryAfter: 1 })
    }
    this.#fetching += maxBytes
    try {
      return await this.#cluster.read([position], { maxBytes, waitMs: 0, isolation })
    } finally {
      this.#fetching -= maxBytes
    }
  }

  /** Waits until a loop has records, or the time is over. */
  async #news(
    positions: readonly TopicPosition[],
    options: PartitionReadOptions,
    leftMs: number,
  ): Promise<'waiting' | 'over'> {
    if (leftMs <= 0) return 'over'
    const { signal, stopping } = options
    const ended = new AbortController()
    const stop = () => ended.abort(ENDED)
    signal?.addEventListener('abort', stop, { once: true })
    stopping?.addEventListener('abort', stop, { once: true })
    try {
      const told = positions.map(async (position): Promise<'waiting'> => {
        const loop = this.#loops.find(position, options.isolation)
        if (loop) {
          const waiting = loop.news(position.offset, Infinity)
          ended.signal.addEventListener('abort', waiting.end, { once: true })
          await waiting.ended
        } else await this.#unshared(position, options, leftMs, ended)
        return 'waiting'
      })
      const slept = this.#options.runtime.sleep(leftMs, ended.signal).then(() => 'over' as const)
      return await Promise.race([...told, slept])
    } catch (error) {
      signal?.throwIfAborted()
      if (!ended.signal.aborted) throw error
      return 'waiting'
    } finally {
      signal?.removeEventListener('abort', stop)
      stopping?.removeEventListener('abort', stop)
      ended.abort(ENDED)
    }
  }

  /** Where the limit allows no further loop, the cluster waits. A loop that has just ended starts again. */
  async #unshared(
    position: TopicPosition,
    { isolation }: PartitionReadOptions,
    waitMs: number,
    ended: AbortController,
  ): Promise<void> {
    if (this.#stop.signal.aborted || !this.#loops.full) return
    const stop = () => ended.abort(ENDED)
    this.#stop.signal.addEventListener('abort', stop, { once: true })
    try {
      await this.#cluster.read([position], { maxBytes: 1, waitMs, isolation, signal: ended.signal })
    } finally {
      this.#stop.signal.removeEventListener('abort', stop)
    }
  }

  #sample({ topic, partition }: TopicPartition): Promise<Sample> {
    return this.#samples.take(`${topic}/${partition}`, async () => {
      const tick = ++this.#tick
      return { ...(await this.#cluster.offsets(topic, partition)), tick }
    })
  }
}

const isOf = (logId: string | undefined, bounds: PartitionBounds): boolean =>
  logId === undefined || logId === bounds.logId

const nothing = ({ offset }: TopicPosition, bounds: PartitionBounds): PartitionRead => ({
  records: [],
  next: offset,
  outOfRange: false,
  bounds,
  sampled: true,
  settled: false,
})

const says = ({ records, next, outOfRange }: PartitionRead, { offset }: TopicPosition): boolean =>
  outOfRange || records.length > 0 || next !== offset

function windowed({ position, maxBytes }: Question, loop: TailLoop, sampled: Sample): PartitionRead {
  loop.use()
  const { records, next } = loop.window.slice(position.offset, maxBytes)
  const bounds = loop.bounds.tick > sampled.tick ? loop.bounds : sampled
  const settled = isSettled(records, position.offset, next, loop.window.end, maxBytes)
  return { records, next, outOfRange: false, bounds, sampled: true, settled }
}
