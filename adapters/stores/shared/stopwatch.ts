/** How much of a value's time to live has passed since a call was made. @module */

/**
 * Starts now, and returns the milliseconds since: the larger of what both clocks say, because the monotonic one may
 * stand still while the process is frozen, and the wall clock may step back.
 */
export function stopwatch(): () => number {
  const [wall, monotonic] = [Date.now(), performance.now()]
  return () => Math.max(Date.now() - wall, performance.now() - monotonic)
}

/**
 * What is left of a life in milliseconds, `undefined` for ever. Not above 0: it is over, and what is written is the
 * deletion of the key.
 */
export const leftOf = (ttlMs: number | undefined, passedMs: number): number | undefined =>
  ttlMs === undefined ? undefined : ttlMs - passedMs
