/**
 * One read of one partition at a shared tail. Thousands wait: such a read is a step after the other over this one object,
 * and not a function that waits with all that it has made.
 *
 * @module
 */
import type { Runtime } from '../../../src/ports/runtime.ts'
import type { PartitionRead, PartitionReadOptions, ReadCaller, StartedRead } from '../partition-reader.ts'
import type { TopicPosition } from '../topic-position.ts'
import type { TailLoop } from './loop.ts'
import type { Ended, Waiter } from './waiters.ts'
import type { TailWaits } from './waits.ts'
import { nothing, says } from './window-reads.ts'
import type { Mode, Moment, WindowReads } from './window-reads.ts'

/** A reason: without one `abort` makes an error with a stack. */
const LEFT = 'the caller is gone'

/** What the reads of one tail share. */
export interface TailParts {
  readonly runtime: Runtime
  readonly reads: WindowReads
  readonly waits: TailWaits
  readonly throwIfClosed: () => void
}

export class TailRead implements Waiter, StartedRead {
  readonly deadline: number
  readonly #parts: TailParts
  readonly #position: TopicPosition
  readonly #options: PartitionReadOptions
  readonly #caller: ReadCaller
  /** Samples that had begun when it came. */
  readonly #since: number
  #mode: Mode
  /** It has waited for a loop. */
  #told = false
  #left = false
  /** Ends a wait that is not at one loop. */
  #wait: AbortController | undefined
  /** Where it waits. */
  #loop: TailLoop | undefined

  constructor(parts: TailParts, position: TopicPosition, options: PartitionReadOptions, caller: ReadCaller) {
    const { waitMs } = options
    this.deadline = waitMs > 0 ? parts.runtime.monotonic() + waitMs : 0
    this.#parts = parts
    this.#position = position
    this.#options = options
    this.#caller = caller
    this.#since = parts.reads.tick
    this.#mode = waitMs > 0 ? 'waiting' : 'now'
  }

  get offset(): number {
    return this.#position.offset
  }

  get stopping(): AbortSignal | undefined {
    return this.#options.stopping
  }

  /** Answers, or waits. */
  step(): void {
    let found: PartitionRead | undefined
    try {
      this.#parts.throwIfClosed()
      if (this.#waits()) return
      found = this.#held()
    } catch (error) {
      return this.#caller.refuse(error)
    }
    if (found) return this.#caller.answer(found)
    return void this.#ask()
  }

  settle(how: Ended): void {
    this.#loop = undefined
    this.#told = true
    if (how === 'over') this.#mode = 'over'
    this.step()
  }

  refuse(error: unknown): void {
    this.#loop = undefined
    this.#caller.refuse(error)
  }

  leave(): void {
    this.#left = true
    this.#wait?.abort(LEFT)
    const loop = this.#loop
    if (!loop) return
    this.#loop = undefined
    loop.leave(this)
    this.#caller.answer({ ...nothing(this.#position, loop.bounds), sampled: false })
  }

  /** Whether a loop that is about to read tells it when to go on. */
  #waits(): boolean {
    const { reads, waits } = this.#parts
    const loop = this.#mode === 'waiting' ? reads.quiet(this.#position, this.#options) : undefined
    if (!loop) return false
    const { stopping } = this.#options
    if (stopping?.aborted) this.#mode = 'over'
    else {
      if (stopping) waits.endWith(stopping)
      if (loop.join(this)) {
        this.#loop = loop
        return true
      }
    }
    this.#told = true
    return false
  }

  #held(): PartitionRead | undefined {
    return this.#parts.reads.held(this.#position, this.#options, this.#moment())
  }

  #moment(): Moment {
    return { since: this.#since, mode: this.#mode, told: this.#told }
  }

  /** Asks the cluster, and goes on to wait where that has nothing yet. */
  async #ask(): Promise<void> {
    const { reads, runtime, waits } = this.#parts
    const position = this.#position
    const options = this.#options
    let found: PartitionRead | undefined
    try {
      const [answer] = await reads.collect([position], options, this.#moment())
      if (this.#left || this.#mode !== 'waiting' || says(answer!, position)) found = answer!
      else if (!reads.quiet(position, options)) {
        const left = this.deadline - runtime.monotonic()
        const { signal } = (this.#wait = new AbortController())
        const heard = { ...options, signal }
        this.#mode = options.stopping?.aborted ? 'over' : await waits.news([position], heard, left)
      }
    } catch (error) {
      return this.#caller.refuse(error)
    }
    if (found) return this.#caller.answer(found)
    this.#told = true
    return this.step()
  }
}
