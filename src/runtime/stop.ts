/**
 * What ends work, with a signal that is made when the work reads it: most work ends by itself, and a controller, its signal
 * and a listener cost more than many a load.
 *
 * @module
 */

/** What work that may be ended is given. */
export interface Stopping {
  /** Aborted when the work is to end. Made when it is first read. */
  readonly signal: AbortSignal
  /** @throws the reason, once the work is to end. */
  throwIfStopped(): void
}

/** The signal of work alone, for those who must not end the work. */
export class SignalAlone {
  readonly #of: Pick<Stopping, 'signal'>

  constructor(of: Pick<Stopping, 'signal'>) {
    this.#of = of
  }

  get signal(): AbortSignal {
    return this.#of.signal
  }
}

export class Stop implements Stopping {
  #controller: AbortController | undefined
  #reason: unknown
  #isStopped = false
  readonly #onStop: (reason: unknown) => void

  /** @param onStop called once, before those who listen to the signal */
  constructor(onStop: (reason: unknown) => void) {
    this.#onStop = onStop
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#isStopped) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  throwIfStopped(): void {
    if (this.#isStopped) throw this.#reason
  }

  abort(reason: unknown): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#reason = reason
    this.#onStop(reason)
    this.#controller?.abort(reason)
  }
}
