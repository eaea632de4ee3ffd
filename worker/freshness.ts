/**
 * How long an answer may be kept, as its headers have it: `Cache-Control`, `Age` and `Expires` (RFC 9111), with
 * `stale-while-revalidate` and `stale-if-error` (RFC 5861).
 *
 * The cache is a shared one, so `s-maxage` goes before `max-age`, and what is `private` is not kept. Its own requests
 * are all alike: what depends on who asks (`Vary`, `Authorization`) does not arise, but for `Vary: *`.
 *
 * @module
 */

/** In milliseconds. What is absent the headers do not say. */
export interface HeaderLifetime {
  /** 0 where the answer must not be kept. */
  readonly ttl?: number
  readonly swr?: number
  readonly staleIfError?: number
}

/** What must not be kept, nor served once it is old. */
const NEVER: HeaderLifetime = { ttl: 0, swr: 0, staleIfError: 0 }
/** A longer header is nobody's meaning. */
const MAX_HEADER = 4096
/** `name`, `name=token` or `name="quoted"` (RFC 9111, 5.2). */
const DIRECTIVE = /([\w!#$%&'*+.^`|~-]+)(?:[\t ]*=[\t ]*(?:"((?:[^"\\]|\\.)*)"|([^\t ,"]*)))?/g

/** @param maxMs no answer is kept, or served past its time, for longer than this */
export function lifetimeOf(headers: Headers, maxMs: number): HeaderLifetime {
  const text = headers.get('cache-control') ?? ''
  if (text.length > MAX_HEADER || headers.get('vary')?.trim() === '*') return NEVER
  const directives = parsed(text)
  if (['no-store', 'no-cache', 'private'].some((name) => directives.has(name))) return NEVER
  const bound = (seconds: number): number => Math.min(Math.max(0, seconds) * 1000, maxMs)
  const lifetime =
    secondsOf(directives, 's-maxage') ?? secondsOf(directives, 'max-age') ?? untilExpiry(headers)
  const left = lifetime === undefined ? undefined : lifetime - ageOf(headers)
  // Windows begin where the answer has become old, which for one that comes out of a cache may be past.
  const past = Math.min(0, left ?? 0)
  const window = (name: string): number | undefined => {
    const seconds = secondsOf(directives, name)
    return seconds === undefined ? undefined : bound(seconds + past)
  }
  const strict = directives.has('must-revalidate') || directives.has('proxy-revalidate')
  const swr = strict ? 0 : window('stale-while-revalidate')
  const staleIfError = strict ? 0 : window('stale-if-error')
  return {
    ...(left !== undefined && { ttl: bound(left) }),
    ...(swr !== undefined && { swr }),
    ...(staleIfError !== undefined && { staleIfError }),
  }
}

/** Names are of any case. A directive that is there twice counts with both of its values. */
function parsed(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const [, name, quoted, token] of text.matchAll(DIRECTIVE)) {
    const values = found.get(name!.toLowerCase()) ?? []
    found.set(name!.toLowerCase(), [...values, quoted ?? token ?? ''])
  }
  return found
}

/** The least of its values; 0 for one that is no number of seconds: such an answer is old (RFC 9111, 4.2.1). */
function secondsOf(directives: ReadonlyMap<string, readonly string[]>, name: string): number | undefined {
  const values = directives.get(name)
  if (values === undefined) return undefined
  return Math.min(...values.map((value) => (/^\d+$/.test(value) ? Number(value) : 0)))
}

/** What caches on the way have kept it for. */
function ageOf(headers: Headers): number {
  const age = headers.get('age')?.split(',')[0]?.trim() ?? ''
  return /^\d+$/.test(age) ? Number(age) : 0
}

/** `Expires` by the clock of whoever answered. One that is no date is past (RFC 9111, 5.3). */
function untilExpiry(headers: Headers): number | undefined {
  const expires = headers.get('expires')
  if (expires === null) return undefined
  const left = (Date.parse(expires) - Date.parse(headers.get('date') ?? '')) / 1000
  return Number.isFinite(left) ? Math.max(0, left) : 0
}
