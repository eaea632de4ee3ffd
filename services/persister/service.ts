/**
 * The persister: reads writes, calls the stores, publishes that they took them, and moves its position; in
 * that order.
 *
 * @module
 */
import { openCache } from '../../src/cache.ts'
import type { OpenCache } from '../../src/cache.ts'
import { durationMs } from '../../src/runtime/duration.ts'
import type { LogRecord } from '../../src/ports/kafka-log.ts'
import { eitherSignal } from '../../src/runtime/abort.ts'
import { withStop } from '../../src/runtime/graceful-stop.ts'
import { pauseMs, repeat } from '../../src/runtime/retry.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { Health } from './health.ts'
import { WriteConsumer } from './write-consumer.ts'
import { persisterSettings } from './options.ts'
import type { PersisterOptions, PersisterSettings } from './options.ts'
import { StoreCalls } from './store-calls.ts'
import type { Persister, PersisterHealth, PersisterLag, PersisterStats, PersistResult } from './types.ts'

const BACKOFF = { firstMs: 100, maxMs: 5000 }
/** The longest wait of one long poll, and the pause between reads of a log that has none. */
const LONG_POLL_MS = 5000
const PAUSE_MS = 200

/**
 * Makes a persister. It runs nothing, and uses nothing of the platform, until one of its methods is called.
 *
 * A store may get a write more than once, also after later writes of the key, where two persisters run or one
 * was killed. So the store must keep, beside each row, the offset of its write, and refuse writes with a
 * lower offset.
 *
 * @throws TypeError quoting the option that is wrong.
 * @example
 * ```ts
 * import { createPersister } from 'kedge/persister'
 * import { gateway } from 'kedge/adapters/gateway'
 *
 * const rows = new Map<string, { value: unknown; offset: number }>()
 * const stop = new AbortController()
 * const persister = createPersister({
 *   kafka: gateway({ url: 'http://localhost:8082' }),
 *   stores: {
 *     orders: async (writes) => {
 *       for (const { key, value, offset } of writes) {
 *         if (offset > (rows.get(key)?.offset ?? -1)) rows.set(key, { value, offset })
 *       }
 *     },
 *   },
 * })
 * await persister.run({ signal: stop.signal })
 * ```
 */
export function createPersister(options: PersisterOptions): Persister {
  return new Service(options)
}

class Service implements Persister {
  readonly #cache: OpenCache
  readonly #own: PersisterSettings
  readonly #intake: WriteConsumer
  readonly #calls: StoreCalls
  readonly #condition = new Health()
  #lag: PersisterLag = { records: 0, seconds: 0, partitions: [] }

  constructor(options: PersisterOptions) {
    const settings = persisterSettings(options)
    this.#own = {
      ...settings,
      emit: (event) => {
        this.#condition.take(event)
        settings.emit(event)
      },
    }
    this.#cache = openCache(this.#own.cache)
    const { reading } = this.#cache
    this.#intake = new WriteConsumer(reading.shared.settings, this.#own)
    this.#calls = new StoreCalls(reading, this.#own)
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { lifecycle, shared } = this.#cache.reading
    const { runtime } = shared.settings
    await withStop(runtime, { signal, graceMs: this.#own.drainMs }, ({ soft, hard }) =>
      lifecycle.during((ended) => this.#follow(eitherSignal(soft, ended).signal, ended), hard),
    )
  }

  /** Reads until `stop` is aborted, and persists the writes that it has read until `ended` is aborted. */
  async #follow(stop: AbortSignal, ended: AbortSignal): Promise<void> {
    const { runtime, log } = this.#cache.reading.shared.settings
    const round = async () => {
      // The first read, and the one after a failure, do not wait: a long poll would report the health late.
      const waits = log.capabilities.longPoll && this.#condition.reads
      const found = await this.#round(waits ? LONG_POLL_MS : 0, stop, ended)
      if (found === undefined) await runtime.sleep(PAUSE_MS, stop)
    }
    const failed = (error: unknown, failures: number) => {
      const retryInMs = pauseMs(BACKOFF, failures, error, runtime.random())
      this.#own.emit({ type: 'step_failed', error, retryInMs })
      return retryInMs
    }
    await repeat(runtime, round, failed, stop)
  }

  async step({
    budget,
    signal,
  }: {
    readonly budget: Duration
    readonly signal?: AbortSignal
  }): Promise<PersistResult> {
    const { lifecycle, shared } = this.#cache.reading
    const until = shared.clock.now() + durationMs(budget, 'budget')
    const sum = { persisted: 0, repeated: 0, dead: 0 }
    return lifecycle.during(async (stop) => {
      while (shared.clock.now() < until) {
        const found = await this.#round(0, stop, stop)
        if (found === undefined) break
        for (const what of ['persisted', 'repeated', 'dead'] as const) sum[what] += found[what]
      }
      return sum
    }, signal)
  }

  async apply(
    records: readonly LogRecord[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<PersistResult> {
    const taken = await this.#intake.take(records.toSorted((a, b) => a.offset - b.offset))
    return this.#cache.reading.lifecycle.during((stop) => this.#calls.persist(taken, stop), signal)
  }

  /** Reads once, and persists the writes; `undefined` where there were none. */
  async #round(waitMs: number, stop: AbortSignal, signal: AbortSignal): Promise<PersistResult | undefined> {
    const loads = await this.#intake.read(waitMs, stop)
    this.#condition.well()
    if (loads.length === 0) {
      this.#lag = { records: 0, seconds: 0, partitions: [] }
      return undefined
    }
    // Measured before the stores are called: writers should slow down for the writes that still wait.
    await this.lag({ signal })
    const sum = { persisted: 0, repeated: 0, dead: 0 }
    const work = loads.map(async (load) => {
      const found = await this.#calls.persist(load.taken, signal)
      // The position moves only after the stores: unacknowledged writes are read again.
      await this.#intake.done(load, signal)
      for (const what of ['persisted', 'repeated', 'dead'] as const) sum[what] += found[what]
    })
    for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason
    return sum
  }

  async lag({ signal }: { readonly signal?: AbortSignal } = {}): Promise<PersisterLag> {
    const { runtime } = this.#cache.reading.shared.settings
    const stop = signal ?? new AbortController().signal
    let records = 0
    let oldest = Infinity
    const partitions = []
    for (const behind of await this.#intake.behind(stop)) {
      const { partition, offset: position } = behind
      const at = { partition, position, end: position }
      partitions.push(at)
      if (behind.records === 0) continue
      const first = await this.#intake.peek(behind.partition, behind.offset, stop)
      // Only markers are left in this partition: no write waits.
      if (first === undefined) continue
      records += behind.records
      at.end += behind.records
      oldest = Math.min(oldest, first.write?.at ?? Infinity)
    }
    const seconds = oldest === Infinity ? 0 : Math.max(0, runtime.now() - oldest) / 1000
    this.#lag = { records, seconds, partitions }
    return this.#lag
  }

  pressure(): number {
    const { maxLagRecords, maxLagMs } = this.#own
    return Math.max(this.#lag.records / maxLagRecords, (this.#lag.seconds * 1000) / maxLagMs)
  }

  health(): PersisterHealth {
    return this.#condition.health()
  }

  stats(): PersisterStats {
    return this.#condition.stats()
  }

  async close(): Promise<void> {
    await this.#cache.close()
  }
}
