/**
 * How an answer came about, for debugging: `Cache-Status` (RFC 9211) and `Age` (RFC 9111, section 5.1).
 *
 * | what happened | `Cache-Status` |
 * |---|---|
 * | held and fresh | `kedge; hit; ttl=299` |
 * | held, and served although it should not be | `kedge; hit; ttl=-3; detail=error` (or `swr`, `timeout`, `unreachable`) |
 * | taken from a shared tier, and kept | `kedge; hit; ttl=299; detail=tier` |
 * | loaded and kept | `kedge; fwd=miss; stored` |
 * | loaded anew, because its TTL was over | `kedge; fwd=stale; stored` |
 * | loaded, not kept: evicted while it was loaded, too large, … | `kedge; fwd=miss; detail=fenced` (or another `RefuseReason`) |
 * | loaded, not kept, because the origin says so | `kedge; fwd=miss; detail="private"` (or `no-store`, `vary: cookie (put it into the key)`, …) |
 * | loaded past the cache, because freshness could not be proved | `kedge; fwd=bypass` |
 * | not held, and there is nothing to load it from | `kedge; detail=absent` |
 *
 * @module
 */
import type { Entry } from '../src/api/read-types.ts'

/** Seconds, rounded down, as both fields want them. */
const seconds = (ms: number): number => (Number.isFinite(ms) ? Math.floor(ms / 1000) : 0)

/**
 * The fields that describe an answer.
 *
 * @param loads whether a value that is not held is loaded from somewhere
 * @param unheld why a value that was loaded must not be kept: printable ASCII without `"` and `\\`
 */
export function cacheStatusHeaders(
  entry: Entry<unknown>,
  loads: boolean,
  unheld?: string,
): Record<string, string> {
  if (entry.cached && entry.state !== 'miss') {
    const said = entry.staleBecause ?? (entry.from === 'tier' ? 'tier' : undefined)
    const detail = said === undefined ? '' : `; detail=${said}`
    return {
      'cache-status': `kedge; hit; ttl=${seconds(entry.ttlMs)}${detail}`,
      // A value that was just loaded has no `Age`: the field says that the origin was not asked.
      age: String(Math.max(0, seconds(entry.ageMs))),
    }
  }
  // What is kept during a bypass cannot be served before freshness is proved again: nothing to boast of.
  if (entry.bypassed) return { 'cache-status': 'kedge; fwd=bypass' }
  if (!loads) return { 'cache-status': 'kedge; detail=absent' }
  const fwd = entry.expired === true ? 'stale' : 'miss'
  if (entry.stored) return { 'cache-status': `kedge; fwd=${fwd}; stored` }
  const why = unheld === undefined ? entry.refused : `"${unheld}"`
  return { 'cache-status': `kedge; fwd=${fwd}${why === undefined ? '' : `; detail=${why}`}` }
}
