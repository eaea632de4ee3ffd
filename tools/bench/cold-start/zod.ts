/** A worker with Hono and Zod, which many have without kedge. */
import { Hono } from 'hono'
import * as z from 'zod'

const Health = z.object({ alive: z.boolean() })
const app = new Hono()
app.get('/healthz', (c) => c.json(Health.parse({ alive: true })))

export default app
