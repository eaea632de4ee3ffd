/**
 * HTTP over the simulated network: requests to a proxy, and what becomes of its answers.
 *
 * @module
 */
import type { Network } from './network.ts'
import { pick, type Random } from './random.ts'
import type { Trouble } from './trouble.ts'
import type { Place } from './universe.ts'

export interface HttpRequest {
  readonly host: string
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Headers
  readonly text: string
}

export interface HttpAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly text?: string
  /** How long the proxy took, beyond the time that passed. */
  readonly delayMs?: number
  /** The body never ends, or is larger than any reader's limit. */
  readonly body?: 'stalls' | 'endless'
}

export type Serve = (request: HttpRequest) => Promise<HttpAnswer>

const encoder = new TextEncoder()
/** More than any bound on bodies. */
const HUGE = 33_554_432
let huge: Uint8Array<ArrayBuffer> | undefined

/** `fetch`, to a proxy that serves. */
export function fetchOver(network: Network, serve: Serve, seatOf: (place: Place) => number | undefined) {
  const { trouble } = network
  return async (place: Place, url: string, init: RequestInit): Promise<Response> => {
    const seat = seatOf(place)
    const at = url.indexOf('/', 8)
    const request: HttpRequest = {
      host: url.slice(7, at),
      method: init.method ?? 'GET',
      path: url.slice(at),
      headers: new Headers(init.headers),
      text: typeof init.body === 'string' ? init.body : '',
    }
    const signal = init.signal ?? undefined
    const answer = await network.send({
      seat,
      signal,
      arrive: async (random) => {
        if (!trouble.any) return settled(await serve(request), place)
        return settled(await troubled(request, serve, trouble, seat, random), place)
      },
    })
    return responseOf(answer, signal)
  }
}

/** Waits out what the proxy took. */
async function settled(answer: HttpAnswer, { universe }: Place): Promise<HttpAnswer> {
  if (answer.delayMs !== undefined && answer.delayMs > 0) await universe.sleep(answer.delayMs)
  return answer
}

async function troubled(
  request: HttpRequest,
  serve: Serve,
  trouble: Trouble,
  seat: number | undefined,
  random: Random,
): Promise<HttpAnswer> {
  if (trouble.meets('storm_429', seat, random)) {
    const after: Record<string, string> =
      random() < 0.5 ? { 'retry-after': String(Math.floor(random() * 3)) } : {}
    return json(429, { error_code: 42901, message: 'Too many requests' }, after)
  }
  const storm = trouble.meets('storm_5xx', seat, random)
  if (storm && random() < 0.5)
    return json(pick(random, [500, 502, 503, 504]), { error_code: 50003, message: 'storm' })
  const page = trouble.meets('html_page', seat, random)
  if (page && random() < 0.7) return html(random)
  if (trouble.is('kafka_unavailable', seat)) return unavailable(request, random)
  const isRead = /\/records\?|^\/fetch|\/kafka\/fetch/.test(request.path) && request.method !== 'DELETE'
  const isEmpty = isRead && trouble.meets('empty_polls', seat, random)
  const answer = isEmpty ? await empty(request, serve) : await serve(request)
  if (storm) return json(pick(random, [500, 502, 504]), { error_code: 50001, message: 'storm' })
  if (page) return html(random)
  return spoiled(answer, trouble, seat, random)
}

function spoiled(answer: HttpAnswer, trouble: Trouble, seat: number | undefined, random: Random): HttpAnswer {
  const { text = '' } = answer
  if (text === '') return answer
  if (trouble.meets('body_stalls', seat, random))
    return { ...answer, text: text.slice(0, Math.floor(random() * text.length)), body: 'stalls' }
  if (trouble.meets('body_oversized', seat, random)) return { ...answer, body: 'endless' }
  if (trouble.meets('body_truncated', seat, random))
    return { ...answer, text: text.slice(0, Math.floor(random() * text.length)) }
  if (trouble.meets('body_garbled', seat, random)) {
    // A byte that JSON does not allow: a wrong digit would pass for data, and real networks have checksums against it.
    const at = Math.floor(random() * text.length)
    return { ...answer, text: `${text.slice(0, at)}\u0000${text.slice(at + 1)}` }
  }
  return answer
}

/**
 * As consumers answer that have not warmed up, or lost their position. A reader by offset finds nothing, and still gets
 * the error where the offset lies outside of the log.
 */
async function empty(request: HttpRequest, serve: Serve): Promise<HttpAnswer> {
  if (request.method === 'GET' && request.path.startsWith('/consumers/')) {
    return { status: 200, headers: { 'content-type': request.headers.get('accept') ?? '' }, text: '[]' }
  }
  const answer = await serve(request)
  if (answer.status !== 200 || answer.text === undefined) return answer
  const body = JSON.parse(answer.text) as unknown
  // Without a next offset: that would say that nothing is there.
  const { 'kedge-next-offset': _, ...headers } = answer.headers ?? {}
  if (Array.isArray(body)) return { ...answer, headers, text: '[]' }
  const { topics } = body as { topics: { topic: string; partitions: object[] }[] }
  const none = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((partition) => ({ ...partition, records: [] })),
  }))
  return { ...answer, text: JSON.stringify({ topics: none }) }
}

/** A success may carry the failure of a produce. */
function unavailable({ method, path }: HttpRequest, random: Random): HttpAnswer {
  if (method === 'POST' && path.startsWith('/topics/') && random() < 0.5) {
    const error = { partition: null, offset: null, error_code: 50003, error: 'Kafka cannot be reached' }
    return json(200, { key_schema_id: null, value_schema_id: null, offsets: [error] })
  }
  return json(pick(random, [500, 503]), { error_code: 50003, message: 'Kafka cannot be reached' })
}

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  text: JSON.stringify(body),
})

const html = (random: Random): HttpAnswer => ({
  status: random() < 0.5 ? 200 : 502,
  headers: { 'content-type': 'text/html' },
  text: '<html><body><h1>Bad gateway</h1></body></html>',
})

/** What adapters use of a response, without the streams of the platform. */
export function responseOf(answer: HttpAnswer, signal: AbortSignal | undefined): Response {
  const { status, headers = {}, text } = answer
  const response = {
    status,
    ok: status >= 200 && status <= 299,
    headers: new SomeHeaders(headers),
    body:
      text === undefined
        ? null
        : { getReader: () => readerOf(answer, signal), cancel: async () => undefined },
  }
  return response as unknown as Response
}

class SomeHeaders {
  readonly #all: Readonly<Record<string, string>>

  constructor(all: Readonly<Record<string, string>>) {
    this.#all = all
  }

  get(name: string): string | null {
    return this.#all[name] ?? null
  }

  has(name: string): boolean {
    return name in this.#all
  }

  getSetCookie(): string[] {
    return []
  }
}

function readerOf({ text = '', body }: HttpAnswer, signal: AbortSignal | undefined) {
  let chunks = [encoder.encode(text)]
  if (body === 'endless') chunks.push((huge ??= new Uint8Array(HUGE)))
  return {
    read: async (): Promise<{ done: boolean; value?: Uint8Array }> => {
      const [value, ...rest] = chunks
      chunks = rest
      if (value) return { done: false, value }
      if (body !== 'stalls') return { done: true }
      return new Promise((_, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        return undefined
      })
    },
    cancel: async () => undefined,
  }
}
