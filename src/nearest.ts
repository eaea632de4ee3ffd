/** Lifetimes that functions tell of a value: the nearer one first, and what it leaves the farther one. @module */
import type { LoadSettings } from './settings.ts'
import type { Duration } from './types.ts'

type OfValue = (value: never) => Duration | undefined

/** What the nearer one does not say, the farther one does. */
const layered =
  (near: OfValue, far: Duration | OfValue): OfValue =>
  (value) =>
    near(value) ?? (typeof far === 'function' ? far(value) : far)

/** The nearer TTL, and where it is a function that leaves a value to others, the farther one. */
export const ttlOver = (
  near: Duration | OfValue | undefined,
  far: LoadSettings['ttl'],
): LoadSettings['ttl'] => (typeof near === 'function' ? layered(near, far) : (near ?? far))

/** A duration that is given nearer than a function takes its place. */
export function windowOver<const N extends 'swrOf' | 'staleIfErrorOf'>(
  name: N,
  near: Duration | OfValue | undefined,
  far: OfValue | undefined,
): { readonly [K in N]?: OfValue } {
  const of =
    typeof near === 'function' ? (far ? layered(near, far) : near) : near === undefined ? far : undefined
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed name loses its type
  return (of === undefined ? {} : { [name]: of }) as { readonly [K in N]?: OfValue }
}
