/** A `fetch` that answers from a script, and remembers what it was asked. */

export interface Seen {
  readonly method: string
  readonly origin: string
  /** Path and query. */
  readonly path: string
  readonly headers: Headers
  /** The body as JSON, where it is. */
  readonly body: unknown
  readonly text: string
  readonly init: RequestInit
}

export type Script = (request: Seen) => Response | Promise<Response> | undefined

export interface ScriptedFetch {
  readonly fetch: typeof fetch
  readonly seen: Seen[]
  /** `METHOD path` of each request. */
  readonly lines: () => string[]
}

/** Answers by the first script that has something to say. What none of them knows is a 404 in HTML. */
export function scriptedFetch(...scripts: Script[]): ScriptedFetch {
  const seen: Seen[] = []
  return {
    seen,
    lines: () => seen.map(({ method, path }) => `${method} ${path}`),
    fetch: async (input, init = {}) => {
      const { origin, pathname, search } = new URL(input instanceof Request ? input.url : input)
      const request: Seen = {
        method: init.method ?? 'GET',
        origin,
        path: pathname + search,
        headers: new Headers(init.headers),
        body: jsonOf(init.body),
        text: typeof init.body === 'string' ? init.body : '',
        init,
      }
      seen.push(request)
      init.signal?.throwIfAborted()
      for (const script of scripts) {
        const answer = await script(request)
        if (answer) return answer
      }
      return html(404)
    },
  }
}

/** Answers requests whose line matches. */
export const on =
  (line: string | RegExp, answer: (request: Seen) => Response | Promise<Response>): Script =>
  (request) => {
    const asked = `${request.method} ${request.path}`
    return (typeof line === 'string' ? asked === line : line.test(asked)) ? answer(request) : undefined
  }

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(status === 204 ? null : JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/vnd.kafka.v2+json', ...headers },
  })

export const html = (status: number, headers: Record<string, string> = {}): Response =>
  new Response('<html><body>Too bad</body></html>', {
    status,
    headers: { 'content-type': 'text/html', ...headers },
  })

/** Never answers, and does not care for its signal. */
export const silence = (): Promise<Response> => new Promise(() => undefined)

export const base64 = (text: string): string => btoa(text)
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array | null | undefined): string | null =>
  bytes ? new TextDecoder().decode(bytes) : null

/** What a promise rejects with. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ resolved: value }),
    (reason: unknown) => reason,
  )

export const AT_ONCE = { maxBytes: 1_000_000, waitMs: 0, isolation: 'uncommitted' } as const

function jsonOf(body: unknown): unknown {
  if (typeof body !== 'string') return undefined
  try {
    return JSON.parse(body) as unknown
  } catch {
    return body
  }
}
