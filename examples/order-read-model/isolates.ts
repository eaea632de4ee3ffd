/** The edge worker twice, in workerd, the runtime of Cloudflare Workers: two isolates that know nothing of each other. @module */
import { startIsolate } from '../tour/isolate.ts'
import { type OpenServer, serveApp } from '../tour/server.ts'
import { bundleWorker } from '../tour/worker-bundle.ts'
import type { Redis } from 'ioredis'
import { redisRest } from './redis-rest.ts'

export interface Edge {
  /** Addresses of the two. */
  readonly a: string
  readonly b: string
  close(): Promise<void>
}

export interface EdgeOptions {
  readonly kafkaUrl: string
  readonly redis: Redis
  readonly maxStalenessMs: number
}

const ANY_PORT = { port: 0, orAnother: true }

export async function startEdge({ kafkaUrl, redis, maxStalenessMs }: EdgeOptions): Promise<Edge> {
  const token = crypto.randomUUID()
  const open: OpenServer[] = []
  const close = async () => {
    await Promise.allSettled(open.map((server) => server.close()))
  }
  try {
    const script = await bundleWorker(new URL('edge.ts', import.meta.url))
    const rest = await serveApp(redisRest(redis, token), ANY_PORT)
    open.push(rest)
    const bindings = {
      KAFKA_REST_URL: kafkaUrl,
      UPSTASH_REDIS_REST_URL: rest.url,
      UPSTASH_REDIS_REST_TOKEN: token,
      MAX_STALENESS_MS: String(maxStalenessMs),
    }
    const a = await startIsolate({ script, bindings, port: ANY_PORT })
    open.push(a)
    const b = await startIsolate({ script, bindings, port: ANY_PORT })
    open.push(b)
    return { a: a.url, b: b.url, close }
  } catch (error) {
    await close()
    throw error
  }
}
