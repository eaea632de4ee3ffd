/**
 * A worker whose isolates share Workers KV or the Cache API.
 *
 * `GET /cache/rows/:key` reads through, `DELETE` evicts, `GET /readyz` polls. `GET /raw/:key` reads the store,
 * and `PUT` puts that there.
 */
import { cacheApi } from '../../../../adapters/stores/cache-api.ts'
import { gateway } from '../../../../adapters/kafka/gateway.ts'
import { itemName } from '../../../../adapters/stores/shared/item-name.ts'
import { workersKv } from '../../../../adapters/stores/workers-kv.ts'
import { createCache } from '../../../../src/index.ts'
import type { Cache, RequestContext, Tier } from '../../../../src/index.ts'
import type { Env as KvEnv } from './suite-worker.ts'
import { sharedTier } from '../../../../src/tier/index.ts'

interface Env extends KvEnv {
  readonly KAFKA_REST_URL: string
  readonly ORIGIN_URL: string
  readonly TIER: 'kv' | 'cache'
}

const tierOf = (env: Env): Tier =>
  env.TIER === 'kv'
    ? workersKv(env.KV, { timeout: '4s' })
    : cacheApi(() => caches.open('kedge'), { timeout: '4s' })

/** An item as the store has it. */
interface Raw {
  readonly text: string
  readonly head: string
}

const nameOf = (prefix: string, key: string) => itemName(`${prefix}t:`, 'rows', key)
const urlOf = async (key: string) => `https://kedge.invalid/${await nameOf('', key)}`

async function held(env: Env, key: string): Promise<Raw | null> {
  if (env.TIER === 'kv') {
    const name = await nameOf('kedge:', key)
    const item = (await env.KV.getWithMetadata([name], { type: 'text', cacheTtl: 60 })).get(name)
    return item?.value ? { text: item.value, head: String(item.metadata) } : null
  }
  const response = await (await caches.open('kedge')).match(await urlOf(key))
  if (!response) return null
  return { text: await response.text(), head: response.headers.get('x-kedge-item') ?? '' }
}

async function plant(env: Env, key: string, { text, head }: Raw): Promise<void> {
  if (env.TIER === 'kv') {
    return env.KV.put(await nameOf('kedge:', key), text, { expirationTtl: 600, metadata: head })
  }
  const headers = { 'cache-control': 'max-age=600', 'x-kedge-item': head }
  return (await caches.open('kedge')).put(await urlOf(key), new Response(text, { headers }))
}

let cache: Cache | undefined

function made(env: Env): Cache {
  return (cache ??= createCache({
    kafka: gateway({ url: env.KAFKA_REST_URL }),
    use: [sharedTier(tierOf(env), { timeout: '4s', hardTimeout: '4s' })],
    ttl: '1h',
    pollTimeout: '5s',
    onUnreachable: 'bypass',
  }))
}

const worker = {
  async fetch(request: Request, env: Env, context: RequestContext): Promise<Response> {
    const { pathname } = new URL(request.url)
    const scope = made(env).for(context)
    const rows = scope.namespace('rows')
    const key = decodeURIComponent(pathname.split('/').at(-1) ?? '')
    if (pathname === '/readyz') return Response.json({}, { status: (await scope.sync()).proved ? 200 : 503 })
    if (pathname.startsWith('/raw/')) {
      if (request.method === 'PUT') await plant(env, key, ((await request.json()) as { value: Raw }).value)
      return Response.json({ value: await held(env, key) })
    }
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
