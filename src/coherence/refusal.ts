/**
 * Whether a value may be held, by what is known of evictions, intents and clocks.
 *
 * @module
 */
import type { RefuseReason } from '../api/reasons.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Candidate } from './candidate.ts'
import type { EvictionTable } from './eviction-table.ts'
import type { NamespaceIntents } from './namespace-intents.ts'
import type { Partition } from './partition.ts'

/** What is known in a namespace. */
export interface Known {
  readonly partition: Partition
  readonly table: EvictionTable
  readonly intents: NamespaceIntents
  readonly clock: Clock
}

/** Why the value must not be held; `undefined` where nothing known forbids it. */
export function refusalOf<T>(
  key: string,
  candidate: Candidate<T>,
  { partition, table, intents, clock }: Known,
): RefuseReason | undefined {
  const { loadedAt, tags, settleMs } = candidate
  // Generation 0 is the time before the first contact, which drops what is held until then.
  if (candidate.generation === 0 && !(candidate.beforeContact && partition.generation === 0))
    return 'unanchored'
  if (partition.generation !== candidate.generation) return 'fenced'
  const reason = table.refuses(key, candidate)
  if (reason !== undefined) return reason
  if (candidate.isWaiting?.() !== true && intents.blocks(key, loadedAt)) return 'pending'
  if (settleMs > 0 && table.evictedSince(key, tags, clock.monotonicAt(loadedAt) - settleMs)) return 'settling'
  // The clocks have stepped back since it was loaded: it may be past its TTL.
  if (loadedAt < clock.unknownBefore) return 'expired'
  return undefined
}
