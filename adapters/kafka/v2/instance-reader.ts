/**
 * Reads by explicit offset over consumer instances that keep positions of their own.
 *
 * The positions asked for are looked up in the partitions' bounds first: an instance is made only when there
 * is something to read, and positions outside the log need none. While the bounds show records ahead, the
 * reader does not take an empty poll for the end.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { PartitionOffsets, Position, ReadOptions, ReadResult } from '../../../src/ports/kafka-log.ts'
import { answeredWithin } from '../../deadline.ts'
import type { Call, Http } from '../rest/http.ts'
import { advance, hasGap } from '../rest/positions.ts'
import type { Dialect, OffsetReset } from './dialect.ts'
import { GapConfirmation } from './gap-confirmation.ts'
import { InstancePool } from './instance-pool.ts'
import {
  createInstance,
  type Instance,
  InstanceGone,
  type Missed,
  placeInstance,
  type Poll,
  pollInstance,
  type Purpose,
  removeInstance,
  ResetRefused,
  Unassigned,
  unplaced,
} from './instance.ts'
import { boundsOf } from './offsets.ts'
import { type SortedPositions, sortPositions } from './position-bounds.ts'

/** Polls of one read. */
const MAX_POLLS = 4
/** What proxies allow at most by default (`consumer.request.timeout.ms`). */
const MAX_POLL_MS = 1000
/** Long enough for a fetch. */
const MIN_POLL_MS = 100
/** How long a proxy may take to notice that a request was given up. */
const GIVEN_UP_MS = 500
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

/** The task of one poll. */
interface Aim extends Purpose {
  readonly pollMs: number
  readonly maxBytes: number
  /** It waits for a first record, and goes on in the proxy after the reader has given it up. */
  readonly waits: boolean
}

/** An instance at its place. */
interface Placed {
  readonly instance: Instance
  /** It stood there since an earlier poll, was moved there for this one, or was newly made for it. */
  readonly how: 'stood' | 'moved' | 'made'
}

export class InstanceReader {
  readonly #options: InstanceReaderOptions
  readonly #pool: InstancePool
  readonly #pollMs: number
  readonly #hints = new Map<string, PartitionOffsets>()
  readonly #gaps = new GapConfirmation()
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
    known: SortedPositions,
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
        pollMs: waits ? Math.ceil(how.waitMs) : this.#patience(how.waitMs, sorted.distance, polls),
        maxBytes: asked,
        waits,
      })
      if (poll === 'gone') {
        if (++gone > 1) throw vanishing()
        continue
      }
      if (poll === 'too large') {
        if (asked >= this.#options.maxResponseBytes) throw tooLarge()
        bytes = this.#options.maxResponseBytes
        continue
      }
      if (poll === 'unsure') {
        // A reset to the end shows as an empty poll, too.
        if (this.#reset === 'latest') sorted = await this.#sort(call, topic, positions)
        continue
      }
      const empty = poll !== 'out of range' && poll.records.length === 0
      if (poll === 'out of range' || poll.dropped > 0 || this.#doubts(sorted, poll.records, empty)) {
        // Retention may have taken the position since the bounds were sampled: these records prove nothing.
        sorted = await this.#sort(call, topic, positions)
      }
      if (poll === 'out of range') continue
      const records = poll.records.filter(({ partition }) => !sorted.outOfRange.includes(partition))
      if (records.length > 0) {
        return { records, next: advance(positions, records), outOfRange: sorted.outOfRange }
      }
      if (waits) break
      // Warming up, or the first record is as large as `max_bytes`: kafka-rest then never returns it.
      bytes = this.#larger(bytes)
    }
    return { records: [], next: [...positions], outOfRange: sorted.outOfRange }
  }

  /** Whether to wait for a first record: the proxy can, and no position lies outside the log. */
  #mayWait({ outOfRange }: SortedPositions, { waitMs }: ReadOptions): boolean {
    return this.#options.dialect.longPoll && waitMs > 0 && outOfRange.length === 0
  }

  /** Whether the bounds should be looked at again: a reset to the end shows as a gap, or as nothing at all. */
  #doubts(sorted: SortedPositions, records: Poll['records'], empty: boolean): boolean {
    return hasGap(sorted.behind, records) || (empty && sorted.behind.length > 0 && this.#reset === 'latest')
  }

  /** How long a poll for existing records may take: a proxy that waits it out must not exceed `waitMs`. */
  #patience(waitMs: number, distance: number, polls: number): number {
    const { waitsOut, few } = this.#options.dialect
    if (polls === 0 && distance > 1 && distance <= few) return MIN_POLL_MS
    if (!waitsOut || waitMs === 0) return this.#pollMs
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

  /** One poll. The instance goes back to the pool where its position is known, or a seek can set it. */
  async #poll(call: Call, aim: Aim): Promise<Poll | Missed | 'unsure'> {
    let placed: Placed | undefined
    try {
      placed = await this.#place(call, aim)
      const poll = await pollInstance(call, placed.instance, aim.pollMs, aim.maxBytes)
      if (typeof poll === 'string') {
        if (poll !== 'gone') this.#remove([placed.instance])
        return poll
      }
      if (this.#lacks(aim, poll, placed)) {
        // Only another instance can confirm a gap. After an empty poll a seek may find the records.
        if (poll.records.length > 0) this.#remove([placed.instance])
        else this.#give(unplaced(placed.instance))
        return 'unsure'
      }
      if (poll.dropped > 0) this.#remove([placed.instance])
      else this.#give(poll.instance)
      return poll
    } catch (error) {
      if (error instanceof InstanceGone) return 'gone'
      if (placed === undefined) throw error
      const { instance } = placed
      // A poll that was given up here may move the instance for as long as it goes on in the proxy. After
      // that a seek places it. An instance that has not answered twice in a row may hang.
      if (call.signal.aborted && !aim.waits && instance.givenUp === 0)
        this.#give(unplaced({ ...instance, givenUp: 1 }, aim.pollMs + GIVEN_UP_MS))
      else this.#remove([instance])
      throw error
    }
  }

  /**
   * Whether an instance may have lost the records that are missing here. A proxy on the way may repeat a
   * request; the instance then moves, and the records of the first answer are lost. So the reader accepts a
   * gap (and, of some proxies, an empty answer) only from an instance that was made for this poll and never
   * asked before. Where a proxy must be polled before a seek, two instances that were placed for their polls
   * must show the same gap. The reader never accepts one from an instance that stood there since an earlier
   * poll: two of them may have lost the same records.
   */
  #lacks({ topic, positions }: Aim, { records }: Poll, { how }: Placed): boolean {
    const { losesRest, seeksAfterPoll } = this.#options.dialect
    if (records.length === 0) return how !== 'made' && losesRest
    if (!hasGap(positions, records) || how === 'made') return false
    return how === 'stood' || !seeksAfterPoll || !this.#gaps.confirms(topic, positions, records)
  }

  /** An instance at the positions: an idle one there, one that a seek moves there, or a new one. */
  async #place(call: Call, aim: Aim): Promise<Placed> {
    const standing = this.#pool.take(aim.topic, aim.positions, aim.isolation)
    if (standing) return { instance: standing, how: 'stood' }
    const instance = this.#pool.takeElsewhere(aim) ?? (await this.#create(call, aim))
    try {
      const placed = await placeInstance(call, instance, aim.positions, this.#options.dialect)
      return { instance: placed, how: placed.mayMove ? 'moved' : 'made' }
    } catch (error) {
      if (call.signal.aborted) {
        // The next read goes on with this instance. A seek that was given up may still arrive.
        this.#give(unplaced({ ...instance, mayMove: true }))
      } else if (!(error instanceof InstanceGone) || error instanceof Unassigned) this.#remove([instance])
      throw error
    }
  }

  async #create(call: Call, purpose: Purpose): Promise<Instance> {
    const { group, dialect } = this.#options
    const creation = { pollMs: this.#pollMs, isolation: purpose.isolation }
    const { topic, positions, isolation } = purpose
    const make = (reset: OffsetReset) =>
      createInstance(call, group, dialect, { ...creation, reset }, { topic, positions, isolation })
    try {
      return await make(this.#reset)
    } catch (error) {
      if (!(error instanceof ResetRefused)) throw error
      // Karapace knows earliest and latest only. The reader notices a jump to the end by its gap.
      this.#reset = 'latest'
      return make('latest')
    }
  }

  async #sort(call: Call, topic: string, positions: readonly Position[]): Promise<SortedPositions> {
    const bounds = await boundsOf(
      call,
      topic,
      positions.map(({ partition }) => partition),
    )
    return sortPositions(positions, bounds)
  }

  /** The remembered bounds, where all positions lie well inside of them. Each serves once. */
  #takeHints(topic: string, positions: readonly Position[]): SortedPositions | undefined {
    const bounds: PartitionOffsets[] = []
    for (const { partition } of positions) {
      const key = hintKey(topic, partition)
      const bound = this.#hints.get(key)
      if (bound) bounds.push(bound)
      this.#hints.delete(key)
    }
    if (bounds.length < positions.length) return undefined
    const sorted = sortPositions(positions, bounds)
    // A position at the remembered end may have records by now.
    return sorted.behind.length === positions.length ? sorted : undefined
  }

  #give(instance: Instance): void {
    this.#remove(this.#pool.give(instance))
  }

  /** Removes in the background: no read waits for it, and an instance that stays expires by itself. */
  #remove(instances: readonly Pick<Instance, 'path' | 'cookie'>[]): void {
    for (const instance of instances) void this.#removeOne(instance)
  }

  async #removeOne(instance: Pick<Instance, 'path' | 'cookie'>): Promise<void> {
    const { http, timeoutMs } = this.#options
    await answeredWithin(timeoutMs, undefined, (signal) => removeInstance({ http, signal }, instance)).catch(
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

const vanishing = () =>
  new KedgeError(
    'ERR_HTTP',
    'consumer instances are lost as soon as they are made: are there several proxies?',
    {
      retryable: true,
    },
  )
