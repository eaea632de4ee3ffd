/** Times to live, as Memcached takes them. @module */

/** Beyond it a number is read as seconds since 1970: protocol.txt, "Expiration times". */
const MONTH_S = 2_592_000
const MAX_TIME = 2 ** 31 - 1

/**
 * The token of a `T` flag. Memcached counts whole seconds, and one of them may be over at once ("+/- 1s", protocol.txt):
 * the adapter adds one, so that no item expires early. Items that would expire after 2038 never expire.
 */
export function expiryOf(ttlMs: number | undefined, nowMs: number): string {
  if (ttlMs === undefined) return '0'
  const seconds = Math.ceil(ttlMs / 1000) + 1
  if (seconds <= MONTH_S) return String(seconds)
  const at = Math.ceil(nowMs / 1000) + seconds
  return at > MAX_TIME ? '0' : String(at)
}
