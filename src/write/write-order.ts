/**
 * The order of a caller's writes, where some of them wait before they are published: for a feature, or for the first contact
 * with the log. A `delete` that is called after a `set` must not reach the log before it, nor a later `set` before that.
 *
 * @module
 */
import { untilAborted } from '../runtime/abort.ts'

/** Whose writes they are. */
interface Caller {
  /** Whether it is that of one request alone. */
  readonly isOfRequest: boolean
}

/** Publishes a write, once what its caller began before and it must not overtake is on its way. */
export type InOrder = <W>(publish: () => Promise<W>) => Promise<W>

/** A write that is not on its way yet. */
interface Waiting {
  /** Resolves when it is, or will never be. */
  readonly left: Promise<unknown>
  /** Whether values that are set later wait for it. They do not wait for each other: many go out in one request. */
  readonly evicts: boolean
}

export class WriteOrder {
  readonly #waiting = new WeakMap<Caller, Set<Waiting>>()
  readonly #isolatesRequests: boolean

  constructor(isolatesRequests: boolean) {
    this.#isolatesRequests = isolatesRequests
  }

  /** Publishes an eviction: at once, where nothing that the caller began before still waits. */
  async evict<W>(caller: Caller, signal: AbortSignal | undefined, publish: () => Promise<W>): Promise<W> {
    if (!this.#waiting.get(caller)?.size) return publish()
    return this.#inTurn(caller, signal, true, (inOrder) => inOrder(publish))
  }

  /**
   * Sets values: does the work that comes before they are published, and publishes them by the function that it is given.
   * Evictions that the same caller begins meanwhile wait for that.
   * @throws the reason of `signal`, while the write waits for an earlier one.
   */
  async set<R>(
    caller: Caller,
    signal: AbortSignal | undefined,
    work: (inOrder: InOrder) => Promise<R>,
  ): Promise<R> {
    return this.#inTurn(caller, signal, false, work)
  }

  async #inTurn<R>(
    caller: Caller,
    signal: AbortSignal | undefined,
    evicts: boolean,
    work: (inOrder: InOrder) => Promise<R>,
  ): Promise<R> {
    // On Workers no request may wait for a promise of another one.
    if (this.#isolatesRequests && !caller.isOfRequest) return work((publish) => publish())
    const all = this.#waiting.get(caller) ?? new Set()
    this.#waiting.set(caller, all)
    const earlier = [...all].filter((each) => evicts || each.evicts).map((each) => each.left)
    let resolve!: (value?: unknown) => void
    const own: Waiting = { left: new Promise((left) => (resolve = left)), evicts }
    all.add(own)
    const leave = (): void => {
      all.delete(own)
      resolve()
    }
    try {
      return await work(async (publish) => {
        if (earlier.length > 0) {
          const left = Promise.all(earlier)
          await (signal === undefined ? left : untilAborted(signal, () => left))
        }
        const write = publish()
        leave()
        return write
      })
    } finally {
      leave()
    }
  }
}
