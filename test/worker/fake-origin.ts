/** An origin that never leaves the process, and remembers what it was asked. */
import { httpOrigin, type Origin, type OriginOptions } from '../../worker/origin.ts'

export interface FakeOrigin {
  readonly origin: Origin
  /** `METHOD path`, in order. */
  readonly asked: string[]
  readonly requests: { readonly url: string; readonly init: RequestInit }[]
}

/** `answer` is called for every request; what it throws is what `fetch` rejects with. */
export function fakeOrigin(
  answer: (method: string, path: string, init: RequestInit) => Response | Promise<Response>,
  options: Partial<OriginOptions> = {},
): FakeOrigin {
  const asked: string[] = []
  const requests: { url: string; init: RequestInit }[] = []
  const origin = httpOrigin({
    url: 'http://origin.test/v1/',
    format: 'envelope',
    fetch: async (url, init) => {
      const path = url.slice('http://origin.test/v1'.length)
      asked.push(`${init.method} ${path}`)
      requests.push({ url, init })
      return answer(init.method ?? '', path, init)
    },
    ...options,
  })
  return { origin, asked, requests }
}

/** An origin over rows: `namespace/key` → answer. */
export function originOf(rows: Record<string, unknown>, tags: readonly string[] = []): FakeOrigin {
  return fakeOrigin((method, path, init) => {
    const at = decodeURIComponent(path.slice(1))
    if (method === 'PUT') {
      const body = JSON.parse(init.body as string) as { value: unknown }
      rows[at] = body.value
      return new Response(null, { status: 204 })
    }
    return at in rows ? Response.json({ value: rows[at], tags }) : new Response('no', { status: 404 })
  })
}
