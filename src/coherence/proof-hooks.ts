/**
 * The hooks of features around a proof: what they read before it is applied right after it. Kafka may answer while a
 * feature hangs, so reads wait for a hook no longer than they can bear, and what comes later is for a later proof.
 *
 * @module
 */
import type { FeatureScope } from '../api/feature.ts'
import type { Settings } from '../api/settings.ts'
import { KedgeError } from '../ports/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import { settledWithin } from '../runtime/deadline.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import { backoffMs } from '../runtime/retry.ts'
import type { ReadPast } from './log-identity.ts'

/** What polls ask of the features of a cache. */
export interface PollFeature {
  /** Called before a proof, and what it returns after one that began later. What it rejects with is reported. */
  beforeProof?(signal: AbortSignal, maxAgeMs: number): Promise<() => Promise<void>>
  readonly readPast?: ReadPast
}

interface HookContext {
  readonly settings: Settings
  readonly clock: Clock
  readonly lifecycle: Lifecycle
}

/** A proof waits for a hook for this part of `pollTimeout`: readers wait for the proof no longer than all of it. */
const WAIT_FRACTION = 0.5
/** After so many times `pollTimeout` a hook is given up. */
const LIMIT_FACTOR = 2
/** How long a hook that was given up is left out. */
const REST = { firstMs: 1000, maxMs: 32_000 }

export class ProofHook {
  readonly #hook: NonNullable<PollFeature['beforeProof']>
  readonly #context: HookContext
  readonly #reading: Patience
  readonly #applying: Patience
  /** What it has read: to be applied after the next proof that begins. */
  #found: (() => Promise<void>) | undefined
  /** It is busy, or left out, until this moment of the cache's clock. On Workers its request may be gone meanwhile. */
  #restsUntil = -Infinity
  #givenUp = 0

  constructor(hook: NonNullable<PollFeature['beforeProof']>, context: HookContext) {
    this.#hook = hook
    this.#context = context
    this.#reading = new Patience(context)
    this.#applying = new Patience(context)
  }

  /** Has it read. Resolves once it has, or the proof can wait no longer. Never rejects. */
  async read(scope: FeatureScope, maxAgeMs: number): Promise<void> {
    if (this.#found !== undefined || this.#context.clock.now() < this.#restsUntil) return
    await this.#reading.wait(
      this.#run(
        async (signal) => this.#hook(signal, maxAgeMs),
        (found) => (this.#found = found),
      ),
      scope,
    )
  }

  /**
   * What is to be done after the proof that begins now. What is read from here on is for a later proof: evictions that are
   * newer than what was read judge it.
   */
  take(scope: FeatureScope): readonly (() => Promise<void>)[] {
    const found = this.#found
    this.#found = undefined
    if (found === undefined) return []
    return [
      () =>
        this.#applying.wait(
          this.#run(
            async () => found(),
            () => (this.#givenUp = 0),
          ),
          scope,
        ),
    ]
  }

  /** Runs what the feature does, and gives it up where it takes too long. What fails is reported. Never rejects. */
  async #run<R>(task: (signal: AbortSignal) => Promise<R>, done: (result: R) => void): Promise<void> {
    const { clock, lifecycle, settings } = this.#context
    const limitMs = settings.pollTimeoutMs * LIMIT_FACTOR
    let isLate = false
    const late = () => {
      isLate = true
      return new KedgeError('ERR_TIMEOUT', 'a feature did not settle in time around a proof', {
        retryable: true,
      })
    }
    this.#restsUntil = clock.now() + limitMs
    try {
      done(await lifecycle.within(limitMs, late, ({ signal }) => task(signal)))
      this.#restsUntil = -Infinity
    } catch (error) {
      this.#restsUntil = isLate ? clock.now() + backoffMs(REST, this.#givenUp++) : -Infinity
      if (!lifecycle.closed) settings.emit?.({ type: 'background_error', error })
    }
  }
}

/** Waits for work, and not at all for what was late the last time: what is slow once mostly is again. */
class Patience {
  readonly #context: HookContext
  #wasLate = false

  constructor(context: HookContext) {
    this.#context = context
  }

  /** @param work never rejects */
  async wait(work: Promise<void>, scope: FeatureScope): Promise<void> {
    const { clock, settings } = this.#context
    const ms = settings.pollTimeoutMs * WAIT_FRACTION
    const since = clock.now()
    const { runtime } = settings
    const heard = work.then(() => void (this.#wasLate = clock.now() - since > ms))
    scope.waitUntil(heard)
    if (!this.#wasLate) await settledWithin(runtime, heard, ms)
  }
}
