/**
 * A scope: what belongs to one request. Its token, and how its background work is kept alive.
 *
 * @module
 */
import type { Emit } from './events.ts'
import type { Runtime } from './runtime.ts'
import { formatToken, joinTokens, parseToken } from './token.ts'
import type { Token, TokenPositions } from './token.ts'
import type { RequestContext } from './types.ts'

export class Scope {
  readonly #context: RequestContext | undefined
  readonly #runtime: Runtime
  readonly #emit: Emit
  readonly #after: TokenPositions | undefined
  readonly #written = new Map<number, number>()

  /** @throws KedgeError `ERR_TOKEN` when `after` is not a token. */
  constructor(runtime: Runtime, emit: Emit, context?: RequestContext, after?: Token) {
    this.#runtime = runtime
    this.#emit = emit
    this.#context = context
    this.#after = after === undefined ? undefined : parseToken(after)
  }

  /** Whether reads must have passed a token. */
  get requires(): boolean {
    return this.#after !== undefined
  }

  /** The token to hand on; `undefined` where nothing was written, and for what belongs to no request. */
  get token(): Token | undefined {
    if (this.#context === undefined) return undefined
    const after = this.#after && formatToken(this.#after)
    return joinTokens(after, this.#written.size > 0 ? formatToken(this.#written) : undefined)
  }

  /**
   * The position that a read of this partition must have passed.
   * @throws KedgeError `ERR_TOKEN` when `after` is not a token.
   */
  required(partition: number, after: Token | undefined): number {
    const own = this.#after?.get(partition) ?? 0
    return after === undefined ? own : Math.max(own, parseToken(after).get(partition) ?? 0)
  }

  wrote(token: Token): void {
    for (const [partition, offset] of parseToken(token)) {
      this.#written.set(partition, Math.max(offset, this.#written.get(partition) ?? 0))
    }
  }

  /** Keeps the work alive after the request has been answered; its failure is an event. */
  waitUntil(work: Promise<unknown>): void {
    const handled = work.catch((error: unknown) => this.#emit?.({ type: 'background_error', error }))
    try {
      if (this.#context) this.#context.waitUntil(handled)
      else this.#runtime.waitUntil?.(handled)
    } catch (error) {
      // The platform would not: the work goes on for as long as it lets it.
      this.#emit?.({ type: 'background_error', error })
    }
  }
}
