/**
 * What a feature makes of values before they are set, checked: a value that is held without the eviction of its key would
 * hide an older one elsewhere.
 *
 * @module
 */
import type { HeldValue } from '../api/feature.ts'
import { checkHoldable } from '../wire/holdable.ts'

/**
 * @param who whom the error names
 * @throws TypeError where it is no `Map`, has other keys than the given ones, or a value without an end
 * @throws KedgeError `ERR_CODEC` for a value that is no data
 */
export function checkedValues<T>(
  made: unknown,
  given: ReadonlyMap<string, HeldValue<T>>,
  who: string,
  namespace: string,
): ReadonlyMap<string, HeldValue<T>> {
  const refuse = (must: string): never => {
    throw new TypeError(`${who} must return ${must}`)
  }
  if (!(made instanceof Map)) return refuse('a Map')
  for (const [key, held] of made as ReadonlyMap<string, HeldValue<T> | undefined>) {
    if (!given.has(key)) refuse('no other keys than it was given')
    const ttlMs = held?.ttlMs
    if (held?.value === undefined || !(typeof ttlMs === 'number' && ttlMs >= 0 && ttlMs < Infinity))
      return refuse(`a value and a finite \`ttlMs\` for ${JSON.stringify(key)}`)
    checkHoldable(held.value, namespace, key)
  }
  return made as ReadonlyMap<string, HeldValue<T>>
}
