/**
 * How long an answer may be kept, as its headers have it: `Cache-Control`, `Age` and `Expires` (RFC 9111), with
 * `stale-while-revalidate` and `stale-if-error` (RFC 5861).
 *
 * The cache is a shared one, so `s-maxage` goes before `max-age`, and what is `private` is not kept. The origin sees the
 * same headers in each request, so what varies by those is kept, and what varies by headers of a client is not: no key
 * tells them apart. An answer that sets a cookie is for one client (RFC 9111, 7.3), unless it says that it is for all.
 *
 * @module
 */

/** In milliseconds. What is absent the headers do not say. */
export interface HeaderLifetime {
  /** 0 where the answer must not be kept. */
  readonly ttl?: number
  readonly swr?: number
  readonly staleIfError?: number
  /** Why the answer must not be kept: `private`, `vary: cookie`; absent where it may be. Never longer than 100 characters. */
  readonly unheld?: string
}

/** What must not be kept, nor served once it is old. */
const never = (unheld: string): HeaderLifetime => ({ ttl: 0, swr: 0, staleIfError: 0, unheld })
/**
 * Headers that are the same in all requests to the origin, or that only browsers send and that change nothing but the
 * headers of CORS, which no client of this cache sees.
 */
const SAME_IN_ALL: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'cache-control',
  'content-type',
  'host',
  'pragma',
  'user-agent',
  'origin',
  'access-control-request-method',
  'access-control-request-headers',
  'access-control-request-private-network',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
])
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
  if (text.length > MAX_HEADER) return never('cache-control: too long')
  const directives = parsed(text)
  const why = unheldBy(directives, headers)
  if (why !== undefined) return never(why)
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

/** Why an answer must not be kept in a shared cache (RFC 9111, 3); `undefined` where it may be. */
function unheldBy(directives: ReadonlyMap<string, readonly string[]>, headers: Headers): string | undefined {
  const said = ['no-store', 'private', 'no-cache'].find((name) => directives.has(name))
  if (said !== undefined) return said
  const varying = variesBy(headers.get('vary') ?? '')
  if (varying !== undefined) return varying
  const isForAll = directives.has('public') || directives.has('s-maxage')
  return headers.has('set-cookie') && !isForAll ? 'set-cookie' : undefined
}

/** A list that contains `*` never matches another request (RFC 9111, 4.1). */
function variesBy(list: string): string | undefined {
  if (list.length > MAX_HEADER) return 'vary: too long'
  const names = list.split(',').map((name) => name.trim().toLowerCase())
  if (names.includes('*')) return 'vary: *'
  const name = names.find((each) => each !== '' && !SAME_IN_ALL.has(each))
  if (name === undefined) return undefined
  return /^[\w!#$%&'*+.^`|~-]{1,60}$/.test(name) ? `vary: ${name} (put it into the key)` : 'vary: malformed'
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

/** `Expires` minus `Date`, both by the origin's clock; an invalid date counts as expired. */
function untilExpiry(headers: Headers, now: () => number): number | undefined {
  const expires = headers.get('expires')
  if (expires === null) return undefined
  const date = headers.get('date')
  const left = (Date.parse(expires) - (date === null ? now() : Date.parse(date))) / 1000
  return Number.isFinite(left) ? Math.max(0, left) : 0
}
