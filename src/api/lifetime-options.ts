/** Lifetimes that depend on the value: the nearer function decides first, then the farther option. @module */
import { durationMs } from '../runtime/duration.ts'
import type { Duration } from '../runtime/duration.ts'

/** What is said farther away: a namespace's option beside that of a call. */
type Farther = () => Duration | undefined
/** The lifetime of a value, where what is said farther away counts as well. */
type LifetimeOver<T> = (value: T, farther: Farther) => Duration | undefined

const OVER: unique symbol = Symbol('over')

/** A function of the options. One of a user sees the value alone. */
export interface LifetimeByValue<T = never> {
  (value: T): Duration | undefined
  readonly [OVER]?: LifetimeOver<T>
}

/**
 * A function for the options that also sees what is said farther away. Only for the code of this package: a user's
 * function returns a duration, or leaves it to the farther option.
 */
export const seeingFarther = <T>(over: LifetimeOver<T>): LifetimeByValue<T> =>
  Object.assign((value: T) => over(value, () => undefined), { [OVER]: over })

/** What a function says of the value, or what is said farther away. */
export const lifetimeOf = (near: LifetimeByValue, value: never, farther: Farther): Duration | undefined =>
  near[OVER] ? near[OVER](value, farther) : (near(value) ?? farther())

/** The shorter of two durations. @throws TypeError where one is none. */
export const shorter = (one: Duration, other: Duration): Duration =>
  durationMs(one, 'ttl') < durationMs(other, 'ttl') ? one : other

/** What a value says of its own windows, where a function was given. */
export interface OwnWindows {
  readonly swrOf?: LifetimeByValue | undefined
  readonly staleIfErrorOf?: LifetimeByValue | undefined
}

/** Asks the nearer function, and takes the farther option where that returns `undefined`. */
const layered = (near: LifetimeByValue, far: Duration | LifetimeByValue | undefined): LifetimeByValue =>
  seeingFarther((value: never, farther) =>
    lifetimeOf(near, value, () =>
      typeof far === 'function' ? lifetimeOf(far, value, farther) : (far ?? farther()),
    ),
  )

/** The nearer TTL; where it is a function that returns `undefined`, the farther one. */
export const ttlOver = (
  near: Duration | LifetimeByValue | undefined,
  far: Duration | LifetimeByValue,
): Duration | LifetimeByValue => (typeof near === 'function' ? layered(near, far) : (near ?? far))

/** A nearer window that is a duration replaces a farther one that is a function. */
export function windowOver(
  near: Duration | LifetimeByValue | undefined,
  far: LifetimeByValue | undefined,
): LifetimeByValue | undefined {
  if (typeof near === 'function') return layered(near, far)
  return near === undefined ? far : undefined
}
