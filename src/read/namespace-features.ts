/**
 * The features of a cache, as far as they concern one namespace.
 *
 * @module
 */
import type { HoldTerms } from '../coherence/hold-terms.ts'
import type { Position } from '../ports/kafka-log.ts'
import type { Call, Evicted, FeatureNamespace, Held, HeldValue } from '../api/feature.ts'
import type { CoreHooks, OpenFeature, UpdatesRead } from './core-hooks.ts'

type Values<T> = ReadonlyMap<string, HeldValue<T>>

export class NamespaceFeatures implements HoldTerms {
  readonly #hooks: readonly CoreHooks[]
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

  constructor(all: readonly OpenFeature[], name: string, without: readonly string[]) {
    const hooks = all
      .filter((each) => !without.includes(each.name) && (each.hooks.concerns?.(name) ?? true))
      .map((each) => each.hooks)
    const most = (number: (each: CoreHooks) => number | undefined) =>
      hooks.reduce((max, each) => Math.max(max, number(each) ?? 0), 0)
    this.#hooks = hooks
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
        : (namespace, key, value) => judges.every((each) => each.mayHold!(namespace, key, value))
  }

  /** The call, but for keys that a feature has the values of; without a call, what a read can do without a loader. */
  aroundLoad<T>(
    namespace: FeatureNamespace,
    keys: readonly string[],
    call: Call<T> | undefined,
  ): Call<T> | undefined {
    let around = call
    for (const each of this.#hooks)
      if (each.aroundLoad) around = each.aroundLoad(namespace, keys, around) ?? around
    return around
  }

  /** The values as they will be held. Rejects with what a feature throws: then nothing must be written. */
  async beforeSet<T>(namespace: FeatureNamespace, values: Values<T>, domain?: string): Promise<Values<T>> {
    let kept = values
    for (const each of this.#hooks) if (each.beforeSet) kept = await each.beforeSet(namespace, kept, domain)
    return kept
  }

  /** Tells the features what was held. Resolves with the positions that they have written. */
  async afterHold<T>(namespace: FeatureNamespace, held: Held<T>): Promise<readonly Position[]> {
    const positions = await Promise.all(this.#hooks.map(async (each) => each.afterHold?.(namespace, held)))
    return positions.flatMap((each) => each ?? [])
  }

  async afterEvict(namespace: FeatureNamespace, evicted: Evicted): Promise<void> {
    await Promise.all(this.#hooks.map(async (each) => each.afterEvict?.(namespace, evicted)))
  }
}
