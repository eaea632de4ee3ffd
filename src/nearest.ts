/** Lifetimes that functions tell of a value: the nearer one first, and what it leaves the farther one. @module */
import type { Duration } from './types.ts'

type OfValue = (value: never) => Duration | undefined

/** What a value says of its own windows, where a function was given. */
export interface OwnWindows {
  readonly swrOf?: OfValue
  readonly staleIfErrorOf?: OfValue
}

/** What the nearer one does not say, the farther one does. */
const layered =
  (near: OfValue, far: Duration | OfValue | undefined): OfValue =>
  (value) =>
    near(value) ?? (typeof far === 'function' ? far(value) : far)

/** The nearer TTL, and where it is a function that leaves a value to others, the farther one. */
export const ttlOver = (near: Duration | OfValue | undefined, far: Duration | OfValue): Duration | OfValue =>
  typeof near === 'function' ? layered(near, far) : (near ?? far)

/** A window that is given nearer than a function, as a duration, takes its place. */
export function windowsOver(
  near: { readonly swr?: Duration | OfValue; readonly staleIfError?: Duration | OfValue },
  far: OwnWindows,
): OwnWindows {
  const swrOf = windowOver(near.swr, far.swrOf)
  const staleIfErrorOf = windowOver(near.staleIfError, far.staleIfErrorOf)
  return { ...(swrOf && { swrOf }), ...(staleIfErrorOf && { staleIfErrorOf }) }
}

function windowOver(near: Duration | OfValue | undefined, far: OfValue | undefined): OfValue | undefined {
  if (typeof near === 'function') return layered(near, far)
  return near === undefined ? far : undefined
}
