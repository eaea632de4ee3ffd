/** Lifetimes that depend on the value: the nearer function decides first, then the farther option. @module */
import { durationMs } from '../runtime/duration.ts'
import type { Duration } from '../runtime/duration.ts'

type LifetimeByValue = (value: never) => Duration | undefined

/** The farther lifetime, but at most this one. */
interface AtMost {
  readonly atMost: Duration
}

/**
 * What a function of the options returns for a value whose lifetime the settings say, up to a limit. Only for the code
 * of this package: a function of a user returns a duration.
 */
export const atMost = (limit: Duration): Duration =>
  ({ atMost: limit }) satisfies AtMost as unknown as Duration

/** What a function has said, completed by what is said farther away; `undefined` where both say nothing. */
export function completed<F extends Duration | undefined>(
  said: Duration | undefined,
  farther: () => F,
): Duration | F {
  const limit = (said as unknown as Partial<AtMost> | null | undefined)?.atMost
  if (limit === undefined) return said ?? farther()
  const otherwise = farther()
  return otherwise === undefined ? said! : shorter(limit, otherwise)
}

/** The shorter of two durations. @throws TypeError where one is none. */
export const shorter = (one: Duration, other: Duration): Duration =>
  durationMs(one, 'ttl') < durationMs(other, 'ttl') ? one : other

/** What a value says of its own windows, where a function was given. */
export interface OwnWindows {
  readonly swrOf?: LifetimeByValue
  readonly staleIfErrorOf?: LifetimeByValue
}

/** Asks the nearer function, and takes the farther option where that returns `undefined`. */
const layered =
  (near: LifetimeByValue, far: Duration | LifetimeByValue | undefined): LifetimeByValue =>
  (value) =>
    completed(near(value), () => (typeof far === 'function' ? far(value) : far))

/** The nearer TTL; where it is a function that returns `undefined`, the farther one. */
export const ttlOver = (
  near: Duration | LifetimeByValue | undefined,
  far: Duration | LifetimeByValue,
): Duration | LifetimeByValue => (typeof near === 'function' ? layered(near, far) : (near ?? far))

/** A nearer window that is a duration replaces a farther one that is a function. */
export function windowsOver(
  near: { readonly swr?: Duration | LifetimeByValue; readonly staleIfError?: Duration | LifetimeByValue },
  far: OwnWindows,
): OwnWindows {
  const swrOf = windowOver(near.swr, far.swrOf)
  const staleIfErrorOf = windowOver(near.staleIfError, far.staleIfErrorOf)
  return { ...(swrOf && { swrOf }), ...(staleIfErrorOf && { staleIfErrorOf }) }
}

function windowOver(
  near: Duration | LifetimeByValue | undefined,
  far: LifetimeByValue | undefined,
): LifetimeByValue | undefined {
  if (typeof near === 'function') return layered(near, far)
  return near === undefined ? far : undefined
}
