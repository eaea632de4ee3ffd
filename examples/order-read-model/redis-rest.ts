/**
 * The least of Upstash's REST API over a Redis of one's own: `POST /` with `["GET", key]` and a bearer token. With Upstash
 * itself, or with a full front of this API beside your Redis, you leave it away.
 *
 * @module
 */
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { bearerAuth } from 'hono/bearer-auth'
import type { Redis } from 'ioredis'
import * as z from 'zod'

/** Edges read. Writers stand beside Redis, and need no HTTP. */
const Command = z.tuple([z.literal('GET'), z.string().min(1).max(1024)])

export function redisRest(redis: Redis, token: string): Hono {
  const app = new Hono()
  app.use(bearerAuth({ token }))
  app.use(bodyLimit({ maxSize: 10_000 }))
  app.post('/', async (c) => {
    const command = Command.safeParse(await c.req.json().catch(() => undefined))
    if (!command.success) return c.json({ error: 'ERR only GET is served here' }, 400)
    return c.json({ result: await redis.get(command.data[1]) })
  })
  return app
}
