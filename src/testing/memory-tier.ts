/**
 * `memoryTier()`: a shared tier in this process, for tests and for several caches in one process, with faults to
 * order.
 *
 * @module
 */
import { withDeadline } from '../runtime/deadline.ts'
import { KedgeError } from '../ports/errors.ts'
import { systemRuntime } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Tier, TierApplier } from '../ports/tier.ts'
import { Faults } from './faults.ts'
import type { FaultsOptions } from './faults.ts'
import { MemoryTierStore } from './memory-tier-store.ts'

/** The calls of a `Tier` and of its applier. */
export type TierOperation = 'getMany' | 'setMany' | 'deleteMany' | 'position' | 'begin' | 'apply'

export interface MemoryTierOptions {
  /** The store to stand on, so that several caches share one. @default a new one */
  readonly on?: MemoryTierStore
  /** Clocks and timers. @default `systemRuntime()` */
  readonly runtime?: Runtime
  /** How long every call takes on its way there, and again on its way back, in milliseconds. @default 0 */
  readonly latency?: number | (() => number)
  /** After this long a call is given up with `ERR_TIMEOUT`, in milliseconds. @default 5000 */
  readonly timeout?: number
  /** Values, and what evictions leave behind, in one namespace; the oldest go. @default 100_000 */
  readonly maxKeys?: number
}

export type TierFaultOptions = FaultsOptions<TierOperation>

/** A `Tier` in memory. */
export interface MemoryTier extends Tier {
  readonly applier: TierApplier
  /** What it stands on: for wiping, and for planting what no kedge has written. */
  readonly store: MemoryTierStore
  /** How often each call was made, failed ones included. */
  readonly calls: Readonly<Record<TierOperation, number>>
  /** Lets calls reject with `error`, from now on; without one, lets them succeed again. */
  readonly fail: (error?: unknown, options?: TierFaultOptions) => void
  /** Calls settle only after `resume()`, or when aborted, or past their deadline. */
  readonly pause: () => void
  readonly resume: () => void
}

/**
 * A shared tier in this process.
 *
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { memory, MemoryLog, memoryTier } from 'kedge/testing'
 * import { sharedTier } from 'kedge/tier'
 *
 * const log = new MemoryLog()
 * const tier = memoryTier()
 * const here = createCache({ kafka: memory({ on: log }), use: [sharedTier(tier)] })
 * const there = createCache({ kafka: memory({ on: log }), use: [sharedTier(tier)] })
 * ```
 */
export function memoryTier(options: MemoryTierOptions = {}): MemoryTier {
  const { on, runtime = systemRuntime(), latency = 0, timeout = 5000, maxKeys } = options
  const store =
    on ?? new MemoryTierStore({ now: () => runtime.now(), ...(maxKeys === undefined ? {} : { maxKeys }) })
  const calls = { getMany: 0, setMany: 0, deleteMany: 0, position: 0, begin: 0, apply: 0 }
  const faults = new Faults<TierOperation>()
  const expired = () =>
    new KedgeError('ERR_TIMEOUT', 'the tier in memory did not answer in time', { retryable: true })

  async function call<T>(
    operation: TierOperation,
    signal: AbortSignal | undefined,
    work: () => T,
  ): Promise<T> {
    calls[operation]++
    const way = async (inner: AbortSignal): Promise<void> => {
      const ms = typeof latency === 'number' ? latency : latency()
      if (ms > 0) await runtime.sleep(ms, inner)
      await faults.open(inner)
      inner.throwIfAborted()
    }
    const task = async (inner: AbortSignal): Promise<T> => {
      await way(inner)
      faults.check(operation, 'before')
      const result = work()
      await way(inner)
      faults.check(operation, 'after')
      return result
    }
    return withDeadline(runtime, timeout, expired, task, signal)
  }

  return {
    name: 'memory',
    store,
    calls,
    fail: (error, faultOptions) => faults.set(error, faultOptions),
    pause: () => faults.pause(),
    resume: () => faults.resume(),
    getMany: (place, keys, { signal } = {}) => call('getMany', signal, () => store.getMany(place, keys)),
    setMany: (place, writes, { signal } = {}) => call('setMany', signal, () => store.setMany(place, writes)),
    deleteMany: (place, keys, offset, { signal } = {}) =>
      call('deleteMany', signal, () => store.deleteMany(place, keys, offset)),
    applier: {
      position: (partition, { signal } = {}) => call('position', signal, () => store.position(partition)),
      begin: (partition, at, { signal } = {}) => call('begin', signal, () => store.begin(partition, at)),
      apply: (batch, { signal } = {}) => call('apply', signal, () => store.apply(batch)),
    },
  }
}
