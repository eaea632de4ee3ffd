/**
 * A circuit breaker: stops calls that keep failing, and lets one through now and then.
 *
 * Pure: the caller passes the time. No call waits for it, and it holds nothing that belongs to a request.
 *
 * @module
 */
import { backoffMs } from './retry.ts'

/** `'closed'`: calls go through. `'open'`: none does. `'half-open'`: one does, to see. */
export type BreakerState = 'closed' | 'open' | 'half-open'

export interface BreakerLimits {
  /** Failures in a row that open it. */
  readonly failures: number
  /** How long it stays open, the first time. Twice as long each time that the try fails. */
  readonly pauseMs: number
  readonly maxPauseMs: number
  /** After this long without an outcome, the caller that tried counts as gone, and another one may try. */
  readonly leaseMs: number
}

/** Leave to make one call. */
export type Permit = number

export class CircuitBreaker {
  #state: BreakerState = 'closed'
  /** Counts changes of state: the breaker ignores the outcome of a call that began before the last one. */
  #era = 0
  #failures = 0
  #openings = 0
  #until = 0
  readonly #limits: BreakerLimits
  readonly #random: () => number
  readonly #onChange: (state: BreakerState) => void

  /** @param random in `[0, 1)`, so that isolates do not come back together */
  constructor(limits: BreakerLimits, random: () => number, onChange: (state: BreakerState) => void) {
    this.#limits = limits
    this.#random = random
    this.#onChange = onChange
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Leave to make a call now, whose outcome the caller must report; `undefined` while calls are stopped. */
  enter(now: number): Permit | undefined {
    if (this.#state !== 'closed') {
      if (now < this.#until) return undefined
      this.#turn('half-open')
      this.#until = now + this.#limits.leaseMs
    }
    return this.#era
  }

  succeeded(permit: Permit): void {
    if (permit !== this.#era) return
    this.#failures = 0
    this.#openings = 0
    if (this.#state !== 'closed') this.#turn('closed')
  }

  failed(permit: Permit, now: number): void {
    if (permit !== this.#era) return
    if (this.#state === 'closed' && ++this.#failures < this.#limits.failures) return
    const { pauseMs, maxPauseMs } = this.#limits
    const backoff = { firstMs: pauseMs, maxMs: maxPauseMs }
    this.#until = now + backoffMs(backoff, this.#openings++, this.#random())
    this.#failures = 0
    this.#turn('open')
  }

  #turn(state: BreakerState): void {
    this.#era++
    const changed = state !== this.#state
    this.#state = state
    if (changed) this.#onChange(state)
  }
}
