/**
 * A worker that uses the cache without the context of a request: what a request began dies with it.
 *
 * `GET /cache/rows/:key` reads through, `DELETE` evicts, `GET /stats` counts, `GET /freshness` tells of garbage, `GET /readyz` polls.
 */
import { gateway } from '../../adapters/kafka/gateway.ts'
import { createCache } from '../../src/index.ts'
import type { Cache } from '../../src/index.ts'

interface Env {
  readonly KAFKA_REST_URL: string
  readonly ORIGIN_URL: string
}

let cache: Cache | undefined
const counts = { takeover: 0, load: 0, unreadable: 0 }

function made(env: Env): Cache {
  return (cache ??= createCache({
    kafka: gateway({ url: env.KAFKA_REST_URL }),
    ttl: '1h',
    pollTimeout: '5s',
    onUnreachable: 'bypass',
    onEvent: ({ type }) => {
      if (type in counts) counts[type as keyof typeof counts]++
    },
  }))
}

const worker = {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url)
    const rows = made(env).namespace('rows')
    const key = decodeURIComponent(pathname.split('/').at(-1) ?? '')
    if (pathname === '/stats') return Response.json({ ...made(env).stats(), ...counts })
    if (pathname === '/freshness') return Response.json(made(env).freshness())
    if (pathname === '/readyz')
      return Response.json({}, { status: (await made(env).sync()).proved ? 200 : 503 })
    if (request.method === 'DELETE') {
      const token = await rows.delete(key)
      return Response.json({ token }, { headers: { 'kedge-token': token } })
    }
    const after = request.headers.get('kedge-token')
    const value = await rows.getOrSet(
      key,
      async ({ signal }) => {
        const answer = await fetch(`${env.ORIGIN_URL}/rows/${encodeURIComponent(key)}`, { signal })
        return ((await answer.json()) as { value: unknown }).value
      },
      after === null ? {} : { after },
    )
    return Response.json({ value })
  },
}

export default worker
