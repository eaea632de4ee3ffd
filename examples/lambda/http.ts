/** The first way: a Hono app behind a function URL, API Gateway or a load balancer. @module */
import { Hono } from 'hono'
import { lambdaHandler } from 'kedge/lambda'
import { kedge } from 'kedge/worker'
import { cache } from './cache.ts'
import { User } from './user.ts'
import { loadUser, saveUser } from './users.ts'

const app = new Hono()

// A request boundary before each request; a browser reads its own writes, by the cookie.
app.use(kedge(cache, { cookie: true }))

app.get('/users/:id', async (c) => {
  const users = c.var.cache.namespace<User | null>('users')
  const user = await users.getOrSet(c.req.param('id'), ({ key, signal }) => loadUser(key, signal))
  return user === null ? c.json({ error: 'there is no such user' }, 404) : c.json(user)
})

app.put('/users/:id', async (c) => {
  const user = User.safeParse(await c.req.json().catch(() => undefined))
  if (!user.success) return c.json({ error: 'this is no user' }, 400)
  // First the commit, then the eviction.
  await saveUser(c.req.param('id'), user.data)
  await c.var.cache.namespace('users').delete(c.req.param('id'))
  return c.body(null, 204)
})

export const handler = lambdaHandler(app, { onError: (error) => console.error(error) })
