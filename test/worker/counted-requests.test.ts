import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { RequestContext } from '../../src/index.ts'
import { createApp } from '../../worker/app.ts'
import { bearerAuth, openToAll } from '../../worker/auth.ts'
import { kedge, type KedgeEnv, type KedgeMiddlewareOptions } from '../../worker/middleware.ts'
import type { AnsweredRequest, RequestMetrics } from '../../worker/request-metrics.ts'
import { FakeCache } from './fake-cache.ts'

/** Notes what it gets. */
function noting() {
  const told: (AnsweredRequest | undefined)[] = []
  const contexts: RequestContext[] = []
  const metrics: RequestMetrics = {
    begin: (context) => {
      contexts.push(context)
      return (answered) => void told.push(answered)
    },
  }
  return { metrics, told, contexts }
}

function build(options: (metrics: RequestMetrics) => KedgeMiddlewareOptions = (metrics) => ({ metrics })) {
  const { metrics, told, contexts } = noting()
  const app = new Hono<KedgeEnv>()
  app.use(kedge(new FakeCache(), options(metrics)))
  app.use('/staff/*', async (c, next) => {
    if (c.req.query('key') !== 'k') return c.text('no', 401)
    return next()
  })
  app.get('/users/:id', (c) => c.text(c.var.cache.token ?? 'none'))
  app.get('/staff/:id', (c) => c.text('well'))
  app.get('/teapot', () => {
    throw new HTTPException(418)
  })
  app.get('/broken', () => {
    throw new Error('broken')
  })
  const shop = new Hono()
  shop.get('/prices/:key', (c) => c.text('3'))
  app.route('/shop', shop)
  const ask = async (path: string, init?: RequestInit) => {
    await app.request(`https://shop.test${path}`, init)
    return told.splice(0)
  }
  return { app, ask, contexts }
}

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))

describe('requests that are counted', () => {
  it.each([
    ['/users/7?a=b', { status: 200, route: '/users/:id' }],
    ['/shop/prices/tea', { status: 200, route: '/shop/prices/:key' }],
    ['/staff/7?key=k', { status: 200, route: '/staff/:id' }],
    ['/teapot', { status: 418, route: '/teapot' }],
    ['/broken', { status: 500, route: '/broken' }],
    // What middleware answers has no route of its own, and neither has what there is no route for.
    ['/staff/7', { status: 401 }],
    ['/nowhere/7', { status: 404 }],
  ])('have the pattern of their route, and the status of their answer: %s', async (path, expected) => {
    expect(await build().ask(path)).toEqual([{ method: 'GET', scheme: 'https', ...expected }])
  })

  it('are those too that the middleware refuses', async () => {
    const { ask } = build()
    expect(await ask('/users/7', { headers: { 'kedge-token': 'nonsense' } })).toMatchObject([{ status: 400 }])
  })

  it('are counted by what is made at the first of them', async () => {
    let made = 0
    const { ask } = build((metrics) => ({
      metrics: () => {
        made++
        return metrics
      },
    }))
    expect(await ask('/users/7')).toHaveLength(1)
    expect(made).toBe(1)
  })

  it('push under the context of the request', async () => {
    const kept: Promise<unknown>[] = []
    const { app, contexts } = build()
    const context = {
      waitUntil: (work: Promise<unknown>) => void kept.push(work),
      passThroughOnException() {},
      props: {},
    }
    await app.request('/users/7', {}, {}, context)
    contexts[0]!.waitUntil(Promise.resolve())
    expect(kept).toHaveLength(1)
  })
})

describe('the requests of the ready app', () => {
  it.each([
    ['GET', '/cache/users/7', 200, '/cache/:namespace/:key'],
    ['GET', '/cache/users/7', 401, '/cache/:namespace/:key'],
    ['POST', '/cache/users/batch', 415, '/cache/:namespace/batch'],
    ['PATCH', '/cache/users/7', 405, '/cache/:namespace/:key'],
    ['HEAD', '/cache/users/7', 200, '/cache/:namespace/:key'],
    ['HEAD', '/cache/users/events', 501, '/cache/:namespace/events'],
    ['HEAD', '/nowhere', 404, undefined],
    ['GET', '/healthz', 200, '/healthz'],
    ['GET', '/nowhere', 404, undefined],
  ])('%s %s are counted, answered with %s', async (method, path, status, route) => {
    const { metrics, told } = noting()
    const cache = new FakeCache()
    cache.held.set('users/7', { value: 'ada', tags: [] })
    const app = createApp({ cache, auth: bearerAuth({ read: ['reader'] }), metrics })
    const headers: Record<string, string> = status === 401 ? {} : { authorization: 'Bearer reader' }
    expect((await app.request(`http://worker.test${path}`, { method, headers })).status).toBe(status)
    expect(told).toEqual([{ method, scheme: 'http', status, ...(route !== undefined && { route }) }])
  })

  it('count for the key where that has the name of a route, and JSON is asked for', async () => {
    const { metrics, told } = noting()
    const cache = new FakeCache()
    cache.held.set('users/events', { value: 'ada', tags: [] })
    const app = createApp({ cache, auth: openToAll, metrics })
    const headers = { accept: 'application/json, text/plain, */*' }
    const answer = await app.request('/cache/users/events', { headers })
    expect(await answer.json()).toMatchObject({ value: 'ada' })
    expect(told).toMatchObject([{ route: '/cache/:namespace/:key', status: 200 }])
  })

  it('carry Server-Timing where that is asked for, and not else', async () => {
    const cache = new FakeCache()
    const open = { cache, auth: bearerAuth({ read: ['reader'] }) }
    const timing = async (options: object) =>
      (
        await createApp({ ...open, ...options }).request('/cache/users/7', {
          headers: { authorization: 'Bearer reader' },
        })
      ).headers.get('server-timing')
    expect(await timing({})).toBeNull()
    expect(await timing({ timing: true })).toBe('kedge;desc="unread"')
  })
})
