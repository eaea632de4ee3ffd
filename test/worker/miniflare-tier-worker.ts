/**
 * A worker whose isolates share a tier, reached by `fetch`.
 *
 * `GET /cache/rows/:key` reads through, `DELETE` evicts, `GET /stats` counts, `GET /readyz` polls.
 */
import { gateway } from '../../adapters/kafka/gateway.ts'
import { createCache } from '../../src/index.ts'
import type { Cache, RequestContext, Tier, TierItem } from '../../src/index.ts'
import { sharedTier } from '../../src/tier/index.ts'

interface Env {
  readonly KAFKA_REST_URL: string
  readonly ORIGIN_URL: string
  readonly TIER_URL: string
}

interface Stored {
  readonly text: string
  readonly asOf: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A tier without an applier, that keeps the last value written. */
function fetched(url: string): Tier {
  const at = (namespace: string, key: string) => `${url}/values/${encodeURIComponent(`${namespace}/${key}`)}`
  return {
    name: 'fetched',
    async getMany({ namespace }, keys, { signal } = {}) {
      const items = new Map<string, TierItem>()
      await Promise.all(
        keys.map(async (key) => {
          const answer = await fetch(at(namespace, key), { signal: signal ?? null })
          const { value } = (await answer.json()) as { value?: Stored | null }
          if (value) items.set(key, { bytes: encoder.encode(value.text), asOf: value.asOf, covered: false })
        }),
      )
      return { items, applied: undefined }
    },
    async setMany({ namespace }, writes, { signal } = {}) {
      for (const { key, bytes, asOf } of writes) {
        const body = JSON.stringify({ value: { text: decoder.decode(bytes), asOf } satisfies Stored })
        await fetch(at(namespace, key), { method: 'PUT', body, signal: signal ?? null })
      }
    },
    async deleteMany() {},
  }
}

let cache: Cache | undefined
const counts = { takeover: 0, load: 0 }

function made(env: Env): Cache {
  return (cache ??= createCache({
    kafka: gateway({ url: env.KAFKA_REST_URL }),
    use: [sharedTier(fetched(env.TIER_URL), { timeout: '4s', hardTimeout: '4s' })],
    gzipAboveBytes: Infinity,
    ttl: '1h',
    pollTimeout: '5s',
    onUnreachable: 'bypass',
    onEvent: ({ type }) => {
      if (type in counts) counts[type as keyof typeof counts]++
    },
  }))
}

const worker = {
  async fetch(request: Request, env: Env, context: RequestContext): Promise<Response> {
    const { pathname } = new URL(request.url)
    const scope = made(env).for(context)
    const rows = scope.namespace('rows')
    const key = decodeURIComponent(pathname.split('/').at(-1) ?? '')
    if (pathname === '/stats') return Response.json({ ...made(env).stats(), ...counts })
    if (pathname === '/readyz') return Response.json({}, { status: (await scope.sync()).proved ? 200 : 503 })
    if (request.method === 'DELETE') {
      const token = await rows.delete(key)
      return Response.json({ token }, { headers: { 'kedge-token': token } })
    }
    const after = request.headers.get('kedge-token')
    const { value, from } = await rows.getEntry(
      key,
      async ({ signal }) => {
        const answer = await fetch(`${env.ORIGIN_URL}/rows/${encodeURIComponent(key)}`, { signal })
        return ((await answer.json()) as { value: unknown }).value
      },
      after === null ? {} : { after },
    )
    return Response.json({ value, from })
  },
}

export default worker
