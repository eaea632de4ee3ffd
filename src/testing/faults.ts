/** What is wrong with a thing in memory at the moment: failures and silences to order. @module */
import { onAbort } from '../runtime/abort.ts'

/**
 * @typeParam O names of the calls
 * @typeParam W moments at which they can fail
 */
export interface FaultsOptions<O extends string, W extends string = 'before' | 'after'> {
  /** The calls that fail. @default all */
  readonly on?: O
  /**
   * `'after'`: the call does its work and then fails, as when an acknowledgement is lost on its way.
   * @default 'before'
   */
  readonly when?: 'before' | W
  /** How many calls fail. @default Infinity */
  readonly times?: number
}

interface Fault<O extends string, W extends string> {
  readonly error: unknown
  readonly on: O | undefined
  readonly when: 'before' | W
  times: number
}

export class Faults<O extends string, W extends string = 'before' | 'after'> {
  #fault: Fault<O, W> | undefined
  #gate: Deferred | undefined

  set(error: unknown, { on, when = 'before', times = Infinity }: FaultsOptions<O, W> = {}): void {
    this.#fault = error === undefined ? undefined : { error, on, when, times }
  }

  check(operation: O, when: 'before' | W): void {
    const fault = this.#fault
    if (!fault || fault.when !== when || (fault.on ?? operation) !== operation) return
    if (--fault.times <= 0) this.#fault = undefined
    throw fault.error
  }

  pause(): void {
    this.#gate ??= deferred()
  }

  resume(): void {
    this.#gate?.resolve()
    this.#gate = undefined
  }

  /** Resolves at once, or after `resume()`, or rejects with `signal.reason`. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    while (this.#gate) {
      const aborted = deferred()
      const off = onAbort(signal, aborted.reject)
      try {
        await Promise.race([this.#gate.promise, aborted.promise])
      } finally {
        off()
      }
    }
    signal?.throwIfAborted()
  }
}

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function deferred(): Deferred {
  let resolve!: () => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
