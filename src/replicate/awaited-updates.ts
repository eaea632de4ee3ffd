/**
 * Reads that wait for values that were set: until the updates topic has been read as far as their token says.
 *
 * @module
 */
import type { RequestScope } from '../coherence/request-scope.ts'
import type { UpdatesRead } from '../read/core-hooks.ts'
import type { ReaderContext } from '../read/reader.ts'
import { raise, readToken } from '../wire/token.ts'
import type { Token, TokenPositions } from '../wire/token.ts'

/** The updates topic, as far as it has been read. */
export interface UpdatesPassed {
  /** Whether every value that the token names has been read. */
  passed(required: TokenPositions): boolean
  /**
   * Whether the topic has, or may have, records of the token that have not been read yet: where it was not looked at since
   * this moment of the cache's clock, it may.
   */
  lags(required: TokenPositions, since: number): boolean
}

export class AwaitedUpdates implements UpdatesRead {
  readonly #updates: UpdatesPassed
  readonly #context: Pick<ReaderContext, 'follower' | 'shared'>

  constructor(updates: UpdatesPassed, context: Pick<ReaderContext, 'follower' | 'shared'>) {
    this.#updates = updates
    this.#context = context
  }

  required(scope: RequestScope, after: Token | undefined): TokenPositions | undefined {
    const own = scope.after?.updates
    const given = after === undefined ? undefined : readToken(after).updates
    if (!own?.size || !given?.size) return own?.size ? own : given?.size ? given : undefined
    const both = new Map(own)
    raise(both, given)
    return both
  }

  async arrival(
    awaited: TokenPositions,
    scope: RequestScope,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { follower, shared } = this.#context
    const updates = this.#updates
    const { clock, settings } = shared
    const since = clock.now()
    const passed = () => updates.passed(awaited)
    // A topic that is slow is read beside the polls: they do not wait for it.
    for (let { next } = follower, pauseMs = 5; !passed(); next = follower.next, pauseMs *= 2) {
      await follower.reach(passed, scope, signal)
      // The ends were sampled after this read began: a token beyond them is of another log, or forged.
      const isOver = !updates.lags(awaited, since)
      if (isOver) releaseUpdates(scope, (positions) => !updates.passed(positions))
      const leftMs = since + settings.pollTimeoutMs - clock.now()
      // And the log is left alone after a failure.
      if (isOver || leftMs <= 0 || follower.next === next) return
      await settings.runtime.sleep(Math.min(pauseMs, leftMs), signal)
    }
  }
}

/** Hands on no more what the request's token says of a partition of the updates topic, where that is not of its log. */
export function releaseUpdates(scope: RequestScope, isForeign: (positions: TokenPositions) => boolean): void {
  const { after } = scope
  if (after === undefined) return
  const updates = [...after.updates].filter((each) => !isForeign(new Map([each])))
  scope.after = { ...after, updates: new Map(updates) }
}
