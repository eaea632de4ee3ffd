/** What one isolate holds, made of the product's own parts, on a clock that stands still until it is moved. */
import { CoherentStore } from '../../src/coherence/coherent-store.ts'
import type { Candidate } from '../../src/coherence/candidate.ts'
import type { CacheContext } from '../../src/coherence/cache-context.ts'
import type { RefuseReason } from '../../src/api/reasons.ts'
import type { NamespaceOptions } from '../../src/api/options.ts'
import { MarkLimit } from '../../src/coherence/mark-limit.ts'
import { Partition } from '../../src/coherence/partition.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { cacheSettings, namespaceSettings } from '../../src/api/settings.ts'
import { newCounters } from '../../src/api/stats.ts'
import { Budget } from '../../src/store/budget.ts'
import { memory } from '../../src/testing/index.ts'
import { Clock } from '../../src/runtime/clock.ts'
import { UpdatesConsumer } from '../../src/replicate/updates-consumer.ts'

export const WALL = 1_700_000_000_000

export interface IsolateOptions {
  readonly namespaces: Readonly<Record<string, NamespaceOptions<unknown>>>
  /** The namespaces that accept values without an as-of. */
  readonly acceptSimpleValues?: readonly string[]
  readonly maxEntries?: number
  readonly maxBytes?: number
  readonly maxRememberedEvictions?: number
}

export class Isolate {
  ms = 0
  readonly partition = new Partition(0)
  readonly spaces: ReadonlyMap<string, CoherentStore<unknown>>
  readonly shared: CacheContext
  readonly updates: UpdatesConsumer

  constructor({ namespaces, acceptSimpleValues = [], ...limits }: IsolateOptions) {
    const runtime = systemRuntime({
      now: () => WALL + this.ms,
      monotonic: () => this.ms,
      random: () => 0.5,
      // Nothing is shared between turns: each looks at the clock itself.
      microtask: (task) => task(),
    })
    const settings = cacheSettings({ kafka: memory(), runtime, maxStaleness: '20d', ttl: '10d', ...limits })
    this.shared = {
      settings,
      clock: new Clock(runtime),
      counters: newCounters(),
      budget: new Budget(settings),
      marks: new MarkLimit(settings.maxRememberedEvictions),
    }
    this.spaces = new Map(
      Object.entries(namespaces).map(([name, options]) => [
        name,
        new CoherentStore(name, namespaceSettings(options, settings.namespace), this.partition, this.shared),
      ]),
    )
    const parts = { context: { shared: this.shared }, stores: this.spaces, takesPart: () => true }
    this.updates = new UpdatesConsumer(parts, (name) => acceptSimpleValues.includes(name))
    this.anchor(100)
  }

  /** Resyncs at this end of the log, with nothing held. */
  anchor(end: number): void {
    this.partition.reanchor({ partition: 0, beginning: 0, end, logId: 'log-1' })
    this.prove()
  }

  prove(): void {
    this.partition.freshAt = this.shared.clock.now()
  }

  /** Moves time, and proves that what was read is still all there is. */
  advance(ms: number): void {
    this.ms += ms
    this.prove()
  }

  hold(
    namespace: string,
    key: string,
    value: unknown,
    more: Partial<Candidate<unknown>> = {},
  ): RefuseReason | undefined {
    return this.spaces.get(namespace)?.hold(key, {
      value,
      asOf: this.partition.position,
      generation: this.partition.generation,
      loadedAt: this.shared.clock.now(),
      ttlMs: 864_000_000,
      keepMs: 0,
      tags: undefined,
      version: undefined,
      settleMs: 0,
      ...more,
    })
  }

  peek(namespace: string, key: string): unknown {
    return this.spaces.get(namespace)?.peek(key)
  }
}
