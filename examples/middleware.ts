/**
 * A Hono app of your own with a coherent cache: users live in the isolate, and leave every isolate when one of
 * them changes a user. Runs on Cloudflare Workers as it stands.
 *
 * @module
 */
import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { gateway } from 'kedge/adapters/gateway'
import { type Cache, createCache } from 'kedge'
import { kedge } from 'kedge/worker'

const User = z.object({ name: z.string(), teamId: z.string() })
type User = z.infer<typeof User>

interface Bindings {
  readonly KAFKA_REST_URL: string
  /** The service that has the users; a database would do as well. */
  readonly USERS_URL: string
}

let cache: Cache | undefined

/** One cache for the isolate, made at the first request: not before it are the bindings known. */
function cacheOf(c: Context<{ Bindings: Bindings }>): Cache {
  if (cache !== undefined) return cache
  cache = createCache({ kafka: gateway({ url: c.env.KAFKA_REST_URL }), ttl: '5m', maxStaleness: '2s' })
  cache.namespace<User | null>('users', {
    schema: User.nullable(),
    // That there is no such user is remembered too, but not for long.
    ttl: (user) => (user === null ? '10s' : '5m'),
    tags: (user) => (user === null ? [] : [`team:${user.teamId}`]),
  })
  return cache
}

async function loadUser(address: string, signal: AbortSignal): Promise<User | null> {
  const response = await fetch(address, { signal })
  if (response.status === 404) return null
  if (!response.ok) throw new Error(`the user service answered with ${response.status}`)
  return User.parse(await response.json())
}

async function saveUser(address: string, user: User): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(address, { method: 'PUT', headers, body: JSON.stringify(user) })
  if (!response.ok) throw new Error(`the user service answered with ${response.status}`)
}

const app: Hono<{ Bindings: Bindings }> = new Hono<{ Bindings: Bindings }>()

// From here on `c.var.cache` is the cache within this request. A browser reads its own writes, by the cookie; each answer
// tells by `Cache-Status` whether it was a hit.
app.use(kedge(cacheOf, { cookie: true, status: true }))

app.get('/users/:id', async (c) => {
  const id = c.req.param('id')
  const address = `${c.env.USERS_URL}/${encodeURIComponent(id)}`
  const users = c.var.cache.namespace<User | null>('users')
  const user = await users.getOrSet(id, ({ signal }) => loadUser(address, signal))
  return user === null ? c.notFound() : c.json(user)
})

app.put('/users/:id', async (c) => {
  const id = c.req.param('id')
  const user = User.parse(await c.req.json())
  // First the commit, then the eviction: a load that saw the old row began before it, and is not kept.
  await saveUser(`${c.env.USERS_URL}/${encodeURIComponent(id)}`, user)
  await c.var.cache.namespace('users').delete(id)
  return c.body(null, 204)
})

app.delete('/teams/:team', async (c) => {
  await c.var.cache.namespace('users').invalidateTags(`team:${c.req.param('team')}`)
  return c.body(null, 204)
})

export default app
