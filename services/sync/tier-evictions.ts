/**
 * What a record of the evictions topic means for a shared tier.
 *
 * The applier does not know the namespaces of the tier. Where a text may be the name of a namespace or a key,
 * it evicts as both: dropping a value is always safe.
 *
 * @module
 */
import { evictionIn } from '../../src/coherence/apply-eviction.ts'
import type { DecodedRecord } from '../../src/coherence/apply-eviction.ts'
import { NAMESPACE_PATTERN } from '../../src/wire/ids.ts'
import type { Eviction } from '../../src/wire/read-eviction.ts'
import type { TierEviction } from '../../src/ports/tier.ts'

/** The evictions in a decoded record, all at its offset: none, one, or several. */
export function tierEvictions(decoded: DecodedRecord): TierEviction[] {
  const { offset } = decoded.record
  const plain = evictionIn(decoded, () => false)
  if (plain.empty) return []
  const evictions = [toTier(plain, offset)]
  // The record key may be a key in any namespace, or name a whole namespace: also one that is not the message's own.
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
