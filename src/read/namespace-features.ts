/**
 * The features of a cache, as far as they concern one namespace.
 *
 * @module
 */
import type { HoldTerms } from '../coherence/hold-terms.ts'
import type { Position } from '../ports/kafka-log.ts'
import type { Evicted, FeatureHost, FeatureNamespace, FeatureScope, Held, HeldValue } from '../api/feature.ts'
import { untilAborted } from '../runtime/abort.ts'
import { settledWithin } from '../runtime/deadline.ts'
import { checkedValues } from './checked-values.ts'
import { SignalAlone } from '../runtime/stop.ts'
import type { CoreHooks, OpenFeature, UpdatesRead } from './core-hooks.ts'
import type { ReadCall } from './flight.ts'

type Values<T> = ReadonlyMap<string, HeldValue<T>>

export class NamespaceFeatures implements HoldTerms {
  readonly #hooks: readonly CoreHooks[]
  /** Those that change values before they are set. */
  readonly #setters: readonly OpenFeature[]
  readonly #runtime: FeatureHost['runtime']
  readonly #failed: FeatureHost['failed']
  /** Those that are sources of values. */
  readonly sources: readonly CoreHooks[]
  /** How long a loader waits for them. */
  readonly sourceTimeoutMs: number
  readonly updates: UpdatesRead | undefined
  readonly intentsMs: number
  readonly lookBack: number
  readonly mayHold: HoldTerms['mayHold']
  /** Whether anything is to be done with what was held. */
  readonly followsHolds: boolean

  constructor(
    all: readonly OpenFeature[],
    name: string,
    without: readonly string[],
    { runtime, failed }: FeatureHost,
  ) {
    this.#runtime = runtime
    this.#failed = failed
    const features = all.filter((each) =>
      this.#attempt(true, () => !without.includes(each.name) && (each.hooks.concerns?.(name) ?? true)),
    )
    const hooks = features.map((each) => each.hooks)
    const most = (number: (each: CoreHooks) => number | undefined) =>
      hooks.reduce((max, each) => Math.max(max, number(each) ?? 0), 0)
    this.#hooks = hooks
    this.#setters = features.filter((each) => each.hooks.beforeSet !== undefined)
    this.sources = hooks.filter((each) => each.source !== undefined)
    this.sourceTimeoutMs = most((each) => each.sourceTimeoutMs)
    this.updates = hooks.find((each) => each.updates !== undefined)?.updates
    this.intentsMs = most((each) => each.intentsMs?.(name))
    this.lookBack = most((each) => each.lookBack)
    this.followsHolds = hooks.some((each) => each.afterHold !== undefined)
    const judges = hooks.filter((each) => each.mayHold !== undefined)
    this.mayHold =
      judges.length === 0
        ? undefined
        : (namespace, key, value) =>
            // What one cannot judge is not held.
            this.#attempt(false, () => judges.every((each) => each.mayHold!(namespace, key, value)))
  }

  /** The call, but for keys that a feature has the values of; without a call, what a read can do without a loader. */
  aroundLoad<T>(
    namespace: FeatureNamespace,
    keys: readonly string[],
    call: ReadCall<T> | undefined,
    scope: FeatureScope,
  ): ReadCall<T> | undefined {
    if (this.#hooks.length === 0) return call
    const own = call?.many
    let around = own
    for (const each of this.#hooks) {
      const before = around
      around = this.#attempt(before, () => each.aroundLoad?.(namespace, keys, before, scope) ?? before)
    }
    if (around === undefined || around === own) return call
    const outer = around
    // The core's own context could end the load.
    return { many: (asked, context) => outer(asked, new SignalAlone(context)) }
  }

  /**
   * The values as they will be held: at once, where no feature has a say. Rejects with what a feature throws, and for what it
   * may not return: then nothing must be written.
   */
  beforeSet<T>(
    namespace: FeatureNamespace,
    values: Values<T>,
    domain: string | undefined,
    signal: AbortSignal | undefined,
  ): Values<T> | Promise<Values<T>> {
    if (this.#setters.length === 0) return values
    const task = async (): Promise<Values<T>> => {
      let kept = values
      for (const { name, hooks } of this.#setters) {
        const made: unknown = await hooks.beforeSet!(namespace, kept, domain, signal)
        kept = checkedValues<T>(made, kept, `beforeSet of ${name}`, namespace.name)
      }
      return kept
    }
    return signal === undefined ? task() : untilAborted(signal, task)
  }

  /**
   * Tells the features what was held. Resolves with the positions that they have written. Rejects for a value that was
   * set: its truth is the log, so what was not written there must not go unnoticed.
   */
  async afterHold<T>(namespace: FeatureNamespace, held: Held<T>): Promise<readonly Position[]> {
    if (this.#hooks.length === 0) return []
    const tell = async (each: CoreHooks) => {
      try {
        return (await each.afterHold?.(namespace, held)) ?? []
      } catch (error) {
        if (held.by === 'set') throw error
        this.#failed(error)
        return []
      }
    }
    return (await this.#tellAll(tell, held.signal)).flat()
  }

  /**
   * Tells the features what was evicted. Resolves with whether all have done what follows it, before the signal ended
   * the wait; rejects never, because the eviction was acknowledged.
   */
  async afterEvict(namespace: FeatureNamespace, evicted: Evicted): Promise<boolean> {
    if (this.#hooks.length === 0) return true
    const { signal } = evicted
    const tell = async (each: CoreHooks) => {
      try {
        await each.afterEvict?.(namespace, evicted)
      } catch (error) {
        if (signal?.aborted !== true) this.#failed(error)
      }
    }
    await this.#tellAll(tell, signal).catch(() => undefined)
    return signal?.aborted !== true
  }

  /** Waits for all of them, or for the signal. */
  async #tellAll<R>(
    tell: (each: CoreHooks) => Promise<R>,
    signal: AbortSignal | undefined,
  ): Promise<readonly R[]> {
    const told = Promise.all(this.#hooks.map(tell))
    // Where the signal ends the wait, a failure that comes later has no other handler.
    told.catch(() => undefined)
    await settledWithin(this.#runtime, told, Infinity, signal)
    return told
  }

  /** What the hook of a feature returns; `otherwise` where it throws, which is reported. */
  #attempt<R>(otherwise: R, hook: () => R): R {
    try {
      return hook()
    } catch (error) {
      this.#failed(error)
      return otherwise
    }
  }
}
