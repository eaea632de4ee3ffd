/**
 * A scope: what belongs to one request. Its token, and how its background work is kept alive.
 *
 * @module
 */
import type { Emit } from '../api/events.ts'
import type { Runtime } from '../ports/runtime.ts'
import { joinParts, readToken, writeToken } from '../wire/token.ts'
import type { Token, TokenParts, TokenPositions } from '../wire/token.ts'
import type { TokenTerms } from './partition.ts'
import type { RequestContext, ScopeOptions, ScopeRead } from '../api/read-types.ts'
import { harmless } from '../runtime/listener.ts'

export class RequestScope {
  readonly #context: RequestContext | undefined
  readonly #runtime: Runtime
  readonly #emit: Emit
  /** What the request's token names. What turns out to be of another log is taken out of it. */
  after: TokenParts | undefined
  readonly #onRead: ScopeOptions['onRead']
  /** Whether a context or the platform takes work that goes on after the request. */
  readonly keepsWork: boolean
  /** Whether a listener gets its reads. */
  readonly isWatched: boolean
  #written: TokenParts | undefined

  /**
   * @param partitions of the evictions topic: what a token says of others is nothing to wait for
   * @throws KedgeError `ERR_TOKEN` when `after` is not a token.
   */
  constructor(
    runtime: Runtime,
    emit: Emit,
    context?: RequestContext,
    after?: Token,
    onRead?: ScopeOptions['onRead'],
    partitions: number = Infinity,
  ) {
    this.#runtime = runtime
    this.#emit = emit
    this.#context = context
    this.after = after === undefined ? undefined : within(readToken(after), (id) => id < partitions)
    this.#onRead = onRead && harmless(onRead)
    this.isWatched = onRead !== undefined
    this.keepsWork = context !== undefined || runtime.waitUntil !== undefined
  }

  get trace(): RequestContext['trace'] {
    return this.#context?.trace
  }

  /** Reports a read that is over to the listener. */
  read(read: ScopeRead): void {
    this.#onRead?.(read)
  }

  /** Whether it is that of one request alone. */
  get isOfRequest(): boolean {
    return this.#context !== undefined
  }

  /** Whether reads must have passed a token. */
  get requires(): boolean {
    return this.after !== undefined
  }

  /** The token to hand on; `undefined` where nothing was written, and for what belongs to no request. */
  get token(): Token | undefined {
    if (this.#context === undefined) return undefined
    const [after, written] = [this.after, this.#written]
    if (written === undefined) return after && after.evictions.size > 0 ? writeToken(after) : undefined
    // A write of this request stands behind all that its token can name in the same partition.
    const rest = after && within(after, (id) => !written.evictions.has(id), written.updates)
    return writeToken(rest && rest.evictions.size > 0 ? joinParts(rest, written) : written)
  }

  /**
   * What a read of this partition must have passed.
   * @throws KedgeError `ERR_TOKEN` when `after` is not a token.
   */
  required(partition: number, after: Token | undefined): TokenTerms {
    if (this.after === undefined && after === undefined) return NO_DEMAND
    const own = demandOf(this.after, partition)
    if (after === undefined) return own
    const parts = readToken(after)
    const given = demandOf(parts, partition)
    if (own.required === 0) return given
    if (given.required === 0) return own
    return demandOf(joinParts(this.after!, parts), partition)
  }

  /** Hands on no more what the request's token says of a partition, where that is not of its log. */
  release(partition: number, isForeign: (demand: TokenTerms) => boolean): void {
    const demand = demandOf(this.after, partition)
    if (demand.required > 0 && isForeign(demand)) this.after = within(this.after!, (id) => id !== partition)
  }

  wrote(token: Token): void {
    // What belongs to no request hands on none.
    if (this.#context === undefined) return
    const parts = readToken(token)
    this.#written = this.#written === undefined ? parts : joinParts(this.#written, parts)
  }

  /** Keeps the work alive after the request has been answered; its failure is an event. */
  waitUntil(work: Promise<unknown>): void {
    const failed = (error: unknown) => this.#emit?.({ type: 'background_error', error })
    const handled = work.catch(failed)
    try {
      if (this.#context) this.#context.waitUntil(handled)
      else this.#runtime.waitUntil?.(handled)
    } catch (error) {
      // The platform has refused: the work goes on for as long as the platform lets it.
      failed(error)
    }
  }
}

/** The part of a token that concerns these partitions, without the positions of values in `replaced`. */
function within(
  { evictions, updates, log }: TokenParts,
  keeps: (partition: number) => boolean,
  replaced: TokenPositions = new Map(),
): TokenParts {
  return {
    evictions: new Map([...evictions].filter(([id]) => keeps(id))),
    updates: new Map([...updates].filter(([id]) => !replaced.has(id))),
    log,
  }
}

const NO_DEMAND: TokenTerms = { required: 0, log: undefined }

function demandOf(parts: TokenParts | undefined, partition: number): TokenTerms {
  const required = parts?.evictions.get(partition) ?? 0
  return required === 0 ? NO_DEMAND : { required, log: parts!.log }
}
