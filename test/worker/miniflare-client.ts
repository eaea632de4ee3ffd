/** A client of an isolate under test. */
import { request } from 'node:http'
import { PATIENCE_MS } from './miniflare-until.ts'

/** What a client sees of an answer. */
export interface Answer {
  readonly status: number
  /** The field `Cache-Status`, or `''`. */
  readonly cacheStatus: string
  readonly token: string | undefined
  readonly headers: Headers
  readonly body: unknown
  /** The value, where the answer holds one. */
  readonly value: unknown
}

export interface Ask {
  readonly method?: string
  readonly body?: unknown
  /** A body as it is, instead of `body`. */
  readonly raw?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
  /** The token of a write that the answer must know of. */
  readonly after?: string | undefined
  /** The read waits no longer than this, in milliseconds. */
  readonly withinMs?: number
}

export class Client {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  /** Rejects when there is no answer in time. */
  async ask(path: string, ask: Ask = {}): Promise<Answer> {
    const { method = 'GET', body, raw, headers = {}, after, withinMs = PATIENCE_MS } = ask
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(content !== undefined && { 'content-type': 'application/json' }),
        ...(after !== undefined && { 'kedge-token': after }),
        ...headers,
      },
      ...(content !== undefined && { body: content }),
      signal: AbortSignal.timeout(withinMs),
    })
    const text = await response.text()
    const answer = parsed(text)
    return {
      status: response.status,
      cacheStatus: response.headers.get('cache-status') ?? '',
      token: response.headers.get('kedge-token') ?? undefined,
      headers: response.headers,
      body: answer,
      value: typeof answer === 'object' && answer !== null && 'value' in answer ? answer.value : undefined,
    }
  }

  read(key: string, ask: Ask = {}): Promise<Answer> {
    return this.ask(`/cache/rows/${encodeURIComponent(key)}`, ask)
  }

  /** Evicts a key; the token of that. */
  async evict(key: string): Promise<string> {
    const { status, token } = await this.ask(`/cache/rows/${encodeURIComponent(key)}`, { method: 'DELETE' })
    if (status !== 200 || token === undefined) throw new Error(`the eviction was answered with ${status}`)
    return token
  }

  /** A request whose client will not wait for the answer: it hangs up when the test calls. */
  leave(path: string): () => void {
    const call = request(`${this.url}${path}`, { agent: false })
    call.on('error', () => undefined)
    call.on('response', (response) => response.resume())
    call.end()
    return () => void call.socket?.resetAndDestroy()
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
