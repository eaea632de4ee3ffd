/**
 * The follower: when polls happen, and how long a request waits for one.
 *
 * No timer runs: a request or a read that finds a poll due starts it (decision 5). Where promises may be shared,
 * callers share the poll under way; on Workers they look at the state that it leaves, by timers of their own, and
 * start another one when it takes too long: its request may be gone (decision 6).
 *
 * @module
 */
import { awaitAhead } from './ahead.ts'
import { settledWithin } from '../runtime/deadline.ts'
import { KedgeError, isKedgeError } from '../ports/errors.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import type { PollContext, ReadPast } from './log-identity.ts'
import { pauseMs } from '../runtime/retry.ts'
import { Partition } from './partition.ts'
import { poll } from './poll.ts'
import type { PollRun } from './poll-run.ts'
import { ProofHook, type PollFeature } from './proof-hooks.ts'
import type { FeatureScope } from '../api/feature.ts'
import { lastingIn, longestWaitMs, pauseEnds } from './unreadable-records.ts'
import { sharedAgeMs } from './shared-age.ts'
import { SlowPolls } from './slow-polls.ts'
import type { Freshness } from '../api/cache-types.ts'

const BACKOFF = { firstMs: 100, maxMs: 5000, maxAskedMs: 30_000 }
/** On Workers: the part of `pollTimeout` after which a request stops relying on the poll of another. */
const SHARED_POLL_FRACTION = 0.5
/** The shortest pause between the polls of `follow()`, whatever `refreshAfter` says. */
const MIN_FOLLOW_MS = 10
/** A poll may run longer than its callers wait, by this factor. */
const POLL_DEADLINE_FACTOR = 4

export class Follower {
  readonly partitions: Map<number, Partition> = new Map()
  readonly #context: PollContext
  readonly #features: readonly { readonly hooks: PollFeature }[]
  #hooks: readonly ProofHook[] | undefined
  #run: PollRun | undefined
  /** The number of the next poll to begin: one with this number or a higher one knows all that is known now. */
  next = 0
  /** The number of the latest poll that succeeded. */
  #succeeded = -1
  /** Since when polls have been started of which none has succeeded yet. */
  #silentSince: number | undefined
  #failures = 0
  #retryAt = -Infinity
  #error: unknown
  readonly #lifecycle: Lifecycle
  readonly #slow: SlowPolls
  /** How old bounds that others have sampled may be. */
  readonly #maxAgeMs: number

  constructor(
    context: PollContext,
    features: readonly { readonly hooks: PollFeature }[],
    lifecycle: Lifecycle,
  ) {
    const readPast: ReadPast = async (...terms) =>
      features.find(({ hooks }) => hooks.readPast)?.hooks.readPast!(...terms)
    this.#context = { ...context, readPast }
    this.#features = features
    this.#slow = new SlowPolls(context.settings)
    this.#lifecycle = lifecycle
    const { log, maxStalenessMs, refreshAfterMs } = context.settings
    this.#maxAgeMs = log.capabilities.shared ? sharedAgeMs(maxStalenessMs, refreshAfterMs) : 0
  }

  partition(id: number): Partition {
    const partition = this.partitions.get(id) ?? new Partition(id)
    this.partitions.set(id, partition)
    return partition
  }

  /** Milliseconds since the oldest proof; `Infinity` before the first. */
  age(now: number): number {
    let freshAt = Infinity
    for (const partition of this.partitions.values()) freshAt = Math.min(freshAt, partition.freshAt)
    return this.partitions.size === 0 ? Infinity : now - freshAt
  }

  /** Whether the last poll failed. */
  get failing(): boolean {
    return this.#failures > 0
  }

  /** Whether the log does not answer: the last poll failed, or for `pollTimeout` none has succeeded. */
  isSilent(now: number): boolean {
    const since = this.#silentSince
    return this.failing || (since !== undefined && now - since >= this.#context.settings.pollTimeoutMs)
  }

  freshness(): Freshness {
    const now = this.#context.clock.now()
    const ageMs = this.age(now)
    const partitions = [...this.partitions.values()]
    const lag = partitions.reduce((sum, { tail, position }) => sum + tail - position, 0)
    const error = this.#error !== undefined && { error: this.#error }
    const proved = ageMs <= this.#context.settings.maxStalenessMs
    return { proved, ageMs, lag, ...error, ...lastingIn(partitions, now) }
  }

  /** A request boundary: starts a poll in the background if one is due. */
  touch(scope: FeatureScope, now: number): void {
    const { refreshAfterMs } = this.#context.settings
    const run = this.#run
    // A shared proof may be that old when it comes: to ask again at once would find the same one.
    if (run?.state === 'succeeded' && run.maxAgeMs > 0 && now - run.startedAt < refreshAfterMs) return
    for (const { freshAt, unreadable } of this.partitions.values())
      if (now - freshAt >= refreshAfterMs && unreadable.waitMs(now) === 0) return void this.#join(scope, now)
  }

  /** Polls until `done`, at most `pollTimeout`. Resolves with whether it is. */
  async reach(
    done: () => boolean,
    scope: FeatureScope,
    signal?: AbortSignal,
    since: number = this.#context.clock.now(),
    maxAgeMs: number = this.#maxAgeMs,
  ): Promise<boolean> {
    let ageMs = maxAgeMs
    const { clock, settings } = this.#context
    const { runtime, pollTimeoutMs } = settings
    const { next } = this
    let lookMs = 5
    while (!done()) {
      signal?.throwIfAborted()
      const now = clock.now()
      const mine = this.#run
      const run = this.#join(scope, now, ageMs)
      if (run === undefined) return false
      const leftMs = Math.min(since, run.startedAt) + pollTimeoutMs - now
      if (leftMs <= 0) return false
      if (!runtime.isolatesRequests || run !== mine) {
        if (!(await settledWithin(runtime, run.settled, leftMs, signal)) && !runtime.isolatesRequests)
          return done()
      } else {
        await runtime.sleep(Math.min(leftMs, lookMs), signal)
        lookMs = Math.min(50, lookMs * 2)
      }
      if (run.state !== 'succeeded' || run.number < next) continue
      // A poll that began after this call has read all that was in the log before it, unless others have sampled its bounds.
      if (run.maxAgeMs === 0) return done()
      ageMs = 0
    }
    return true
  }

  /** Polls now, at most `pollTimeout`. Whether all is proved as of this call: not where a poll stops before garbage. */
  async sync(scope: FeatureScope, signal?: AbortSignal): Promise<boolean> {
    return this.reach(this.#provedSince(this.next), scope, signal, undefined, 0)
  }

  /** The same for a caller that wants all of the log: waits for the end of a pause of polls that lies within `pollTimeout`. */
  async syncAll(scope: FeatureScope, signal?: AbortSignal): Promise<boolean> {
    const { next } = this
    const since = this.#context.clock.now()
    const proved = this.#provedSince(next)
    if (await this.reach(proved, scope, signal, since, 0)) return true
    const until = since + this.#context.settings.pollTimeoutMs
    const isOver = await pauseEnds(this.partitions.values(), next, this.#context, until, signal)
    return isOver && this.reach(proved, scope, signal, since, 0)
  }

  /** Whether polls from this number on have proved every partition. */
  #provedSince(next: number): () => boolean {
    return () => [...this.partitions.values()].every(({ provedBy }) => provedBy >= next)
  }

  get #deadlineMs(): number {
    return this.#context.settings.pollTimeoutMs * POLL_DEADLINE_FACTOR
  }

  /** Polls in a loop until aborted, or the cache is closed. */
  async follow(scope: FeatureScope, signal: AbortSignal): Promise<void> {
    await this.#lifecycle.during((stop) => this.#loop(scope, stop), signal)
  }

  async #loop(scope: FeatureScope, stop: AbortSignal): Promise<void> {
    const { clock, settings } = this.#context
    while (!stop.aborted) {
      const since = clock.now()
      try {
        const run = this.partitions.size > 0 ? this.#join(scope, since) : undefined
        if (run) await settledWithin(settings.runtime, run.settled, Infinity, stop)
        const now = clock.now()
        const waitMs = Math.max(settings.refreshAfterMs, MIN_FOLLOW_MS, this.#retryAt - now)
        const stoppedMs = longestWaitMs(this.partitions.values(), now)
        // A long poll would return at once: the record that the poll has stopped before is there.
        if (stoppedMs > 0) await settings.runtime.sleep(Math.max(stoppedMs, MIN_FOLLOW_MS), stop)
        else if (run?.state === 'succeeded' && settings.log.capabilities.longPoll) {
          await awaitAhead(
            this.#context,
            this.partitions.values(),
            { waitMs, deadlineMs: this.#deadlineMs },
            stop,
          )
          // A busy log answers each long poll at once: so many polls a second are enough for what it brings.
          const earlyMs = run.startedAt + MIN_FOLLOW_MS - clock.now()
          if (earlyMs > 0) await settings.runtime.sleep(earlyMs, stop)
        } else await settings.runtime.sleep(waitMs, stop)
      } catch (error) {
        if (!stop.aborted) this.#failed(error, since, scope)
      }
    }
  }

  /** The poll under way if its bounds are young enough, or a new one; `undefined` while the log is left alone after a failure. */
  #join(scope: FeatureScope, now: number, maxAgeMs: number = this.#maxAgeMs): PollRun | undefined {
    const { runtime, pollTimeoutMs } = this.#context.settings
    const run = this.#run
    const isLost =
      runtime.isolatesRequests &&
      run !== undefined &&
      now - run.startedAt > pollTimeoutMs * SHARED_POLL_FRACTION
    if (run?.state === 'running' && !isLost && run.maxAgeMs <= maxAgeMs) return run
    if (now < this.#retryAt || this.partitions.size === 0 || this.#lifecycle.closed) return undefined
    const next: PollRun = {
      number: this.next++,
      startedAt: now,
      maxAgeMs,
      state: 'running',
      settled: Promise.resolve(),
    }
    this.#run = next
    this.#silentSince ??= now
    next.settled = this.#poll(next, scope)
    scope.waitUntil(next.settled)
    return next
  }

  async #poll(run: PollRun, scope: FeatureScope): Promise<void> {
    const { clock, settings, counters } = this.#context
    const hooks = this.#proofHooks()
    let applies: readonly (() => Promise<void>)[] = []
    let began = Infinity
    let isAnswered = false
    try {
      const expired = () =>
        new KedgeError('ERR_TIMEOUT', 'the log did not answer a poll in time', { retryable: true })
      const proof = async (signal: AbortSignal) => {
        await Promise.all(hooks.map((hook) => hook.read(scope, run.maxAgeMs)))
        signal.throwIfAborted()
        applies = hooks.flatMap((hook) => hook.take(scope))
        began = clock.now()
        const partitions = [...this.partitions.values()]
        const onAnswer = () => (isAnswered = true)
        const found = await poll(this.#context, partitions, run.number, signal, onAnswer, run.maxAgeMs)
        this.#took(began)
        return found
      }
      const found = await this.#lifecycle.within(this.#deadlineMs, expired, ({ signal }) => proof(signal))
      run.state = 'succeeded'
      this.#succeeded = Math.max(this.#succeeded, run.number)
      this.#failures = 0
      this.#silentSince = undefined
      this.#retryAt = -Infinity
      this.#error = undefined
      counters.polls++
      if (found.ageMs > 0) counters.sharedPolls++
      settings.emit?.({ type: 'poll', durationMs: clock.now() - run.startedAt, ...found }, scope.trace)
    } catch (error) {
      run.state = 'failed'
      const isLate = isKedgeError(error) && error.code === 'ERR_TIMEOUT'
      if (isAnswered && isLate) this.#took(began)
      // A poll that began later may have succeeded meanwhile.
      if (run.number >= this.#succeeded) this.#failed(error, run.startedAt, scope)
      return
    }
    const left = settings.log.settled?.()
    if (left) scope.waitUntil(left)
    // The proof stands, whatever becomes of them.
    await Promise.all(applies.map((apply) => apply()))
  }

  /** Those of the features that have any: made at the first poll, when all features are open. */
  #proofHooks(): readonly ProofHook[] {
    const context = { ...this.#context, lifecycle: this.#lifecycle }
    return (this.#hooks ??= this.#features.flatMap(({ hooks }) =>
      hooks.beforeProof ? [new ProofHook((...terms) => hooks.beforeProof!(...terms), context)] : [],
    ))
  }

  #took(began: number): void {
    const now = this.#context.clock.now()
    this.#slow.took(now - began, now)
  }

  #failed(error: unknown, since: number, scope: FeatureScope): void {
    const { clock, settings, counters } = this.#context
    const now = clock.now()
    const retryInMs = pauseMs(BACKOFF, this.#failures++, error, settings.runtime.random())
    this.#retryAt = now + retryInMs
    this.#error = error
    counters.pollFailures++
    const durationMs = now - since
    settings.emit?.({ type: 'poll_failed', error, ageMs: this.age(now), retryInMs, durationMs }, scope.trace)
  }
}
