import { createCache, type Cache, type KafkaLog } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { beat } from 'kedge/worker'
import { createShop, declare } from './shop.ts'

interface Isolate {
  readonly kafka: KafkaLog
  readonly cache: Cache
}

let isolate: Isolate | undefined

/** One cache for the isolate, made at its first event: not before it are the bindings known. */
function isolateOf(env: Env): Isolate {
  if (isolate !== undefined) return isolate
  const kafka = gateway({ url: env.KAFKA_REST_URL, auth: { token: env.KAFKA_TOKEN } })
  isolate = { kafka, cache: declare(createCache({ kafka, maxStaleness: '2s' })) }
  return isolate
}

const app = createShop((env) => isolateOf(env).cache)

export default {
  fetch: app.fetch,
  /** The heartbeat, which keeps the identity of a log verifiable where evictions are rare. */
  scheduled: (_controller, env) => beat(isolateOf(env).kafka, 'cache-evictions', 1),
} satisfies ExportedHandler<Env>
