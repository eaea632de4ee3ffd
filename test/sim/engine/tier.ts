/** The shared tier, over the network. @module */
import { answeredWithin } from '../../../adapters/deadline.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { MemoryTierStore } from '../../../src/testing/memory-tier-store.ts'
import type { Tier } from '../../../src/ports/tier.ts'
import type { Random } from './random.ts'
import type { Trouble } from './trouble.ts'
import { places, type Universe } from './universe.ts'

const DEADLINE_MS = 5000

/** A command under way to the store arrives, also when its sender is gone. */
export function tierOver(
  store: MemoryTierStore,
  universe: Universe,
  trouble: Trouble,
  seat: number | undefined,
  random: Random,
  latencyMs: number,
): Required<Omit<Tier, 'close'>> {
  const way = () => random() * latencyMs * (random() < 0.9 ? 0.2 : 1)
  const call = <T>(signal: AbortSignal | undefined, writes: boolean, work: () => T): Promise<T> =>
    answeredWithin(
      DEADLINE_MS,
      signal,
      (until) =>
        new Promise((resolve, reject) => {
          const place = places.getStore() ?? universe.outside
          if (place.life?.step() === false) return
          until.addEventListener('abort', () => reject(until.reason), { once: true })
          const failsBefore = trouble.meets('tier_unavailable', seat, random)
          const failsAfter = failsBefore && random() < 0.3
          const lateMs = writes ? trouble.delay('tier_late', seat, random) : 0
          universe.after(way() + lateMs, () => {
            let settle = () => reject(new KedgeError('ERR_NETWORK', 'the tier is down', { retryable: true }))
            if (!failsBefore || failsAfter) {
              const result = work()
              if (!failsAfter) settle = () => resolve(result)
            }
            universe.at(universe.now + way(), place, settle)
          })
        }),
    )
  return {
    name: 'memory',
    getMany: (place, keys, { signal } = {}) => call(signal, false, () => store.getMany(place, keys)),
    setMany: (place, writes, { signal } = {}) => call(signal, true, () => store.setMany(place, writes)),
    deleteMany: (place, keys, offset, { signal } = {}) =>
      call(signal, true, () => store.deleteMany(place, keys, offset)),
    applier: {
      position: (partition, { signal } = {}) => call(signal, false, () => store.position(partition)),
      begin: (partition, at, { signal } = {}) => call(signal, false, () => store.begin(partition, at)),
      apply: (batch, { signal } = {}) => call(signal, false, () => store.apply(batch)),
    },
  }
}
