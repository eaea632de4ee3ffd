import { describe, expect, it } from 'vitest'
import { memory } from '../../src/testing/index.ts'
import { createCache, KedgeError } from '../../src/index.ts'
import { createApp } from '../../worker/app.ts'
import { openToAll } from '../../worker/auth.ts'
import type { AppOptions } from '../../worker/app-options.ts'
import { FakeCache } from './fake-cache.ts'
import { fakeOrigin, originOf } from './fake-origin.ts'

function build(options: Partial<AppOptions> = {}) {
  const cache = new FakeCache()
  const app = createApp({ cache, auth: openToAll, namespaces: ['airports'], ...options })
  return { cache, app }
}

const post = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

describe('POST /cache/:namespace/batch', () => {
  it('answers the values and the keys that have none, in the order asked for', async () => {
    const rows = originOf({ 'airports/KEF': 1, 'airports/JFK': null }, ['t'])
    const { app, cache } = build({ origin: rows.origin })
    const answer = await app.request(
      '/cache/airports/batch',
      post({ keys: ['XXX', 'KEF', 'JFK', 'KEF', 'YYY'] }),
    )
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ values: { KEF: 1, JFK: null }, missing: ['XXX', 'YYY'] })
    expect(rows.asked.toSorted()).toEqual([
      'GET /airports/JFK',
      'GET /airports/KEF',
      'GET /airports/XXX',
      'GET /airports/YYY',
    ])
    expect(cache.held.get('airports/KEF')?.tags).toEqual(['t'])
  })

  it('answers what is held where there is no origin', async () => {
    const { app, cache } = build()
    cache.held.set('airports/KEF', { value: 1, tags: [] })
    const answer = await app.request('/cache/airports/batch', post({ keys: ['KEF', 'JFK'] }))
    expect(await answer.json()).toEqual({ values: { KEF: 1 }, missing: ['JFK'] })
  })

  it('treats __proto__ as a key like any other', async () => {
    const { app, cache } = build()
    cache.held.set('airports/__proto__', { value: { x: 1 }, tags: [] })
    const answer = await app.request('/cache/airports/batch', post({ keys: ['__proto__'] }))
    expect(await answer.text()).toBe('{"values":{"__proto__":{"x":1}},"missing":[]}')
  })

  it('asks the origin for a few keys at a time', async () => {
    let running = 0
    let most = 0
    const { origin, asked } = fakeOrigin(async () => {
      running += 1
      most = Math.max(most, running)
      await Promise.resolve()
      running -= 1
      return Response.json({ value: 1 })
    })
    const keys = Array.from({ length: 100 }, (_, at) => `k${at}`)
    const answer = await build({ origin }).app.request('/cache/airports/batch', post({ keys }))
    expect(answer.status).toBe(200)
    expect(asked).toHaveLength(100)
    expect(most).toBe(6)
  })

  it('gives up the rest when one key fails', async () => {
    const { origin, asked } = fakeOrigin((_method, path) =>
      path.endsWith('k3') ? new Response('', { status: 500 }) : Response.json({ value: 1 }),
    )
    const keys = Array.from({ length: 100 }, (_, at) => `k${at}`)
    const answer = await build({ origin }).app.request('/cache/airports/batch', post({ keys }))
    expect(answer.status).toBe(502)
    // What was still under way has ended by now.
    await new Promise((resolve) => setImmediate(resolve))
    expect(asked.length).toBeLessThan(30)
  })

  it('gives equal primitives the tags of each other, because one eviction too many is safe', async () => {
    const { origin } = fakeOrigin((_method, path) => Response.json({ value: 7, tags: [path.slice(-1)] }))
    const { app, cache } = build({ origin })
    await app.request('/cache/airports/batch', post({ keys: ['a', 'b'] }))
    expect(cache.held.get('airports/a')?.tags.toSorted()).toEqual(['a', 'b'])
  })

  it.each([
    [{ keys: [] }],
    [{ keys: Array.from({ length: 101 }, (_, at) => `k${at}`) }],
    [{ keys: [''] }],
    [{ keys: [1] }],
    [{ keys: ['\ud800'] }],
    [{ keys: ['a'], more: true }],
    [['a']],
  ])('refuses the body of case %#', async (body) => {
    expect((await build().app.request('/cache/airports/batch', post(body))).status).toBe(400)
  })

  it('does not know an unlisted namespace', async () => {
    expect((await build().app.request('/cache/other/batch', post({ keys: ['a'] }))).status).toBe(404)
  })
})

describe('POST /evictions', () => {
  it.each([
    [{ namespace: 'airports', keys: ['a', 'b'] }, 'delete airports/a airports/b'],
    [{ namespace: 'airports', tags: ['country:IS'] }, 'tags airports country:IS'],
    [{ namespace: 'airports', prefix: 'eu/' }, 'prefix airports/eu/'],
    [{ namespace: 'airports', all: true }, 'clear airports'],
    [{ all: true }, 'clear'],
  ])('evicts %j', async (body, write) => {
    const { app, cache } = build()
    const answer = await app.request('/evictions', post(body))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ token: 'k1.0-1' })
    expect(answer.headers.get('kedge-token')).toBe('k1.0-1')
    expect(cache.writes).toEqual([write])
  })

  it.each([
    [{}],
    [{ namespace: 'airports' }],
    [{ keys: ['a'] }],
    [{ all: false }],
    [{ namespace: 'airports', keys: [] }],
    [{ namespace: 'airports', keys: ['a'], tags: ['b'] }],
    [{ namespace: 'airports', prefix: '' }],
    [{ namespace: 'air ports', all: true }],
    [{ namespace: 'airports', keys: Array.from({ length: 1001 }, () => 'a') }],
    ['all'],
    [null],
  ])('refuses the body of case %# and evicts nothing', async (body) => {
    const { app, cache } = build()
    const answer = await app.request('/evictions', post(body))
    expect(answer.status).toBe(400)
    expect(cache.writes).toEqual([])
  })

  it('is alive whatever the log does', async () => {
    const { app, cache } = build()
    cache.known = { proved: false, ageMs: Infinity, lag: 0 }
    const answer = await app.request('/healthz')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ alive: true })
    expect(cache.scopes).toEqual([])
  })

  it('is ready when freshness is proved', async () => {
    const answer = await build().app.request('/readyz')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ ready: true, ageMs: 12, lag: 0 })
  })

  it('tells of records that could not be read, and is ready all the same', async () => {
    const { app, cache } = build()
    cache.known = { proved: true, ageMs: 12, lag: 0, unreadable: { records: 3, agoMs: 40.6 } }
    const answer = await app.request('/readyz')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ ready: true, unreadable: { records: 3, agoMs: 41 } })
  })

  it('polls where freshness is not proved yet', async () => {
    const { app, cache } = build()
    cache.known = { proved: true, ageMs: Infinity, lag: 0 }
    cache.synced = { proved: true, ageMs: 3.4, lag: 0 }
    expect(await (await app.request('/readyz')).json()).toEqual({ ready: true, ageMs: 3, lag: 0 })
  })

  it('is ready before the first request for a namespace, if the log can be reached', async () => {
    const kafka = memory()
    const app = createApp({ cache: createCache({ kafka }), auth: openToAll })
    expect((await app.request('/readyz')).status).toBe(200)
    const away = memory()
    away.fail(new KedgeError('ERR_UNREACHABLE', 'down', { retryable: true }))
    const without = createApp({ cache: createCache({ kafka: away }), auth: openToAll })
    expect((await without.request('/readyz')).status).toBe(503)
  })

  it('is not ready when the log is out of reach', async () => {
    const { app, cache } = build()
    cache.known = { proved: false, ageMs: 9000, lag: 3, error: new Error('http://secret') }
    const answer = await app.request('/readyz')
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ code: 'ERR_NOT_READY' })
    expect(text).not.toContain('secret')
  })
})

describe('routes', () => {
  it.each(['/', '/cache', '/cache/airports', '/cache/airports/', '/cache/airports/a/b', '/nothing'])(
    'answers %s with a 404 problem',
    async (path) => {
      const answer = await build().app.request(path)
      expect(answer.status).toBe(404)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(await answer.json()).toMatchObject({ code: 'ERR_UNKNOWN_ROUTE' })
    },
  )

  it.each([
    ['POST', '/cache/airports/KEF', 'GET, HEAD, PUT, DELETE'],
    ['PATCH', '/cache/airports/batch', 'GET, HEAD, PUT, DELETE, POST'],
    ['GET', '/evictions', 'POST'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['DELETE', '/readyz', 'GET, HEAD'],
    ['PUT', '/openapi.json', 'GET, HEAD'],
  ])('answers %s %s with 405 and what is allowed', async (method, path, allow) => {
    const answer = await build().app.request(path, { method })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe(allow)
    expect(await answer.json()).toMatchObject({ code: 'ERR_METHOD' })
  })
})

describe('createApp', () => {
  const cache = new FakeCache()
  const auth = openToAll

  it('declares the namespaces of its list, so that their partitions are polled', () => {
    const own = new FakeCache()
    createApp({ cache: own, auth, namespaces: ['a', 'b'] })
    expect(own.declared).toEqual(['a', 'b'])
  })

  it.each([
    [{ cache, auth, maxBodyBytes: 0 }, '`maxBodyBytes`'],
    [{ cache, auth, maxBufferedBytes: 0.5 }, '`maxBufferedBytes`'],
    [{ cache, auth, namespaces: [] }, '`namespaces`'],
    [{ cache, auth, namespaces: ['a b'] }, '`namespaces`'],
    [{ cache, auth, origin: originOf({}).origin }, '`namespaces`'],
    [{ cache, auth, maxBodySize: 1 }, '`maxBodySize`'],
    [{ auth }, '`cache`'],
    [{ cache }, '`auth`'],
  ])('refuses wrong options: case %#', (options, quoted) => {
    expect(() => createApp(options as unknown as AppOptions)).toThrow(TypeError)
    expect(() => createApp(options as unknown as AppOptions)).toThrow(quoted)
  })
})
