/**
 * A scope: what belongs to one request. Its token, and how its background work is kept alive.
 *
 * @module
 */
import type { Emit } from '../api/events.ts'
import type { Runtime } from '../ports/runtime.ts'
import { joinTokens, raise, readToken, writeToken } from '../wire/token.ts'
import type { Token, TokenParts, TokenPositions } from '../wire/token.ts'
import type { RequestContext, ScopeOptions, ScopeRead } from '../api/read-types.ts'

export class RequestScope {
  readonly #context: RequestContext | undefined
  readonly #runtime: Runtime
  readonly #emit: Emit
  readonly #after: TokenParts | undefined
  readonly #onRead: ScopeOptions['onRead']
  /** Whether a listener gets its reads. */
  readonly isWatched: boolean
  readonly #written = { evictions: new Map<number, number>(), updates: new Map<number, number>() }

  /** @throws KedgeError `ERR_TOKEN` when `after` is not a token. */
  constructor(
    runtime: Runtime,
    emit: Emit,
    context?: RequestContext,
    after?: Token,
    onRead?: ScopeOptions['onRead'],
  ) {
    this.#runtime = runtime
    this.#emit = emit
    this.#context = context
    this.#after = after === undefined ? undefined : readToken(after)
    this.#onRead = onRead
    this.isWatched = onRead !== undefined
  }

  /** Reports a read that is over to the listener. */
  read(read: ScopeRead): void {
    try {
      this.#onRead?.(read)
    } catch {
      // A listener that throws must not break a read.
    }
  }

  /** Whether it is that of one request alone. */
  get isOfRequest(): boolean {
    return this.#context !== undefined
  }

  /** Whether reads must have passed a token. */
  get requires(): boolean {
    return this.#after !== undefined
  }

  /** The token to hand on; `undefined` where nothing was written, and for what belongs to no request. */
  get token(): Token | undefined {
    if (this.#context === undefined) return undefined
    const after = this.#after && writeToken(this.#after)
    return joinTokens(after, this.#written.evictions.size > 0 ? writeToken(this.#written) : undefined)
  }

  /**
   * The position that a read of this partition must have passed.
   * @throws KedgeError `ERR_TOKEN` when `after` is not a token.
   */
  required(partition: number, after: Token | undefined): number {
    const own = this.#after?.evictions.get(partition) ?? 0
    return after === undefined ? own : Math.max(own, readToken(after).evictions.get(partition) ?? 0)
  }

  /**
   * The positions in the updates topic that a read should have passed: what was set there is to be seen.
   * @throws KedgeError `ERR_TOKEN` when `after` is not a token.
   */
  requiredUpdates(after: Token | undefined): TokenPositions | undefined {
    const own = this.#after?.updates
    const given = after === undefined ? undefined : readToken(after).updates
    if (!own?.size || !given?.size) return own?.size ? own : given?.size ? given : undefined
    const both = new Map(own)
    raise(both, given)
    return both
  }

  wrote(token: Token): void {
    // What belongs to no request hands on none.
    if (this.#context === undefined) return
    const { evictions, updates } = readToken(token)
    raise(this.#written.evictions, evictions)
    raise(this.#written.updates, updates)
  }

  /** Keeps the work alive after the request has been answered; its failure is an event. */
  waitUntil(work: Promise<unknown>): void {
    const handled = work.catch((error: unknown) => this.#emit?.({ type: 'background_error', error }))
    try {
      if (this.#context) this.#context.waitUntil(handled)
      else this.#runtime.waitUntil?.(handled)
    } catch (error) {
      // The platform has refused: the work goes on for as long as the platform lets it.
      this.#emit?.({ type: 'background_error', error })
    }
  }
}
