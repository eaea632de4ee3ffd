/**
 * The edge worker: orders as pages show them, out of the isolate's own memory, and out of Redis where it has none.
 *
 * It reads Redis by HTTP, as Workers do: Upstash's REST API, or any front of a Redis of yours that speaks it.
 *
 * @module
 */
import { type Context, Hono } from 'hono'
import { type Cache, createCache } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { cacheStatusHeaders, kedge } from 'kedge/worker'
import * as z from 'zod'
import { NAMESPACE, OrderView } from './events.ts'

interface Bindings {
  /** A gateway in front of Kafka. */
  readonly KAFKA_REST_URL: string
  readonly UPSTASH_REDIS_REST_URL: string
  readonly UPSTASH_REDIS_REST_TOKEN: string
  /** Milliseconds: no read returns a view whose eviction is older. */
  readonly MAX_STALENESS_MS: string
}
type EdgeContext = Context<{ Bindings: Bindings }>

let cache: Cache | undefined

/** One cache for the isolate, made at the first request: not before it are the bindings known. */
function cacheOf({ env }: EdgeContext): Cache {
  if (cache !== undefined) return cache
  cache = createCache({
    kafka: gateway({ url: env.KAFKA_REST_URL }),
    maxStaleness: Number(env.MAX_STALENESS_MS),
    // An order is shown as it is or not from memory at all: where Kafka is away, Redis is asked each time.
    onUnreachable: 'bypass',
  })
  cache.namespace<OrderView | null>(NAMESPACE, {
    schema: OrderView.nullable(),
    // That there is no such order is remembered too: it is evicted when there is one.
    ttl: (view) => (view === null ? '1m' : '10m'),
  })
  return cache
}

const Answer = z.object({ result: z.string().nullable() })

async function viewFromRedis(
  { env }: EdgeContext,
  id: string,
  signal: AbortSignal,
): Promise<OrderView | null> {
  const response = await fetch(env.UPSTASH_REDIS_REST_URL, {
    method: 'POST',
    headers: { authorization: `Bearer ${env.UPSTASH_REDIS_REST_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(['GET', `{order:${id}}:view`]),
    signal,
  })
  if (!response.ok) throw new Error(`Redis answered with ${response.status}`)
  const { result } = Answer.parse(await response.json())
  return result === null ? null : OrderView.parse(JSON.parse(result))
}

const app: Hono<{ Bindings: Bindings }> = new Hono<{ Bindings: Bindings }>()

app.use(kedge(cacheOf))

app.get('/orders/:id', async (c) => {
  const orders = c.var.cache.namespace<OrderView | null>(NAMESPACE)
  const entry = await orders.getEntry(c.req.param('id'), ({ key, signal }) => viewFromRedis(c, key, signal))
  for (const [name, value] of Object.entries(cacheStatusHeaders(entry, true))) c.header(name, value)
  return entry.value ? c.json(entry.value) : c.json({ error: 'there is no such order' }, 404)
})

export default app
