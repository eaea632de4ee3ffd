import { expect, it } from 'vitest'
import { timedApp } from '../../cli/metrics/request-timer.ts'
import { createCache } from '../../src/index.ts'
import { memory } from '../../src/testing/index.ts'
import { createApp, openToAll } from '../../worker/index.ts'
import { Background } from '../../worker/node/background.ts'

it.each([
  ['GET', '/cache/users/7', '/cache/:namespace/:key'],
  ['GET', '/cache/users/events', '/cache/:namespace/events'],
  ['GET', '/cache/users/dump', '/cache/:namespace/dump'],
  ['POST', '/cache/users/batch', '/cache/:namespace/batch'],
  ['PATCH', '/cache/users/7', '/cache/:namespace/:key'],
  ['HEAD', '/cache/users/7', '/cache/:namespace/:key'],
  ['HEAD', '/cache/users/events', '/cache/:namespace/events'],
  ['HEAD', '/cache/users/dump', '/cache/:namespace/dump'],
  // A key of that name: the route of that name takes POST alone.
  ['HEAD', '/cache/users/batch', '/cache/:namespace/:key'],
  ['GET', '/cache/users/events', '/cache/:namespace/:key', 'application/json, text/plain, */*'],
  ['HEAD', '/cache/users/dump', '/cache/:namespace/:key', 'application/json'],
  ['GET', '/readyz', '/readyz'],
  ['GET', '/elsewhere', 'other'],
])('a request of %s %s counts for the route %s', async (method, path, route, accept = '*/*') => {
  const cache = createCache({ kafka: memory() })
  const routes: string[] = []
  const app = timedApp(
    createApp({ cache, auth: openToAll, namespaces: ['users'] }),
    (_method, of) => void routes.push(of),
  )
  const response = await app.fetch(
    new Request(`http://localhost${path}`, { method, headers: { accept } }),
    {},
    new Background().context,
  )
  await response.body?.cancel()
  expect(routes).toEqual([route])
  await cache.close()
})
