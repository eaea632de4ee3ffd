/** What comes of a race. @module */

/**
 * `none`: the cache has no such feature, so it has not failed at it. `does not run`: it could not be run in workerd.
 */
export type Outcome = 'pass' | 'fail' | 'none' | 'does not run'

export interface Result {
  readonly outcome: Outcome
  /** What was seen. */
  readonly seen: string
}

/** The races, in the order of the report. */
export const RACE_NAMES = [
  'load across its invalidation',
  'load across an invalidation elsewhere',
  'load across an invalidation of its tag',
  'caller after an invalidation',
  'lost message',
  'restart of the bus, reader back first',
  'restart of the bus, writer back first',
  'two requests for one key in workerd',
  'leader cancelled in workerd',
  'key of a cancelled leader, later',
  'leader cancelled in workerd, its call kept alive',
] as const

export type RaceName = (typeof RACE_NAMES)[number]

export const none = (seen: string): Result => ({ outcome: 'none', seen })

/** Passes when what was seen is what was hoped for. */
export const verdict = (holds: boolean, seen: string): Result => ({ outcome: holds ? 'pass' : 'fail', seen })

/**
 * The promise, or a rejection when it has not settled in time.
 * @throws Error naming what was waited for.
 */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}
