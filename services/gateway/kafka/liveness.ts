/**
 * Since when each broker has answered without a long silence.
 *
 * An answer shows that its broker ran at some moment between the question and the answer, and no more.
 * Between two answers it may therefore have been frozen from the first question to the second answer. As long
 * as that is shorter than a session of the cluster, no other broker can have taken its place meanwhile.
 *
 * @module
 */
import { performance } from 'node:perf_hooks'

/** Both clocks: while a machine is suspended one of them stops (which one, differs). */
export interface Moment {
  /** On `performance.now()`'s clock. */
  readonly monotonic: number
  /** On `Date.now()`'s clock. */
  readonly wall: number
}

export type Clock = () => Moment

interface Life {
  /** When the first answer after the last silence came, on the monotonic clock. */
  since: number
  /** The latest question that was answered. */
  last: Moment
}

/** Brokers that are remembered; more are forgotten, oldest first. */
const MAX_BROKERS = 1000

const systemClock: Clock = () => ({ monotonic: performance.now(), wall: Date.now() })

export class Liveness {
  readonly #silenceMs: number
  readonly #clock: Clock
  readonly #lives = new Map<string, Life>()

  /** @param silenceMs what counts as a silence: well below the shortest session of a broker. */
  constructor(silenceMs: number, clock: Clock = systemClock) {
    this.#silenceMs = silenceMs
    this.#clock = clock
  }

  now(): Moment {
    return this.#clock()
  }

  /** The broker has just answered a request that was sent at `asked`. */
  answered(broker: string, asked: Moment): void {
    const now = this.#clock()
    const life = this.#lives.get(broker)
    if (!life) {
      this.#lives.set(broker, { since: now.monotonic, last: asked })
      const [oldest] = this.#lives.keys()
      if (this.#lives.size > MAX_BROKERS && oldest !== undefined) this.#lives.delete(oldest)
      return
    }
    if (between(life.last, now) >= this.#silenceMs) life.since = now.monotonic
    if (asked.monotonic > life.last.monotonic) life.last = asked
  }

  /** On the monotonic clock; never for one that has not answered. */
  since(broker: string): number {
    return this.#lives.get(broker)?.since ?? Number.POSITIVE_INFINITY
  }
}

/** A clock that is set back hides no time: the other one counts. */
const between = (from: Moment, to: Moment): number =>
  Math.max(to.monotonic - from.monotonic, to.wall - from.wall)
