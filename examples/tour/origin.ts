/**
 * The origin of the demo: a small HTTP service over a database, with no cache of its own.
 *
 * @module
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { z } from 'zod'
import { AirportChange, type Airports } from './airports.ts'

const MAX_BODY_BYTES = 16_384

/** The body of a change: the columns that are given replace what the row has, the others stay. */
const Change = z.strictObject({ value: AirportChange })

const limitBody = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: (c) => c.json({ error: `a body has at most ${MAX_BODY_BYTES} bytes` }, 413),
})

/** The answer to a method that a route does not have. */
export function refuseMethod(allow: string): (c: Context) => Response {
  return (c) => c.json({ error: 'method not allowed' }, 405, { allow })
}

/**
 * `GET /airports/:code` answers `{ value, tags }`; `PUT /airports/:code` changes a row; `GET /stats` answers
 * how often rows were read since the start: by it the demo shows that a load happened once, or not at all.
 *
 * Bad input is answered with 400, 404, 405 or 413, and `{ error }`.
 */
export function createOrigin(airports: Airports): Hono {
  const app = new Hono()
  const stats = { rows: airports.size, reads: 0, writes: 0 }

  app.get('/airports/:code', (c) => {
    stats.reads += 1
    const value = airports.find(c.req.param('code'))
    if (value === undefined) return c.json({ error: 'no such airport' }, 404)
    return c.json({ value, tags: [`country:${value.country}`, `continent:${value.continent}`] })
  })

  app.put('/airports/:code', limitBody, async (c) => {
    const code = c.req.param('code')
    const body: unknown = await c.req.json().catch(() => undefined)
    const change = Change.safeParse(body)
    if (!change.success) return c.json({ error: z.prettifyError(change.error) }, 400)
    if ((change.data.value.code ?? code) !== code) return c.json({ error: 'a code cannot be changed' }, 400)
    if (!airports.change(code, change.data.value)) return c.json({ error: 'no such airport' }, 404)
    stats.writes += 1
    return c.json({ value: airports.find(code) })
  })

  app.all('/airports/:code', refuseMethod('GET, HEAD, PUT'))

  app.get('/stats', (c) => c.json(stats))
  app.all('/stats', refuseMethod('GET, HEAD'))

  app.notFound((c) => c.json({ error: 'no such route' }, 404))
  app.onError((_error, c) => c.json({ error: 'internal error' }, 500))
  return app
}
