/**
 * How long an answer may be kept, as its headers have it: `Cache-Control`, `Age` and `Expires` (RFC 9111), with
 * `stale-while-revalidate` and `stale-if-error` (RFC 5861).
 *
 * The cache is a shared one, so `s-maxage` goes before `max-age`, and what is `private` is not kept. All requests of
 * this cache are equal, so `Vary` matters only as `*`.
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
/** Longer headers are treated as `no-store`. */
const MAX_HEADER = 4096
/** `name`, `name=token` or `name="quoted"` (RFC 9111, 5.2). */
const DIRECTIVE = /([\w!#$%&'*+.^`|~-]+)(?:[\t ]*=[\t ]*(?:"((?:[^"\\]|\\.)*)"|([^\t ,"]*)))?/g

/**
 * @param maxMs no answer is kept, or served past its time, for longer than this
 * @param now the moment of receipt, which stands for a `Date` that the answer lacks (RFC 9110, 6.6.1)
 */
export function lifetimeOf(headers: Headers, maxMs: number, now: () => number): HeaderLifetime {
  const text = headers.get('cache-control') ?? ''
  if (text.length > MAX_HEADER || variesByAnything(headers)) return NEVER
  const directives = parsed(text)
  if (['no-store', 'no-cache', 'private'].some((name) => directives.has(name))) return NEVER
  const bound = (seconds: number): number => Math.min(Math.max(0, seconds) * 1000, maxMs)
  const lifetime =
    secondsOf(directives, 's-maxage') ?? secondsOf(directives, 'max-age') ?? untilExpiry(headers, now)
  const left = lifetime === undefined ? undefined : lifetime - ageOf(headers)
  // Windows begin where the answer has become old, which for one that comes out of a cache may be past.
  const past = Math.min(0, left ?? 0)
  const window = (name: string): number | undefined => {
    const seconds = secondsOf(directives, name)
    if (seconds !== undefined) return bound(seconds + past)
    // `s-maxage` forbids stale answers (RFC 9111, 5.2.2.10), but for what a directive of its own allows.
    return directives.has('s-maxage') ? 0 : undefined
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

/** A list that contains `*` never matches another request (RFC 9111, 4.1). */
const variesByAnything = (headers: Headers): boolean =>
  (headers.get('vary') ?? '').split(',').some((name) => name.trim() === '*')

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

/** `Expires` minus `Date`, both by the origin's clock; an invalid date counts as expired. */
function untilExpiry(headers: Headers, now: () => number): number | undefined {
  const expires = headers.get('expires')
  if (expires === null) return undefined
  const date = headers.get('date')
  const left = (Date.parse(expires) - (date === null ? now() : Date.parse(date))) / 1000
  return Number.isFinite(left) ? Math.max(0, left) : 0
}
