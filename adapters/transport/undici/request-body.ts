/** The arguments of `fetch`, in the plain form that undici takes. @module */

export interface PlainRequest {
  readonly url: URL
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array | null
  readonly signal: AbortSignal | undefined
  readonly redirect: string | undefined
}

/** The transport decodes no content coding, so the server must use none. */
const IDENTITY = { 'accept-encoding': 'identity' }

/**
 * The arguments of `fetch`. It takes the plain arguments of adapters as they are, because making a `Request`
 * costs more than all other steps; it makes one for any other arguments.
 *
 * @throws TypeError where `fetch` would.
 */
export async function plainRequestOf(
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<PlainRequest> {
  const { method = 'GET', body = null, headers = {}, signal, redirect } = init
  // Checked before `Request` parses it: the error of `Request` would quote credentials.
  const url = typeof input === 'string' || input instanceof URL ? addressOf(input) : undefined
  const isText = body === null || typeof body === 'string'
  if (url === undefined || !isText || !isRecord(headers) || method !== method.toUpperCase())
    return requested(new Request(input, withDuplex(init)))
  const typed: Record<string, string> = body === null ? {} : { 'content-type': 'text/plain;charset=UTF-8' }
  return {
    url,
    method,
    headers: { ...IDENTITY, ...typed, ...lowered(headers) },
    body,
    signal: signal ?? undefined,
    redirect,
  }
}

function addressOf(input: string | URL): URL {
  const url = new URL(input)
  if (!/^https?:$/.test(url.protocol) || url.username + url.password !== '')
    throw new TypeError('a URL must be of http or https, without credentials')
  return url
}

async function requested(request: Request): Promise<PlainRequest> {
  const { url, method, headers, signal, redirect } = request
  const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer())
  return {
    url: new URL(url),
    method,
    headers: { ...IDENTITY, ...Object.fromEntries(headers) },
    body,
    signal,
    redirect,
  }
}

/** `Request` takes a stream only with `duplex: 'half'`; the transport reads it whole before it sends. */
const withDuplex = (init: RequestInit): RequestInit =>
  init.body instanceof ReadableStream ? Object.assign({ duplex: 'half' }, init) : init

const isRecord = (headers: NonNullable<RequestInit['headers']>): headers is Record<string, string> =>
  !Array.isArray(headers) && !(headers instanceof Headers) && !(Symbol.iterator in headers)

function lowered(headers: Record<string, string>): Record<string, string> {
  const named: Record<string, string> = {}
  for (const name in headers) named[name.toLowerCase()] = headers[name]!
  return named
}
