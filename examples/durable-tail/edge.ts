/** A Worker whose isolates share one proof of freshness: a Durable Object samples the log for them. */
import { type Cache, createCache, type RequestContext } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { cacheApiStore, tail } from 'kedge/adapters/tail'
import { durableTail, regionOf, TailObject, type TailNamespace } from 'kedge/worker/tail'

interface Env {
  readonly KAFKA_REST_URL: string
  readonly KEDGE_TAIL: TailNamespace
  readonly TAIL_SECRET: string
}

/** The object. Bound as KEDGE_TAIL; nothing outside of the Workers that bind it can ask it. */
export class KedgeTail extends TailObject<Env> {
  override log() {
    return gateway({ url: this.env.KAFKA_REST_URL })
  }
}

let cache: Cache | undefined

/** One for the isolate, made at its first request: that says where the isolate is. */
function cacheOf(env: Env, request: Request): Cache {
  return (cache ??= createCache({
    kafka: tail({
      // Takes the evictions that this isolate writes. It is never polled.
      origin: gateway({ url: env.KAFKA_REST_URL }),
      ask: durableTail(env.KEDGE_TAIL, { region: regionOf((request as { cf?: unknown }).cf) }),
      // What the object answers one isolate of a data center, the others need not ask.
      store: cacheApiStore(() => caches.open('kedge-tail')),
      secret: env.TAIL_SECRET,
    }),
    maxStaleness: '1s',
    refreshAfter: '250ms',
  }))
}

const worker = {
  async fetch(request: Request, env: Env, context: RequestContext): Promise<Response> {
    const shared = cacheOf(env, request)
    const users = shared.for(context).namespace<string>('users')
    const { pathname } = new URL(request.url)
    if (pathname === '/stats') return Response.json(shared.stats())
    const key = pathname.slice(1)
    if (request.method === 'DELETE') return Response.json({ token: await users.delete(key) })
    const { value, from } = await users.getEntry(key, () => 'Ada')
    return Response.json({ value, from })
  },
}

export default worker
