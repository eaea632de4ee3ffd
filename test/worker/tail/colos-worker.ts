/**
 * Many caches in one worker, each an isolate of its own as far as kedge knows, dealt over two data centers; and the tail that they
 * share.
 *
 * `GET /isolate/:n/rows/:key` reads through, `DELETE` evicts. `/stats` sums what the caches count, `/tails` tells the objects that
 * were asked, `/proof` what one tells, and `/abort` ends all of them.
 */
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { cacheApiStore, type ProofStore, tail } from '../../../adapters/sharing/tail.ts'
import { createCache } from '../../../src/index.ts'
import type { Cache, KafkaLog, RequestContext } from '../../../src/index.ts'
import { durableTail, TailObject, type TailNamespace, type TailStub } from '../../../worker/tail.ts'

interface Env {
  readonly KAFKA_REST_URL: string
  /** `none`: the log tells no identity. */
  readonly IDENTITY?: 'none'
  readonly ORIGIN_URL: string
  readonly STORE: 'none' | 'caches.open' | 'caches.default' | 'throws'
  readonly SHARDS: string
  readonly MAX_STALENESS: `${number}ms`
  readonly KEDGE_TAIL: TailNamespace
}

const TOPIC = 'cache-evictions'
const COLOS = 2
const SECRET = 'colo'.repeat(11)

function originOf({ KAFKA_REST_URL: url, IDENTITY }: Env): KafkaLog {
  const log = gateway({ url })
  if (IDENTITY !== 'none') return log
  const offsets: KafkaLog['offsets'] = async (topic, options) =>
    (await log.offsets(topic, options)).map(({ partition, beginning, end }) => ({
      partition,
      beginning,
      end,
    }))
  return { ...log, offsets, capabilities: { ...log.capabilities, identity: false } }
}

export class KedgeTail extends TailObject<Env> {
  override log(): KafkaLog {
    return originOf(this.env)
  }

  override async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname !== '/abort') return super.fetch(request)
    ;(this.ctx as unknown as { abort(why: string): void }).abort('ended by the test')
    return new Response()
  }
}

const stores: Readonly<Record<Env['STORE'], (colo: number) => ProofStore | undefined>> = {
  none: () => undefined,
  'caches.open': (colo) => cacheApiStore(() => caches.open(`colo-${colo}`)),
  'caches.default': (colo) =>
    cacheApiStore(() => (caches as unknown as { default: Awaited<ReturnType<typeof caches.open>> }).default, {
      origin: `https://colo-${colo}.invalid`,
    }),
  throws: () => ({
    get: () => Promise.reject(new Error('the store is away')),
    put: () => Promise.reject(new Error('the store is away')),
  }),
}

const isolates = new Map<number, Cache>()
/** By name: how often it was asked. */
const asked = new Map<string, number>()

/** Notes which objects are asked. */
const noting = (namespace: TailNamespace): TailNamespace => ({
  getByName(name, options): TailStub {
    asked.set(name, (asked.get(name) ?? 0) + 1)
    return namespace.getByName(name, options)
  },
})

function isolateOf(env: Env, number: number): Cache {
  const known = isolates.get(number)
  if (known) return known
  const store = stores[env.STORE](number % COLOS)
  const kafka = tail({
    origin: originOf(env),
    ask: durableTail(noting(env.KEDGE_TAIL), { region: 'weur', shards: Number(env.SHARDS) }),
    ...(store && { store, secret: SECRET }),
    // Where the test is loaded a poll may take its time; the promise must still hold.
    requestTimeout: '5s',
  })
  const cache = createCache({
    kafka,
    ttl: '1h',
    maxStaleness: env.MAX_STALENESS,
    refreshAfter: '250ms',
    pollTimeout: '5s',
    onUnreachable: 'bypass',
  })
  isolates.set(number, cache)
  return cache
}

function sums(): Record<string, number> {
  const sum = { hits: 0, polls: 0, sharedPolls: 0, pollFailures: 0, reanchors: 0 }
  for (const cache of isolates.values())
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += cache.stats()[name]
  return sum
}

async function proofOf(env: Env): Promise<unknown> {
  const { signal } = new AbortController()
  const ask = durableTail(env.KEDGE_TAIL, { region: 'weur' })
  return (await ask(`/tail/${TOPIC}/0?max_age=0&question=test`, { signal })).json()
}

/** Each of them rejects: that is how its end is seen from outside. */
async function abortAll(env: Env): Promise<number> {
  const { signal } = new AbortController()
  const ends = [...asked.keys()].map((name) =>
    env.KEDGE_TAIL.getByName(name).fetch('https://tail.invalid/abort', { signal }),
  )
  return (await Promise.allSettled(ends)).filter(({ status }) => status === 'rejected').length
}

const worker = {
  async fetch(request: Request, env: Env, context: RequestContext): Promise<Response> {
    const [, what, number, , key = ''] = new URL(request.url).pathname.split('/')
    if (what === 'stats') return Response.json(sums())
    if (what === 'tails') return Response.json(Object.fromEntries(asked))
    if (what === 'proof') return Response.json(await proofOf(env))
    if (what === 'abort') return Response.json({ ended: await abortAll(env) })
    const rows = isolateOf(env, Number(number)).for(context).namespace<number>('rows')
    if (request.method === 'DELETE') return Response.json({ token: await rows.delete(key) })
    const value = await rows.getOrSet(key, async ({ signal }) => {
      const answer = await fetch(`${env.ORIGIN_URL}/rows/${key}`, { signal })
      return ((await answer.json()) as { value: number }).value
    })
    return Response.json({ value })
  },
}

export default worker
