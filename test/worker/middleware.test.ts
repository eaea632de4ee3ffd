import { Hono } from 'hono'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { KedgeError } from '../../src/errors.ts'
import { kedge, type KedgeEnv, type KedgeMiddlewareOptions } from '../../worker/middleware.ts'
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
    // What was written before it failed is told all the same.
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

  it('hands background work to the platform, and its failures to nobody', async () => {
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
