/**
 * The gate before what is held: whether a read may have it, and how long it waits for a proof.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { Follower } from '../coherence/follower.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { TokenTerms } from '../coherence/partition.ts'
import { pauseEnds } from '../coherence/unreadable-records.ts'
import type { RequestScope } from '../coherence/request-scope.ts'

/** How much of what is held a read may serve. */
export type ServeLevel =
  /** Nothing was held when the read asked: a value that is held since then has not been judged. */
  | 'none'
  /** All of it: every eviction that was acknowledged `maxStaleness` ago is known. */
  | 'proved'
  /** Freshness could not be proved, but `onUnreachable` says to serve it all the same. */
  | 'outage'
  /** None of it. */
  | 'bypass'

/** What a read must know of the log before what is held is proved for it. */
export interface ProofTerms {
  /** What its token demands. */
  readonly token: TokenTerms
  /** When the read began. */
  readonly since: number
  /** The number of the first poll that begins after the read. */
  readonly next: number
}

/** What the gate needs to know of a read. */
export interface ReadTerms extends ProofTerms {
  readonly scope: RequestScope
  readonly signal: AbortSignal | undefined
}

export class FreshnessGate {
  readonly #space: CoherentStore<unknown>
  readonly #shared: CacheContext
  readonly #follower: Follower

  constructor(space: CoherentStore<unknown>, shared: CacheContext, follower: Follower) {
    this.#space = space
    this.#shared = shared
    this.#follower = follower
  }

  /**
   * Decides how much of what is held the read may serve; waits for a poll where that helps and has a use.
   *
   * @param isHeld whether there is anything to serve at this moment
   */
  async level(isHeld: boolean, asking: ReadTerms, next: number = asking.next): Promise<ServeLevel> {
    const { scope, token, signal } = asking
    const shared = this.#shared
    const follower = this.#follower
    const { partition } = this.#space
    const { maxOutageMs, onUnreachable } = shared.settings
    const since = shared.clock.now()
    const terms: ProofTerms = { token, since, next }
    const proved = () => this.isProved(terms)
    if (proved()) return this.#proved(asking)
    // A miss does not wait: its load is fresh anyway, and the poll runs beside it. Unless there may be a write that the
    // source does not have yet.
    const isFresh = this.#space.intents.maxMs === 0
    // An isolate that begins while the log is away holds nothing yet, and would otherwise ask the source each time.
    const throws = onUnreachable === 'throw' && this.#isCold(since)
    if (!isHeld && isFresh && !throws) return this.isLost(since) ? 'bypass' : 'none'
    if (await follower.reach(proved, scope, signal)) return this.#proved(asking)
    // Beyond what cannot be read, a load past the cache for each token would cost more than the wait.
    if (await pauseEnds([partition], next, shared, Infinity, signal))
      if (await follower.reach(proved, scope, signal)) return this.#proved(asking)
    const polled = partition.provedBy >= next || partition.unreadable.hasStopped(next)
    if (onUnreachable === 'throw' && !polled) {
      const { error: cause } = follower.freshness()
      throw new KedgeError('ERR_UNREACHABLE', 'freshness could not be proved in time', {
        cause,
        retryable: true,
      })
    }
    // What is held before the first contact lives no longer than `maxOutage` anyway.
    const isRecent = !partition.hasPosition || shared.clock.now() - partition.freshAt <= maxOutageMs
    const bearable = onUnreachable === 'stale' && isRecent
    return partition.hasApplied(token) && bearable ? 'outage' : 'bypass'
  }

  /** A token that was passed without being of this log is not handed on: each request with it would cost a poll. */
  #proved({ scope, token }: ReadTerms): ServeLevel {
    const { partition } = this.#space
    if (!partition.hasApplied(token)) {
      const { id, tail: end } = partition
      this.#shared.settings.emit?.({ type: 'token_ahead', partition: id, offset: token.required, end })
      scope.release(id, (demand) => !partition.hasApplied(demand))
    }
    return 'proved'
  }

  /** Whether this isolate knows every eviction that a read which began at `since` must know. */
  isProved({ token, since, next }: ProofTerms): boolean {
    const { partition, awaitsPast } = this.#space
    // The last is what makes `maxStaleness: 0` mean something: a poll that began after this call.
    return (
      partition.hasPassed(token, next) &&
      !awaitsPast &&
      (since - partition.freshAt < this.#shared.settings.maxStalenessMs || partition.provedBy >= next)
    )
  }

  /** Whether the log has been out of reach for longer than what is held may be served. */
  isLost(now: number = this.#shared.clock.now()): boolean {
    const { maxStalenessMs, maxOutageMs, onUnreachable } = this.#shared.settings
    const bearableMs = onUnreachable === 'stale' ? maxOutageMs : maxStalenessMs
    return (this.#follower.failing || this.#isCold(now)) && now - this.#space.partition.freshAt > bearableMs
  }

  /** How long a value that is loaded now may be held before the first contact; `undefined` where it must not be. */
  coldMs(): number | undefined {
    const { maxOutageMs, onUnreachable } = this.#shared.settings
    // A source that lags may answer with what was evicted `settle` ago, and no eviction is known here.
    const leftMs = maxOutageMs - this.#space.settings.settleMs
    return onUnreachable === 'stale' && leftMs > 0 && this.#isCold() ? leftMs : undefined
  }

  /** Whether the log was never reached, though it had the time to answer. */
  #isCold(now: number = this.#shared.clock.now()): boolean {
    return !this.#space.partition.hasPosition && this.#follower.isSilent(now)
  }
}
