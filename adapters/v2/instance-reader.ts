/**
 * Reads by explicit offset over consumer instances that keep positions of their own.
 *
 * The positions asked for are looked up in the partitions' bounds first: an instance is made only when there is
 * something to read, and what lies outside the log is told without one. An empty poll is not believed while the
 * bounds say otherwise.
 *
 * @module
 */
import { KedgeError } from '../../src/errors.ts'
import type { PartitionOffsets, Position, ReadOptions, ReadResult } from '../../src/log.ts'
import { withDeadline } from '../deadline.ts'
import type { Http } from '../http.ts'
import { advance, hasGap } from '../positions.ts'
import type { Call } from './context.ts'
import type { Dialect, OffsetReset } from './dialect.ts'
import { Gaps } from './gaps.ts'
import { InstancePool } from './instance-pool.ts'
import {
  createInstance,
  type Instance,
  InstanceGone,
  type Missed,
  placeInstance,
  type Poll,
  pollInstance,
  removeInstance,
  ResetRefused,
} from './instance.ts'
import { boundsOf } from './offsets.ts'
import { type Sorted, sort } from './standing.ts'

/** Polls of one read. */
const MAX_POLLS = 4
/** What proxies allow at most by default (`consumer.request.timeout.ms`). */
const MAX_POLL_MS = 1000
/** Long enough for a fetch. */
const MIN_POLL_MS = 100
/** Bounds remembered from `offsets()`, each for one read. */
const MAX_HINTS = 256

export interface InstanceReaderOptions {
  readonly http: Http
  readonly dialect: Dialect
  readonly group: string
  readonly maxInstances: number
  readonly idleMs: number
  readonly timeoutMs: number
  readonly maxResponseBytes: number
}

/** What one poll is to do. */
interface Aim {
  readonly topic: string
  readonly positions: readonly Position[]
  readonly isolation: ReadOptions['isolation']
  readonly pollMs: number
  readonly maxBytes: number
}

export class InstanceReader {
  readonly #options: InstanceReaderOptions
  readonly #pool: InstancePool
  readonly #pollMs: number
  readonly #hints = new Map<string, PartitionOffsets>()
  readonly #gaps = new Gaps()
  #reset: OffsetReset

  constructor(options: InstanceReaderOptions) {
    this.#options = options
    this.#reset = options.dialect.reset
    // Twice the deadline: a read that the platform killed cannot hold its place for longer.
    this.#pool = new InstancePool({ ...options, leaseMs: options.timeoutMs * 2 })
    this.#pollMs = Math.max(1, Math.min(MAX_POLL_MS, Math.floor(options.timeoutMs / (MAX_POLLS + 1))))
  }

  /** Remembers bounds just sampled, so that the read that follows need not ask again. */
  hint(topic: string, bounds: readonly PartitionOffsets[]): void {
    for (const bound of bounds) {
      const key = hintKey(topic, bound.partition)
      this.#hints.delete(key)
      if (this.#hints.size >= MAX_HINTS) this.#hints.delete(this.#hints.keys().next().value ?? '')
      this.#hints.set(key, bound)
    }
    this.#remove(this.#pool.sweep())
  }

  async read(
    call: Call,
    topic: string,
    positions: readonly Position[],
    how: ReadOptions,
  ): Promise<ReadResult> {
    const leave = this.#pool.enter(how.waitMs)
    // A transport that ignores its signal must not hold the place of a read that has ended.
    call.signal.addEventListener('abort', leave, { once: true })
    this.#remove(this.#pool.sweep())
    try {
      const sorted = this.#takeHints(topic, positions) ?? (await this.#sort(call, topic, positions))
      return await this.#readBehind(call, topic, positions, sorted, how)
    } finally {
      call.signal.removeEventListener('abort', leave)
      leave()
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#pool.close().map((instance) => this.#removeOne(instance)))
  }

  async #readBehind(
    call: Call,
    topic: string,
    positions: readonly Position[],
    known: Sorted,
    how: ReadOptions,
  ): Promise<ReadResult> {
    let sorted = known
    let gone = 0
    let bytes = how.maxBytes
    for (let polls = 0; polls < MAX_POLLS; polls++) {
      const waits = sorted.behind.length === 0
      if (waits && !this.#mayWait(sorted, how)) break
      const asked = this.#pollBytes(bytes, sorted.distance)
      const poll = await this.#poll(call, {
        topic,
        positions: waits ? positions : sorted.behind,
        isolation: how.isolation,
        pollMs: waits ? Math.ceil(how.waitMs) : this.#patience(how.waitMs),
        maxBytes: asked,
      })
      if (poll === 'gone') {
        if (++gone > 1) throw lost()
        continue
      }
      if (poll === 'too large') {
        if (asked >= this.#options.maxResponseBytes) throw tooLarge()
        bytes = this.#options.maxResponseBytes
        continue
      }
      if (poll === 'unsure') continue
      const empty = poll !== 'out of range' && poll.records.length === 0
      if (poll === 'out of range' || poll.dropped > 0 || this.#doubts(sorted, poll.records, empty)) {
        // Retention may have taken the position since the bounds were sampled: what was found proves nothing.
        sorted = await this.#sort(call, topic, positions)
      }
      if (poll === 'out of range') continue
      const records = poll.records.filter(({ partition }) => !sorted.outOfRange.includes(partition))
      if (records.length > 0) {
        return { records, next: advance(positions, records), outOfRange: sorted.outOfRange }
      }
      if (waits) break
      // Warming up, or the first record is as large as `max_bytes`: kafka-rest then answers nothing for ever.
      bytes = this.#larger(bytes)
    }
    return { records: [], next: [...positions], outOfRange: sorted.outOfRange }
  }

  /** Whether to wait for a first record: everybody is at the end, and the proxy can. */
  #mayWait({ outOfRange }: Sorted, { waitMs }: ReadOptions): boolean {
    return this.#options.dialect.longPoll && waitMs > 0 && outOfRange.length === 0
  }

  /** Whether the bounds should be looked at again: a reset to the end shows as a gap, or as nothing at all. */
  #doubts(sorted: Sorted, records: Poll['records'], empty: boolean): boolean {
    return hasGap(sorted.behind, records) || (empty && sorted.behind.length > 0 && this.#reset === 'latest')
  }

  /** How long a poll for what is there may take: one that waits all the same waits no longer than its caller would. */
  #patience(waitMs: number): number {
    if (!this.#options.dialect.waitsOut || waitMs === 0) return this.#pollMs
    return Math.min(this.#pollMs, Math.max(MIN_POLL_MS, Math.ceil(waitMs)))
  }

  #pollBytes(maxBytes: number, behind: number): number {
    const { dialect, maxResponseBytes } = this.#options
    return dialect.pollBytes({ maxBytes, behind, maxResponseBytes })
  }

  #larger(bytes: number): number {
    const most = Math.floor(this.#options.maxResponseBytes / 2)
    return bytes >= 65_536 ? Math.max(bytes, most) : Math.min(65_536, most)
  }

  /** One poll, by an instance that stands there. It is given back only when its place is known. */
  async #poll(call: Call, aim: Aim): Promise<Poll | Missed | 'unsure'> {
    const held = this.#pool.take(aim.topic, aim.positions, aim.isolation)
    let instance = held
    try {
      instance ??= await this.#open(call, aim)
      const poll = await pollInstance(call, instance, aim.pollMs, aim.maxBytes)
      if (typeof poll === 'string') {
        if (poll !== 'gone') this.#remove([instance])
        return poll
      }
      if (this.#lacks(aim, poll, held === undefined)) {
        this.#remove([instance])
        return 'unsure'
      }
      if (poll.dropped > 0) this.#remove([instance])
      else this.#remove(this.#pool.give(poll.instance))
      return poll
    } catch (error) {
      if (error instanceof InstanceGone) return 'gone'
      if (instance) this.#remove([instance])
      throw error
    }
  }

  /**
   * Whether an instance may have lost what is missing here. A gap (and, of some, nothing) is believed only of one that
   * was placed for this poll: a request that something on the way has repeated moves an instance, and nobody has seen
   * what it returned. Where that may be the poll before the placing, another one must tell of the same gap.
   */
  #lacks({ topic, positions }: Aim, { records }: Poll, isNew: boolean): boolean {
    const { losesRest, seeksAfterPoll } = this.#options.dialect
    if (records.length === 0) return !isNew && losesRest
    if (!hasGap(positions, records)) return false
    return seeksAfterPoll ? !this.#gaps.confirms(topic, positions, records) : !isNew
  }

  async #open(call: Call, { topic, positions, isolation }: Aim): Promise<Instance> {
    const made = await this.#create(call, isolation)
    try {
      await placeInstance(call, made, topic, positions, this.#options.dialect)
    } catch (error) {
      this.#remove([made])
      throw error
    }
    return { ...made, topic, positions, isolation, usedAt: Date.now() }
  }

  async #create(call: Call, isolation: ReadOptions['isolation']): Promise<Pick<Instance, 'path' | 'cookie'>> {
    const { group, dialect } = this.#options
    const creation = { pollMs: this.#pollMs, isolation }
    try {
      return await createInstance(call, group, dialect, { ...creation, reset: this.#reset })
    } catch (error) {
      if (!(error instanceof ResetRefused)) throw error
      // Karapace knows earliest and latest only. A jump to the end is noticed by its gap.
      this.#reset = 'latest'
      return createInstance(call, group, dialect, { ...creation, reset: 'latest' })
    }
  }

  async #sort(call: Call, topic: string, positions: readonly Position[]): Promise<Sorted> {
    const bounds = await boundsOf(
      call,
      topic,
      positions.map(({ partition }) => partition),
    )
    return sort(positions, bounds)
  }

  /** The remembered bounds, where all positions lie well inside of them. Each serves once. */
  #takeHints(topic: string, positions: readonly Position[]): Sorted | undefined {
    const bounds: PartitionOffsets[] = []
    for (const { partition } of positions) {
      const key = hintKey(topic, partition)
      const bound = this.#hints.get(key)
      if (bound) bounds.push(bound)
      this.#hints.delete(key)
    }
    if (bounds.length < positions.length) return undefined
    const sorted = sort(positions, bounds)
    // At the end as it was: there may be records by now.
    return sorted.behind.length === positions.length ? sorted : undefined
  }

  /** Removes in the background: nobody should wait for it, and an instance that stays expires by itself. */
  #remove(instances: readonly Pick<Instance, 'path' | 'cookie'>[]): void {
    for (const instance of instances) void this.#removeOne(instance)
  }

  async #removeOne(instance: Pick<Instance, 'path' | 'cookie'>): Promise<void> {
    const { http, timeoutMs } = this.#options
    await withDeadline(timeoutMs, undefined, (signal) => removeInstance({ http, signal }, instance)).catch(
      () => undefined,
    )
  }
}

const hintKey = (topic: string, partition: number): string => `${partition} ${topic}`

const tooLarge = () =>
  new KedgeError(
    'ERR_TOO_LARGE',
    'an answer is larger than `maxResponseBytes`: raise it, or let the proxy fetch less at once',
  )

const lost = () =>
  new KedgeError(
    'ERR_HTTP',
    'consumer instances are lost as soon as they are made: are there several proxies?',
    {
      retryable: true,
    },
  )
