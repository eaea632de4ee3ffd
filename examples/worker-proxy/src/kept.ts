/** Which answers of the upstream every client may get, and for how long. */

/** An answer that every client may get. */
export interface Kept {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array<ArrayBuffer>
}

/** What the cache holds of an address: its answer, or that its answers are for one client each. */
export interface Held {
  readonly answer: Kept | null
  /** In milliseconds; absent where the upstream does not say. */
  readonly ttlMs: number | undefined
}

/** A larger answer passes by. All that an isolate holds shares its 128 MB, and half of these are for requests. */
export const MAX_BODY_BYTES = 512_000
/**
 * How long the proxy remembers that an address is not kept: meanwhile it asks the API once for each request.
 */
const PASSED_MS = 60_000
const MAX_TTL_MS = 3_600_000

/** Fields of one connection, of the encoding on the way, and those that the proxy says itself. */
const OWN = new Set([
  'age',
  'cache-control',
  'cache-status',
  'connection',
  'content-encoding',
  'content-length',
  'date',
  'expires',
  'keep-alive',
  'kedge-token',
  'proxy-authenticate',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Reads an answer, if it may be kept; RFC 9111, section 3, for a shared cache that knows no variants. */
export async function heldOf(response: Response): Promise<Held> {
  const ttlMs = lifetimeOf(response)
  const body = ttlMs === 0 ? undefined : await bodyOf(response)
  if (body === undefined) {
    // Stop reading: another request may have the connection.
    await response.body?.cancel().catch(() => undefined)
    return { answer: null, ttlMs: PASSED_MS }
  }
  const headers = [...response.headers].filter(([name]) => !OWN.has(name))
  return { answer: { status: response.status, headers, body }, ttlMs }
}

/** 0 for an answer that is for one client alone, or must not be kept. */
function lifetimeOf({ status, headers }: Response): number | undefined {
  if (status !== 200 && status !== 404) return 0
  if (headers.has('set-cookie')) return 0
  // The body comes decoded, and is encoded anew for each client. Any other variant is up to the upstream.
  const varies = (headers.get('vary') ?? '').toLowerCase().split(',')
  if (varies.some((name) => name.trim() !== '' && name.trim() !== 'accept-encoding')) return 0
  const control = (headers.get('cache-control') ?? '').toLowerCase()
  if (/\b(?:private|no-store|no-cache)\b/.test(control)) return 0
  const seconds = /\bs-maxage="?(\d+)/.exec(control)?.[1] ?? /\bmax-age="?(\d+)/.exec(control)?.[1]
  return seconds === undefined ? undefined : Math.min(Number(seconds) * 1000, MAX_TTL_MS)
}

/** `undefined` where it is too large. */
async function bodyOf(response: Response): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (response.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.byteLength
    if (length > MAX_BODY_BYTES) {
      await reader.cancel().catch(() => undefined)
      return undefined
    }
    chunks.push(value)
  }
  const body = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.byteLength
  }
  return body
}
