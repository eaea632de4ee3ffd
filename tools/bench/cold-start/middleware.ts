/** A worker with Hono and the middleware. */
import { Hono } from 'hono'
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { type Cache, createCache } from '../../../src/index.ts'
import { kedge, type KedgeEnv } from '../../../worker/library.ts'

interface Env {
  Bindings: { KAFKA_REST_URL: string }
  Variables: KedgeEnv['Variables']
}

let cache: Cache | undefined
const app = new Hono<Env>()
app.use(
  kedge((c) => {
    const { KAFKA_REST_URL: url } = c.env as Env['Bindings']
    return (cache ??= createCache({ kafka: gateway({ url }) }))
  }),
)
app.get('/healthz', (c) => c.json({ alive: true }))

export default app
