import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { KedgeError } from '../../src/ports/errors.ts'
import { kedge, type KedgeEnv, type KedgeMiddlewareOptions } from '../../worker/middleware.ts'
import { request, world } from '../src/world.ts'
import { FakeCache } from './fake-cache.ts'

function build(options: KedgeMiddlewareOptions = {}) {
  const cache = new FakeCache()
  const app = new Hono()
  app.use(kedge(cache, options))
  app.get('/', (c) => c.text(c.var.cache.token ?? 'no token'))
  app.post('/', async (c) => c.text(await c.var.cache.namespace('users').delete('7')))
  app.get('/boom', async (c) => {
    await c.var.cache.namespace('users').delete('7')
    throw new Error('boom')
  })
  app.onError((_error, c) => c.text('failed', 500))
  return { cache, app }
}

const executionContext = (kept: Promise<unknown>[]) => ({
  waitUntil: (promise: Promise<unknown>) => void kept.push(promise),
  passThroughOnException: () => undefined,
  props: {},
})

/** An app whose handler lets an error pass. */
function failing(error: Error, onError?: (app: Hono<KedgeEnv>) => void) {
  const app = new Hono<KedgeEnv>()
  app.use(kedge(new FakeCache()))
  app.post('/', async (c) => {
    await c.var.cache.namespace('users').delete('7')
    throw error
  })
  onError?.(app)
  return app.request('/', { method: 'POST' })
}

describe('the trace of a request', () => {
  it('is the text of its header `traceparent`, where it has one', async () => {
    const { app, cache } = build()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await app.request('/', { headers: { traceparent } })
    await app.request('/')
    expect(cache.contexts.map(({ trace }) => trace)).toEqual([traceparent, undefined])
  })
})

describe('an error of the cache that a handler lets pass', () => {
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))

  it('is answered as a problem: 503, and when to try again', async () => {
    const answer = await failing(
      new KedgeError('ERR_PUBLISH', 'kafka-1.internal is away', { retryable: true }),
    )
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('retry-after')]).toEqual([
      503,
      'application/problem+json',
      '1',
    ])
    const body = (await answer.json()) as object
    expect(body).toMatchObject({ code: 'ERR_PUBLISH', status: 503 })
    expect(JSON.stringify(body)).not.toContain('internal')
    // The answer still names what was written before the failure.
    expect(answer.headers.get('kedge-token')).toBe('k1.0-1')
  })

  it('keeps what other middleware has set', async () => {
    const app = new Hono<KedgeEnv>()
    app.use(async (c, next) => {
      c.header('access-control-allow-origin', 'https://shop.example')
      await next()
    })
    app.use(kedge(new FakeCache()))
    app.post('/', () => {
      throw new KedgeError('ERR_PUBLISH', 'away', { retryable: true })
    })
    const answer = await app.request('/', { method: 'POST' })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([
      503,
      'https://shop.example',
    ])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })

  it('is left to the app where it has an answer of its own', async () => {
    const answer = await failing(new KedgeError('ERR_PUBLISH', 'away'), (app) =>
      app.onError((_, c) => c.text('sorry', 500)),
    )
    expect([answer.status, await answer.text()]).toEqual([500, 'sorry'])
  })

  it.each([new Error('of the app'), new KedgeError('ERR_CODEC', 'a value of the app')])(
    'is none where it is %s',
    async (error) => {
      const answer = await failing(error)
      expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error'])
    },
  )
})

describe('kedge middleware', () => {
  it('opens a scope of the cache for each request', async () => {
    const { app, cache } = build()
    await app.request('/')
    await app.request('/')
    expect(cache.scopes).toEqual([{}, {}])
  })

  it('carries the token of what was written in a header', async () => {
    const answer = await build().app.request('/', { method: 'POST' })
    expect(await answer.text()).toBe('k1.0-1')
    expect(answer.headers.get('kedge-token')).toBe('k1.0-1')
    expect(answer.headers.get('set-cookie')).toBeNull()
  })

  it('sends no token where there is none', async () => {
    const answer = await build().app.request('/')
    expect(await answer.text()).toBe('no token')
    expect(answer.headers.has('kedge-token')).toBe(false)
  })

  it('begins with the token of the header, and hands it on joined with what was written', async () => {
    const { app, cache } = build()
    const headers = { 'kedge-token': 'k1.0-9.3-4' }
    expect((await app.request('/', { headers })).headers.get('kedge-token')).toBe('k1.0-9.3-4')
    expect(cache.scopes).toEqual([{ after: 'k1.0-9.3-4' }])
    const written = await app.request('/', { method: 'POST', headers: { 'kedge-token': 'k1.3-4' } })
    expect(written.headers.get('kedge-token')).toBe('k1.0-1.3-4')
  })

  it('begins with the token of the cookie where there is no header', async () => {
    const { app, cache } = build()
    await app.request('/', { headers: { cookie: 'a=b; kedge-token=k1.0-5' } })
    await app.request('/', { headers: { cookie: 'kedge-token=k1.0-5', 'kedge-token': 'k1.0-6' } })
    expect(cache.scopes).toEqual([{ after: 'k1.0-5' }, { after: 'k1.0-6' }])
  })

  it.each(['', 'nonsense', 'k1', 'k1.0-', `k1.${'0-1.'.repeat(1100)}0-1`, 'k1.0-9999999999999999'])(
    'answers the header of case %#, which is no token, with 400',
    async (token) => {
      const { app, cache } = build()
      const answer = await app.request('/', { headers: { 'kedge-token': token } })
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ code: 'ERR_TOKEN' })
      expect(cache.scopes).toEqual([])
    },
  )

  it('ignores a cookie that is no token, because its sender cannot help it', async () => {
    const { app, cache } = build()
    const answer = await app.request('/', { headers: { cookie: 'kedge-token=garbage' } })
    expect(answer.status).toBe(200)
    expect(cache.scopes).toEqual([{}])
  })

  it('sets the cookie after a write, where it is asked to', async () => {
    const { app } = build({ cookie: true })
    const answer = await app.request('/', { method: 'POST' })
    expect(answer.headers.get('set-cookie')).toBe(
      'kedge-token=k1.0-1; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Lax',
    )
    const read = await app.request('/', { headers: { cookie: 'kedge-token=k1.0-1' } })
    expect(read.headers.get('set-cookie')).toBeNull()
  })

  it('sets the cookie as its options say', async () => {
    const cookie = {
      maxAgeS: 5,
      path: '/app',
      domain: 'a.example',
      sameSite: 'Strict',
      secure: false,
    } as const
    const answer = await build({ cookie }).app.request('/', { method: 'POST' })
    expect(answer.headers.get('set-cookie')).toBe(
      'kedge-token=k1.0-1; Max-Age=5; Domain=a.example; Path=/app; HttpOnly; SameSite=Strict',
    )
  })

  it('carries the token also when the handler fails after a write', async () => {
    const answer = await build().app.request('/boom')
    expect(answer.status).toBe(500)
    expect(answer.headers.get('kedge-token')).toBe('k1.0-1')
  })

  it('hands background work to the platform, and swallows its failures', async () => {
    const kept: Promise<unknown>[] = []
    const { app, cache } = build()
    await app.request('/', {}, {}, executionContext(kept))
    cache.contexts[0]?.waitUntil(Promise.reject(new Error('background')))
    expect(kept).toHaveLength(1)
    await expect(kept[0]).resolves.toBeUndefined()
  })

  it('works where there is no execution context', async () => {
    const { app, cache } = build()
    await app.request('/')
    expect(() => cache.contexts[0]?.waitUntil(Promise.reject(new Error('background')))).not.toThrow()
  })

  it('takes a context of the platform instead', async () => {
    const own = { waitUntil: () => undefined }
    const { app, cache } = build({ context: () => own })
    await app.request('/')
    expect(cache.contexts).toEqual([own])
  })

  it('takes a function that gets at the cache once bindings are known', async () => {
    const cache = new FakeCache()
    const app = new Hono<{ Bindings: { URL: string } }>()
    const seen: unknown[] = []
    app.use(
      kedge((c) => {
        seen.push((c.env as { URL: string }).URL)
        return cache
      }),
    )
    app.get('/', (c) => c.text('ok'))
    await app.request('/', {}, { URL: 'here' })
    expect(seen).toEqual(['here'])
    expect(cache.scopes).toHaveLength(1)
  })
})

describe('with `status: true`', () => {
  interface Row {
    readonly name: string
  }

  /** An app over a real cache, whose source answers when it is let. */
  async function serving() {
    const at = world()
    const { cache } = at.isolate({ ttl: '1m' })
    const rows = cache.namespace<Row>('rows', { tags: ({ name }) => [name] })
    await at.run(cache.sync())
    const gates = new Map<string, () => void>()
    const load = async ({ key }: { key: string }): Promise<Row> => {
      if (key.startsWith('slow')) await new Promise<void>((resolve) => gates.set(key, resolve))
      if (key === 'down') throw new Error('the source is down')
      return { name: key }
    }
    const app = new Hono<KedgeEnv>()
    app.use(kedge(cache, { status: true }))
    app.get('/rows/:key', async (c) => {
      const key = c.req.param('key')
      return c.json(
        await c.var.cache.namespace<Row>('rows').getOrSet(key, load, { swr: c.req.query('swr') ? '1m' : 0 }),
      )
    })
    app.get('/many/:keys', async (c) => {
      const keys = c.req.param('keys').split(',')
      const all = (wanted: readonly string[]) => Object.fromEntries(wanted.map((name) => [name, { name }]))
      return c.json([...(await c.var.cache.namespace<Row>('rows').getOrSetMany(keys, all)).keys()])
    })
    app.get('/held/:keys', async (c) => {
      const held = c.var.cache.namespace<Row>('rows')
      const found = []
      for (const key of c.req.param('keys').split(',')) found.push((await held.get(key)) ?? null)
      return c.json(found)
    })
    app.get('/both/:keys', async (c) => {
      const held = c.var.cache.namespace<Row>('rows')
      const found = []
      for (const key of c.req.param('keys').split(','))
        found.push(held.peek(key) ?? (await held.getOrSet(key, load)))
      return c.json(found)
    })
    app.get('/nothing', (c) => c.text('ok'))
    app.delete('/rows/:key', async (c) =>
      c.text(await c.var.cache.namespace('rows').delete(c.req.param('key'))),
    )
    app.get('/proxied', (c) => c.body(null, 200, { 'cache-status': 'Origin; hit' }))
    app.get('/own', (c) => c.body(null, 200, { 'cache-status': 'Origin; hit, kedge; hit; ttl=7' }))
    app.get('/teapot', () => {
      throw new HTTPException(418)
    })
    const ask = async (path: string, init: RequestInit = {}) => {
      const answer = await at.run(Promise.resolve(app.request(path, init)))
      return [answer.status, answer.headers.get('cache-status')]
    }
    return { at, cache, rows, app, ask, gates }
  }

  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))

  it('says of one read what came of it', async () => {
    const { at, ask } = await serving()
    expect(await ask('/rows/a')).toEqual([200, 'kedge; fwd=miss; stored'])
    expect(await ask('/rows/a')).toEqual([200, 'kedge; hit; ttl=60'])
    expect(await ask('/held/a')).toEqual([200, 'kedge; hit; ttl=60'])
    expect(await ask('/held/b')).toEqual([200, 'kedge; detail=absent'])
    await at.runtime.advance(61_000)
    expect(await ask('/rows/a')).toEqual([200, 'kedge; fwd=stale; stored'])
  })

  it('says of a stale value why it was served', async () => {
    const { at, ask } = await serving()
    await ask('/rows/a?swr=1')
    await at.runtime.advance(61_000)
    expect(await ask('/rows/a?swr=1')).toEqual([200, 'kedge; hit; ttl=-1; detail=swr'])
  })

  it('says of a value that was loaded, and evicted meanwhile, why it is not kept', async () => {
    const { at, app, rows, gates, ask } = await serving()
    const reading = app.request('/rows/slow')
    await at.runtime.settle()
    await at.run(rows.delete('slow'))
    gates.get('slow')!()
    const answer = await at.run(Promise.resolve(reading))
    expect(answer.headers.get('cache-status')).toBe('kedge; fwd=miss; detail=fenced')
    expect(await ask('/nothing')).toEqual([200, 'kedge; detail=unread'])
  })

  it('sums up several reads as one cache, with their number', async () => {
    const { ask, at } = await serving()
    expect(await ask('/many/a,b,c')).toEqual([200, 'kedge; fwd=miss; stored; detail="3 reads: 3 miss"'])
    await at.runtime.advance(10_000)
    expect(await ask('/many/a,b,c,d')).toEqual([
      200,
      'kedge; fwd=miss; stored; detail="4 reads: 3 hit, 1 miss"',
    ])
    // The least of what is left.
    expect(await ask('/many/a,d')).toEqual([200, 'kedge; hit; ttl=50; detail="2 reads: 2 hit"'])
    expect(await ask('/held/a,z')).toEqual([200, 'kedge; detail="2 reads: 1 hit, 1 absent"'])
    expect(await ask('/both/a,b')).toEqual([200, 'kedge; hit; ttl=50; detail="2 reads: 2 hit"'])
    await at.runtime.advance(55_000)
    expect(await ask('/both/a,d')).toEqual([
      200,
      'kedge; fwd=stale; stored; detail="2 reads: 1 hit, 1 stale"',
    ])
  })

  it('says as much of a thousand reads as of two', async () => {
    const { ask } = await serving()
    const keys = Array.from({ length: 500 }, (_, nth) => `k${nth}`).join(',')
    await ask(`/many/${keys}`)
    expect(await ask(`/many/${keys}`)).toEqual([200, 'kedge; hit; ttl=60; detail="500 reads: 500 hit"'])
  })

  it('reports answers that read nothing: writes, errors, malformed tokens', async () => {
    const { ask, app } = await serving()
    expect(await ask('/nothing')).toEqual([200, 'kedge; detail=unread'])
    expect(await ask('/rows/a', { method: 'DELETE' })).toEqual([200, 'kedge; detail=unread'])
    expect(await ask('/nowhere')).toEqual([404, 'kedge; detail=unread'])
    expect(await ask('/teapot')).toEqual([418, 'kedge; detail=unread'])
    const answer = await app.request('/nothing', { headers: { 'kedge-token': 'nonsense' } })
    expect([answer.status, answer.headers.get('cache-status')]).toEqual([400, 'kedge; detail=unread'])
  })

  it('says that a read failed', async () => {
    const { ask } = await serving()
    expect(await ask('/rows/down')).toEqual([500, 'kedge; fwd=miss; detail=failed'])
    expect(await ask('/both/a,down')).toEqual([500, 'kedge; fwd=miss; detail="2 reads: 1 miss, 1 failed"'])
  })

  it('says that a load went past the cache', async () => {
    const at = world()
    const { cache, kafka } = at.isolate({ onUnreachable: 'bypass' })
    const rows = cache.namespace<Row>('rows')
    await at.run(cache.sync())
    const app = new Hono<KedgeEnv>()
    app.use(kedge(cache, { status: true }))
    app.get('/', async (c) =>
      c.json(await c.var.cache.namespace<Row>('rows').getOrSet('a', () => ({ name: 'a' }))),
    )
    await at.run(rows.getOrSet('a', () => ({ name: 'a' })))
    kafka.fail(new KedgeError('ERR_NETWORK', 'away', { retryable: true }))
    await at.runtime.advance(10_000)
    const answer = await at.run(Promise.resolve(app.request('/')))
    expect(answer.headers.get('cache-status')).toBe('kedge; fwd=bypass')
  })

  it('adds itself to what other caches said, and leaves what a handler said of kedge', async () => {
    const { ask } = await serving()
    expect(await ask('/proxied')).toEqual([200, 'Origin; hit, kedge; detail=unread'])
    expect(await ask('/own')).toEqual([200, 'Origin; hit, kedge; hit; ttl=7'])
  })

  it('gives each of several requests at once its own reads', async () => {
    const { at, app, gates, ask } = await serving()
    await ask('/rows/held')
    const [slow, joined] = ['/rows/slow', '/rows/slow'].map((path) => app.request(path))
    await at.runtime.settle()
    // They come and go while the others wait.
    expect(await ask('/rows/held')).toEqual([200, 'kedge; hit; ttl=60'])
    expect(await ask('/nothing')).toEqual([200, 'kedge; detail=unread'])
    gates.get('slow')!()
    const answers = await at.run(Promise.all([slow!, joined!]))
    expect(answers.map(({ headers }) => headers.get('cache-status'))).toEqual([
      'kedge; fwd=miss; stored',
      'kedge; fwd=miss; stored',
    ])
  })

  it('is not added without the option', async () => {
    const answer = await build().app.request('/')
    expect(answer.headers.has('cache-status')).toBe(false)
  })
})

describe('onRead', () => {
  it('gets each read of its scope, and what it throws is ignored', async () => {
    const at = world()
    const { cache } = at.isolate()
    cache.namespace('rows')
    await at.run(cache.sync())
    const told: unknown[] = []
    const scope = cache.for(request(), {
      onRead: ({ namespace, key, loads, entry }) => {
        told.push([namespace, key, loads, entry?.state])
        throw new Error('mine')
      },
    })
    const rows = scope.namespace('rows')
    await at.run(rows.getOrSet('a', () => 1))
    await at.run(rows.getMany(['a', 'b']))
    await at.run(cache.namespace('rows').get('a'))
    expect(told).toEqual([
      ['rows', 'a', true, 'fresh'],
      ['rows', 'a', false, 'fresh'],
      ['rows', 'b', false, 'miss'],
    ])
    expect(() => cache.for(request(), { onRead: 7 as never })).toThrow('`onRead`')
  })
})
