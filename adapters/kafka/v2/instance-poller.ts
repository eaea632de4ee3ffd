/**
 * One poll at explicit positions: an idle consumer instance there, one that a seek moves there, or a new one. After it the
 * instance goes back to the pool, or is removed where it may have lost records.
 *
 * @module
 */
import { answeredWithin } from '../../deadline.ts'
import type { Call, Http } from '../rest/http.ts'
import { hasGap } from '../rest/positions.ts'
import type { Dialect, OffsetReset } from './dialect.ts'
import { GapConfirmation } from './gap-confirmation.ts'
import { InstancePool } from './instance-pool.ts'
import {
  createInstance,
  type Instance,
  InstanceGone,
  type Missed,
  seekInstance,
  type Poll,
  pollInstance,
  type Purpose,
  removeInstance,
  ResetRefused,
  Unassigned,
  withoutPositions,
} from './instance.ts'

/** How long a proxy may take to notice that a request was given up. */
const GIVEN_UP_MS = 500

export interface InstancePollerOptions {
  readonly http: Http
  readonly dialect: Dialect
  readonly group: string
  readonly maxInstances: number
  readonly idleMs: number
  readonly timeoutMs: number
}

/** The task of one poll. */
export interface Aim extends Purpose {
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

export class InstancePoller {
  readonly #options: InstancePollerOptions
  readonly #pool: InstancePool
  /** How long an instance lets a poll last by default. */
  readonly #pollMs: number
  readonly #gaps = new GapConfirmation()
  #reset: OffsetReset

  constructor(options: InstancePollerOptions, pollMs: number) {
    this.#options = options
    this.#pollMs = pollMs
    this.#reset = options.dialect.reset
    // Twice the deadline: a read that the platform killed cannot hold its place for longer.
    this.#pool = new InstancePool({ ...options, leaseMs: options.timeoutMs * 2 })
  }

  /** Whether a position outside of the log moves to its end in silence. */
  get resetsToEnd(): boolean {
    return this.#reset === 'latest'
  }

  /** Counts a read, until the returned function is called. @throws KedgeError as {@link InstancePool.enter} */
  enter(waitMs: number): () => void {
    return this.#pool.enter(waitMs)
  }

  /** Removes the instances that were idle for too long. */
  sweep(): void {
    this.#remove(this.#pool.sweep())
  }

  async close(): Promise<void> {
    await Promise.all(this.#pool.close().map((instance) => this.#removeOne(instance)))
  }

  /** One poll. The instance goes back to the pool where its position is known, or a seek can set it. */
  async poll(call: Call, aim: Aim): Promise<Poll | Missed | 'unsure'> {
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
        else this.#give(withoutPositions(placed.instance))
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
        this.#give(withoutPositions({ ...instance, givenUp: 1 }, aim.pollMs + GIVEN_UP_MS))
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
      const placed = await seekInstance(call, instance, aim.positions, this.#options.dialect)
      return { instance: placed, how: placed.mayMove ? 'moved' : 'made' }
    } catch (error) {
      if (call.signal.aborted) {
        // The next read goes on with this instance. A seek that was given up may still arrive.
        this.#give(withoutPositions({ ...instance, mayMove: true }))
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
