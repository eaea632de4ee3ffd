/**
 * What a record of the evictions topic means for a shared tier.
 *
 * A tier serves namespaces of which nobody told its applier, so where it depends on what is a namespace, it is taken
 * for both: dropping a value is always safe.
 *
 * @module
 */
import { evictionIn } from '../src/coherence.ts'
import type { DecodedRecord } from '../src/coherence.ts'
import { NAMESPACE_PATTERN } from '../src/ids.ts'
import type { Eviction } from '../src/messages.ts'
import type { TierEviction } from '../src/tier.ts'

/** The evictions that a decoded record stands for, all of them at its offset: none, one, or some. */
export function tierEvictions(decoded: DecodedRecord): TierEviction[] {
  const { offset } = decoded.record
  const plain = evictionIn(decoded, () => false)
  if (plain.empty) return []
  const evictions = [toTier(plain, offset)]
  // Its record key may be a key in any namespace, or name a namespace all of which is meant.
  const { clears } = evictionIn(decoded, (name) => NAMESPACE_PATTERN.test(name))
  for (const namespace of clears)
    evictions.push({ offset, namespace, keys: [], group: true, version: undefined })
  return evictions
}

const toTier = (
  { namespace, all, keys, tags, prefixes, version }: Eviction,
  offset: number,
): TierEviction => ({
  offset,
  namespace,
  keys,
  group: all || tags.length > 0 || prefixes.length > 0,
  version,
})
