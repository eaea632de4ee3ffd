/**
 * `Server-Timing` (W3C) of what a request has read: what it was, and what it has waited for.
 *
 * | metric | its `dur`, in whole milliseconds |
 * |---|---|
 * | `kedge;desc="hit"` | the longest read of the request, from its beginning to its end |
 * | `kedge-wait` | of it, before the value was there or its load began: for a proof, a shared tier, a free place |
 * | `kedge-load` | of it, the load: the loader with the origin that it asks |
 *
 * Reads of a request run beside each other, so their times are not added: the header tells the longest one. It keeps
 * one read, so its length is bounded. In workerd a clock moves only while the code waits: a duration has no time of CPU.
 *
 * @module
 */
import { isKedgeError } from '../src/ports/errors.ts'
import type { ScopeRead } from '../src/api/read-types.ts'

export class ReadTimes {
  #longest: ScopeRead | undefined

  add(read: ScopeRead): void {
    if (this.#longest === undefined || read.durationMs > this.#longest.durationMs) this.#longest = read
  }

  /** @param summary what came of all reads: printable ASCII without `"` and `\\` */
  header(summary: string): string {
    const of = this.#longest
    if (of === undefined) return `kedge;desc="${summary}"`
    const loadMs = loadMsOf(of)
    const parts = [
      ['-wait', of.durationMs - loadMs],
      ['-load', loadMs],
    ] as const
    const told = parts.flatMap(([name, ms]) => (ms > 0 ? [`kedge${name};dur=${ms}`] : []))
    return [`kedge;desc="${summary}";dur=${of.durationMs}`, ...told].join(', ')
  }
}

/** How long the read has waited for a load. */
function loadMsOf({ entry, error, durationMs, loads }: ScopeRead): number {
  if (!loads) return 0
  if (entry === undefined || error !== undefined) {
    // No proof came, and `onUnreachable` is `'throw'`: nothing was loaded.
    return isKedgeError(error) && error.code === 'ERR_UNREACHABLE' ? 0 : durationMs
  }
  const { from, staleBecause, state, ageMs } = entry
  // What it fell back to when the load failed, or took too long.
  if (staleBecause === 'error' || staleBecause === 'timeout') return durationMs
  // Its age counts from the beginning of the load, which another read may have begun earlier.
  if (from === 'loader' || (state === 'miss' && from === undefined)) return Math.min(ageMs, durationMs)
  return 0
}
