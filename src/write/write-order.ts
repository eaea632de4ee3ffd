/**
 * The order of a caller's writes, where some of them wait before they are published: for a feature, or for the first contact
 * with the log. A `delete` that is called after a `set` must not reach the log before it, nor a later `set` before that.
 *
 * @module
 */
import { untilAborted } from '../runtime/abort.ts'
import type { AffectedKeys } from './affected-keys.ts'
import { isUnanswered } from './publish-deadline.ts'
import { notSent } from './write-errors.ts'

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
  readonly write: Ordered
}

/**
 * Values of these keys are set, or keys are evicted, in this namespace; in all where it is `undefined`. Values do not wait for
 * each other: many go out in one request.
 */
type Ordered = { readonly ns: string | undefined } & (
  | { readonly keys: readonly string[] }
  | { readonly evicts: AffectedKeys }
)

/** Whether one of two writes must not overtake the other. */
function meet(one: Ordered, other: Ordered): boolean {
  if (one.ns !== other.ns && one.ns !== undefined && other.ns !== undefined) return false
  if ('evicts' in one) return 'keys' in other && other.keys.some((key) => one.evicts.loading(key))
  return 'evicts' in other && meet(other, one)
}

export class WriteOrder {
  readonly #waiting = new WeakMap<Caller, Set<Waiting>>()
  readonly #isolatesRequests: boolean

  constructor(isolatesRequests: boolean) {
    this.#isolatesRequests = isolatesRequests
  }

  /**
   * Publishes an eviction, or what announces one: at once, where no value that the caller set before, and that it evicts,
   * still waits.
   */
  async evict<W>(
    caller: Caller,
    ns: string | undefined,
    evicts: AffectedKeys,
    signal: AbortSignal | undefined,
    publish: () => Promise<W>,
  ): Promise<W> {
    if (!this.#waiting.get(caller)?.size) return publish()
    return this.#inTurn(caller, { ns, evicts }, signal, (inOrder) => inOrder(publish))
  }

  /**
   * Sets values: does the work that comes before they are published, and publishes them by the function that it is given.
   * Evictions of these keys that the same caller begins meanwhile wait for that.
   * @throws the reason of `signal`; KedgeError `ERR_PUBLISH` where the time of the write is over before it was published
   */
  async set<R>(
    caller: Caller,
    ns: string,
    keys: readonly string[],
    signal: AbortSignal | undefined,
    work: (inOrder: InOrder) => Promise<R>,
  ): Promise<R> {
    return this.#inTurn(caller, { ns, keys }, signal, work)
  }

  async #inTurn<R>(
    caller: Caller,
    write: Ordered,
    signal: AbortSignal | undefined,
    work: (inOrder: InOrder) => Promise<R>,
  ): Promise<R> {
    // On Workers no request may wait for a promise of another one.
    if (this.#isolatesRequests && !caller.isOfRequest) return work((publish) => publish())
    const all = this.#waiting.get(caller) ?? new Set()
    this.#waiting.set(caller, all)
    const earlier = [...all].filter((each) => meet(write, each.write)).map((each) => each.left)
    let resolve!: (value?: unknown) => void
    const own: Waiting = { left: new Promise((left) => (resolve = left)), write }
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
        const published = publish()
        leave()
        return published
      })
    } catch (error) {
      throw all.has(own) && isUnanswered(error) ? notSent(error) : error
    } finally {
      leave()
    }
  }
}
