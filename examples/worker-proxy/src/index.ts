/** A proxy before an HTTP API: answers to GET come from the cache, and writes that pass through evict what they changed. */
import { type Context, Hono } from 'hono'
import { getCookie } from 'hono/cookie'
import { createCache, type Cache, type Duration, isKedgeError, type KafkaLog } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { beat, cacheStatusHeaders, kedge, type KedgeEnv, TOKEN_NAME } from 'kedge/worker'
import { type Held, heldOf, type Kept } from './kept.ts'
import { changedBy, type Place, placeOf } from './places.ts'

type ProxyEnv = { Bindings: Env; Variables: KedgeEnv['Variables'] }

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
/** With one of these a request is for its sender alone, or for a part. */
const PERSONAL = ['authorization', 'range', 'upgrade', 'x-api-key']

let isolate: { readonly kafka: KafkaLog; readonly cache: Cache } | undefined

/** One cache for the isolate, made at its first event: not before it are the bindings known. */
function isolateOf(env: Env): { readonly kafka: KafkaLog; readonly cache: Cache } {
  if (isolate !== undefined) return isolate
  const kafka = gateway({ url: env.KAFKA_REST_URL, auth: { token: env.KAFKA_TOKEN } })
  const cache = createCache({ kafka, maxStaleness: env.MAX_STALENESS as Duration, maxBytes: 48_000_000 })
  cache.namespace<Held>('answers', { ttl: ({ ttlMs }) => ttlMs ?? (env.TTL as Duration) })
  isolate = { kafka, cache }
  return isolate
}

const app = new Hono<ProxyEnv>()
app.use(kedge((c) => isolateOf(c.env as Env).cache, { cookie: true }))

app.all('*', async (c) => {
  const url = new URL(c.req.url)
  if (!SAFE.has(c.req.method)) return write(c, url)
  const place = c.req.method === 'GET' && isForEverybody(c) ? placeOf(url) : undefined
  return place === undefined ? pass(c, url) : read(c, url, place)
})

app.onError((error, c) => {
  // Kafka has not acknowledged the eviction: the client must write again, or isolates keep the old answer.
  const isUnpublished = isKedgeError(error) && error.code === 'ERR_PUBLISH'
  if (!isUnpublished) console.error(error)
  return c.json({ error: isUnpublished ? error.code : 'ERR_UPSTREAM' }, isUnpublished ? 503 : 502)
})

async function read(c: Context<ProxyEnv>, url: URL, place: Place): Promise<Response> {
  const answers = c.var.cache.namespace<Held>('answers')
  const load = async ({ signal }: { readonly signal: AbortSignal }): Promise<Held> => {
    // With nothing of the request but its address: nothing else is part of the key.
    const response = await fetch(targetOf(c.env, url), { signal, redirect: 'manual' })
    return heldOf(response)
  }
  const entry = await answers.getEntry(place.key, load, { tags: place.tags })
  const answer = entry.value?.answer
  if (!answer) return pass(c, url)
  return answerWith(answer, c.req.header('if-none-match'), cacheStatusHeaders(entry, true))
}

async function write(c: Context<ProxyEnv>, url: URL): Promise<Response> {
  const evict = () => c.var.cache.namespace('answers').invalidateTags(changedBy(url))
  let response: Response
  try {
    response = await pass(c, url)
  } catch (error) {
    // The API may have written all the same.
    await evict()
    throw error
  }
  // The API refused, so nothing changed. After a failure it may have; dropping an answer is always safe.
  if (response.status < 400 || response.status >= 500) await evict()
  return response
}

/** Sends the request as it came to the upstream, and the answer as it comes back. */
async function pass(c: Context<ProxyEnv>, url: URL): Promise<Response> {
  const request = new Request(targetOf(c.env, url), c.req.raw)
  request.headers.delete(TOKEN_NAME)
  const response = await fetch(request, { redirect: 'manual' })
  return new Response(response.body, response)
}

function answerWith(
  { status, headers, body }: Kept,
  known: string | undefined,
  own: Record<string, string>,
): Response {
  const answer = new Response(body, {
    status,
    headers: headers.map(([name, value]) => [name, value] as [string, string]),
  })
  // A cache on the way would serve what is already evicted; it may keep the answer, and must ask whether it
  // still holds.
  answer.headers.set('cache-control', 'no-cache')
  for (const [name, value] of Object.entries(own)) answer.headers.set(name, value)
  const etag = answer.headers.get('etag')
  const weak = (tag: string): string => tag.trim().replace(/^W\//, '')
  const isKnown =
    etag !== null && known?.split(',').some((tag) => tag.trim() === '*' || weak(tag) === weak(etag))
  return isKnown === true && status === 200
    ? new Response(null, { status: 304, headers: answer.headers })
    : answer
}

function isForEverybody(c: Context<ProxyEnv>): boolean {
  const cookies = Object.keys(getCookie(c)).filter((name) => name !== TOKEN_NAME)
  return cookies.length === 0 && PERSONAL.every((name) => c.req.header(name) === undefined)
}

const targetOf = (env: Env, url: URL): string => env.UPSTREAM_URL + url.pathname + url.search

export default {
  fetch: app.fetch,
  /** The heartbeat, which keeps the identity of a log verifiable where evictions are rare. */
  scheduled: (_controller, env) => beat(isolateOf(env).kafka, 'cache-evictions', 1),
} satisfies ExportedHandler<Env>
