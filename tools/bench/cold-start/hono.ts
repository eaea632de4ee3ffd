/** The least that a worker with Hono can be. */
import { Hono } from 'hono'

const app = new Hono()
app.get('/healthz', (c) => c.json({ alive: true }))

export default app
