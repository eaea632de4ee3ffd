/** The one loop that reads a partition's end, for all requests that wait there. @module */
import type { Runtime } from '../../../src/ports/runtime.ts'
import type { Cluster, ClusterRead, ClusterReadOptions, PartitionBounds } from '../cluster.ts'
import type { TopicPartition } from '../topic-position.ts'
import { Waiters } from './waiters.ts'
import type { Waiter } from './waiters.ts'
import { Window } from './window.ts'
import type { WindowLimits } from './window.ts'

/** Bounds, and the number of samples that had begun when the tail asked for them. */
export interface Sample extends PartitionBounds {
  readonly tick: number
}

export interface LoopOptions {
  readonly cluster: Cluster
  readonly runtime: Runtime
  readonly place: TopicPartition
  readonly isolation: NonNullable<ClusterReadOptions['isolation']>
  readonly fetchBytes: number
  readonly fetchWaitMs: number
  readonly idleMs: number
  readonly window: WindowLimits
  /** Bounds that are sampled after the call. */
  readonly sample: () => Promise<Sample>
  /** A number for bounds that the loop asks for now. */
  readonly tick: () => number
  /** Called after the window has changed. */
  readonly onChange: () => void
  /** Called once, when the loop has ended for any reason, before its waiting requests go on. */
  readonly onEnd: () => void
}

/** An empty read should have waited; after one that did not, the loop pauses for so long. */
const BACKOFF_MS = 50

/**
 * Reads from `bounds.end` or before on, while a request waits, and for `idleMs` after the last one.
 *
 * After each read the loop samples the bounds, unless they came with the records. Samples before and after
 * the read that name the same log prove that the records are of that log. Another log, or a position that is
 * not in it any more, ends the loop: the records of its window are not the topic's any more.
 */
export class TailLoop {
  readonly window: Window
  readonly #options: LoopOptions
  readonly #waiters: Waiters
  readonly #stop = new AbortController()
  #bounds: Sample
  #usedAt: number
  #ended = false

  constructor(offset: number, bounds: Sample, options: LoopOptions) {
    this.#options = options
    this.#bounds = bounds
    this.#usedAt = options.runtime.monotonic()
    this.#waiters = new Waiters(options.runtime, () => this.use())
    this.window = new Window(offset, options.window)
  }

  /** The latest bounds that are known to belong to the window. */
  get bounds(): Sample {
    return this.#bounds
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** Whether there is nothing to answer a read from `offset` before the next step of the loop. */
  awaits(offset: number): boolean {
    return offset >= this.window.end && offset >= this.#bounds.beginning && offset <= this.#bounds.end
  }

  use(): void {
    this.#usedAt = this.#options.runtime.monotonic()
  }

  /**
   * Has the waiter told when there may be records from its offset on, or the loop has ended, or when its deadline has come.
   * It is refused as the reads of the loop are. `false` where it has nothing to wait for.
   */
  join(waiter: Waiter): boolean {
    if (this.#ended || waiter.offset < this.window.end) return false
    this.#waiters.add(waiter)
    return true
  }

  /** The waiter waits no more, and is not told so. */
  leave(waiter: Waiter): void {
    this.#waiters.leave(waiter)
  }

  /** Ends those waits as if their time were over. */
  endWaits(which: (waiter: Waiter) => boolean): void {
    this.#waiters.end(which)
  }

  /** Ends the loop; waiting requests read again by other means. */
  end(): void {
    this.#end(() => this.#waiters.tellAll())
  }

  /** To be called once. Resolves when the loop has ended. */
  async run(): Promise<void> {
    try {
      while (!this.#ended && this.#wanted()) await this.#step()
      this.end()
    } catch (error) {
      this.#end(() => this.#waiters.refuseAll(error))
    }
  }

  async #step(): Promise<void> {
    const { cluster, runtime, place, isolation, fetchBytes, fetchWaitMs, onChange } = this.#options
    const began = runtime.monotonic()
    const from = this.window.end
    const { signal } = this.#stop
    const tick = this.#options.tick()
    const read = await cluster.read([{ ...place, offset: from }], {
      maxBytes: fetchBytes,
      waitMs: fetchWaitMs,
      isolation,
      signal,
    })
    const next = read.next[0]?.offset ?? from
    const bounds = this.#told(read, next, tick) ?? (await this.#options.sample())
    if (this.#ended) return
    if (bounds.logId !== this.#bounds.logId || read.outOfRange.length > 0 || bounds.end < next) {
      this.end()
      return
    }
    this.#bounds = bounds
    this.window.append(read.records, next)
    this.window.forgetBefore(bounds.beginning)
    onChange()
    this.#waiters.tell((offset) => !this.awaits(offset))
    if (next === from && runtime.monotonic() - began < Math.min(BACKOFF_MS, fetchWaitMs)) {
      await runtime.sleep(BACKOFF_MS, signal)
    }
  }

  /**
   * The bounds that came with a read, where they follow the known ones: of the same log, and by the same
   * leader, whose ends never go back. Then the loop wakes the waiting requests without asking for bounds.
   */
  #told({ bounds: [told] = [], outOfRange }: ClusterRead, next: number, tick: number): Sample | undefined {
    const { logId, leaderEpoch, end } = this.#bounds
    if (!told || outOfRange.length > 0 || told.leaderEpoch === undefined) return undefined
    if (told.logId !== logId || told.leaderEpoch !== leaderEpoch) return undefined
    return told.end >= Math.max(next, end) ? { ...told, tick } : undefined
  }

  #wanted(): boolean {
    const { runtime, idleMs } = this.#options
    return this.#waiters.size > 0 || runtime.monotonic() - this.#usedAt < idleMs
  }

  #end(tell: () => void): void {
    if (this.#ended) return
    this.#ended = true
    this.#stop.abort()
    this.#options.onEnd()
    tell()
  }
}
