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
  #end: { readonly reason: unknown } | undefined
  #onEnd: ((reason: unknown) => void) | undefined

  /** @param onEnd called once, before those who listen to the signal */
  constructor(onEnd?: (reason: unknown) => void) {
    this.#onEnd = onEnd
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#end) this.#controller.abort(this.#end.reason)
    }
    return this.#controller.signal
  }

  throwIfStopped(): void {
    if (this.#end) throw this.#end.reason
  }

  /** Calls the one listener with the first reason, before any of the signal: at once, where there is one already. */
  onEnd(listener: (reason: unknown) => void): void {
    this.#onEnd = listener
    if (this.#end) listener(this.#end.reason)
  }

  abort(reason?: unknown): void {
    if (this.#end) return
    this.#end = { reason }
    this.#onEnd?.(reason)
    this.#controller?.abort(reason)
  }
}
