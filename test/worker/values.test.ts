import { describe, expect, it } from 'vitest'
import { createCache } from '../../src/index.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import { memory } from '../../src/testing/index.ts'
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

const put = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'PUT',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

describe('GET /cache/:namespace/:key', () => {
  it('loads a value from the origin, then serves it from the cache', async () => {
    const rows = originOf({ 'airports/KEF': { city: 'Reykjavík' } }, ['country:IS'])
    const { app, cache } = build({ origin: rows.origin })

    const miss = await app.request('/cache/airports/KEF')
    expect(miss.status).toBe(200)
    expect(await miss.json()).toEqual({ namespace: 'airports', key: 'KEF', value: { city: 'Reykjavík' } })
    expect(miss.headers.get('cache-status')).toBe('kedge; fwd=miss; stored')
    expect(miss.headers.get('age')).toBeNull()
    expect(cache.held.get('airports/KEF')?.tags).toEqual(['country:IS'])

    const hit = await app.request('/cache/airports/KEF')
    expect(hit.headers.get('cache-status')).toBe('kedge; hit; ttl=298')
    expect(hit.headers.get('age')).toBe('1')
    expect(rows.asked).toEqual(['GET /airports/KEF'])
  })

  it('forbids caches on the way to store an answer', async () => {
    const { app } = build()
    expect((await app.request('/cache/airports/KEF')).headers.get('cache-control')).toBe('no-store')
  })

  it('serves null as a value', async () => {
    const { app } = build({ origin: originOf({ 'airports/XXX': null }).origin })
    const answer = await app.request('/cache/airports/XXX')
    expect(await answer.json()).toEqual({ namespace: 'airports', key: 'XXX', value: null })
  })

  it('answers 404 where neither cache nor origin has a value', async () => {
    const { app } = build({ origin: originOf({}).origin })
    const answer = await app.request('/cache/airports/KEF')
    expect(answer.status).toBe(404)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('cache-status')).toBe('kedge; fwd=miss')
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'There is no value under this key.',
      code: 'ERR_NO_VALUE',
    })
  })

  it('says that a value is absent where there is no origin to ask', async () => {
    const answer = await build().app.request('/cache/airports/KEF')
    expect(answer.status).toBe(404)
    expect(answer.headers.get('cache-status')).toBe('kedge; detail=absent')
  })

  it('answers 503, not 404, when a value cannot be proved fresh and there is no origin', async () => {
    const { app, cache } = build()
    cache.entry = { bypassed: true }
    const answer = await app.request('/cache/airports/KEF')
    expect(answer.status).toBe(503)
    expect(answer.headers.get('cache-status')).toBe('kedge; fwd=bypass')
    expect(answer.headers.get('retry-after')).toBe('1')
  })

  it.each([
    ['a%2Fb', 'a/b'],
    ['a%252Fb', 'a%2Fb'],
    ['%E2%82%AC%20%3F%23', '€ ?#'],
    ['batch', 'batch'],
    ['__proto__', '__proto__'],
  ])('reads the key %s as %s', async (path, key) => {
    const rows = originOf({})
    const { app } = build({ origin: fakeOrigin(() => Response.json({ value: 1 })).origin })
    const answer = await app.request(`/cache/airports/${path}`)
    expect(await answer.json()).toEqual({ namespace: 'airports', key, value: 1 })
    expect(rows.asked).toEqual([])
  })

  it.each(['%', '%zz', '%C3%28', '%ED%A0%80'])('refuses the malformed key %s with 400', async (path) => {
    const answer = await build().app.request(`/cache/airports/${path}`)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ code: 'ERR_BAD_REQUEST' })
  })

  it('takes keys of up to 512 characters', async () => {
    const { app } = build()
    expect((await app.request(`/cache/airports/${'k'.repeat(512)}`)).status).toBe(404)
    expect((await app.request(`/cache/airports/${'k'.repeat(513)}`)).status).toBe(400)
  })

  it.each(['unlisted', 'not%20a%20name', 'a%2Fb'])('does not know the namespace %s', async (name) => {
    const answer = await build().app.request(`/cache/${name}/KEF`)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ code: 'ERR_UNKNOWN_NAMESPACE' })
  })

  it('answers HEAD as GET, without the body', async () => {
    const { app } = build({ origin: originOf({ 'airports/KEF': 1 }).origin })
    const answer = await app.request('/cache/airports/KEF', { method: 'HEAD' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-status')).toBe('kedge; fwd=miss; stored')
    expect(await answer.text()).toBe('')
  })

  it.each([
    [() => new Response('down', { status: 500 }), 502, 'ERR_ORIGIN'],
    [() => new Response('<html>', { headers: { 'content-type': 'text/html' } }), 502, 'ERR_ORIGIN'],
    [() => Response.json({ no: 'value' }), 502, 'ERR_ORIGIN'],
    [
      () => new Response(null, { status: 302, headers: { location: 'http://elsewhere/' } }),
      502,
      'ERR_ORIGIN',
    ],
    [() => new Response('', { status: 503, headers: { 'retry-after': '7' } }), 503, 'ERR_ORIGIN'],
    [() => Promise.reject(new TypeError('connect ECONNREFUSED 10.0.0.1')), 502, 'ERR_ORIGIN'],
  ])('says that the origin fails, and nothing of how: case %#', async (respond, status, code) => {
    const { app } = build({ origin: fakeOrigin(respond).origin })
    const answer = await app.request('/cache/airports/KEF')
    expect(answer.status).toBe(status)
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ status, code })
    expect(text).not.toMatch(/ECONNREFUSED|elsewhere|html/)
  })

  it.each([
    ['ERR_UNREACHABLE', 503],
    ['ERR_LOADER_TIMEOUT', 504],
    ['ERR_OVERLOADED', 503],
    ['ERR_CLOSED', 503],
  ] as const)('answers %s with %i', async (code, status) => {
    const { app, cache } = build()
    cache.readError = new KedgeError(code, 'http://user:secret@kafka.internal said no')
    const answer = await app.request('/cache/airports/KEF')
    expect(answer.status).toBe(status)
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '1' : null)
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ code })
    expect(text).not.toContain('secret')
  })

  it('answers an unforeseen error with a generic 500 and reports it', async () => {
    const seen: unknown[] = []
    const { app, cache } = build({ onError: (error) => void seen.push(error) })
    const error = new RangeError('secret at line 7')
    cache.readError = error
    const answer = await app.request('/cache/airports/KEF')
    expect(answer.status).toBe(500)
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail: 'The worker failed.',
      code: 'ERR_INTERNAL',
    })
    expect(seen).toEqual([error])
  })
})

describe('PUT /cache/:namespace/:key', () => {
  it('sets the value where there is no origin, and returns the token', async () => {
    const { app, cache } = build()
    const body = { value: { a: 1 }, ttl: '10s', tags: ['t'], version: 3 }
    const answer = await app.request('/cache/airports/KEF', put(body))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ token: 'k1.0-1' })
    expect(answer.headers.get('kedge-token')).toBe('k1.0-1')
    expect(cache.writes).toEqual([`set airports/KEF ${JSON.stringify(body)}`])
  })

  it('commits to the origin first, then evicts', async () => {
    const order: string[] = []
    const cache = new FakeCache()
    const rows = fakeOrigin((method, path, init) => {
      order.push(`${method} ${path} ${init.body as string} after ${cache.writes.length} evictions`)
      return new Response(null, { status: 204 })
    })
    const { app } = build({ cache, origin: rows.origin })
    const answer = await app.request('/cache/airports/a%2Fb', put({ value: { city: 'X' } }))
    expect(answer.status).toBe(200)
    expect(order).toEqual(['PUT /airports/a%2Fb {"value":{"city":"X"}} after 0 evictions'])
    expect(cache.writes).toEqual(['delete airports/a/b'])
  })

  it.each([400, 404, 409, 412, 413, 422])(
    'passes a refusal of the origin on as %i and evicts nothing',
    async (status) => {
      const { app, cache } = build({ origin: fakeOrigin(() => new Response('why', { status })).origin })
      const answer = await app.request('/cache/airports/KEF', put({ value: 1 }))
      expect(answer.status).toBe(status)
      expect(await answer.json()).toMatchObject({ code: 'ERR_ORIGIN_REFUSED' })
      expect(cache.writes).toEqual([])
    },
  )

  it.each([
    ['an error', () => new Response('', { status: 500 })],
    ['a broken connection', () => Promise.reject(new TypeError('reset'))],
  ])('evicts also when %s leaves open whether the value is committed', async (_what, respond) => {
    const { app, cache } = build({ origin: fakeOrigin(respond).origin })
    const answer = await app.request('/cache/airports/KEF', put({ value: 1 }))
    expect(answer.status).toBe(502)
    expect(await answer.json()).toMatchObject({ code: 'ERR_ORIGIN' })
    expect(cache.writes).toEqual(['delete airports/KEF'])
  })

  it('says that an eviction was not acknowledged, and when to come back', async () => {
    const { app, cache } = build({ origin: originOf({}).origin })
    cache.writeError = new KedgeError('ERR_PUBLISH', 'no', { retryAfterMs: 2500 })
    const answer = await app.request('/cache/airports/KEF', put({ value: 1 }))
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('3')
    expect(await answer.json()).toMatchObject({ code: 'ERR_PUBLISH' })
  })

  it('keeps the request alive until the eviction is published', async () => {
    const kept: Promise<unknown>[] = []
    const context = { waitUntil: (promise: Promise<unknown>) => void kept.push(promise) }
    const { app } = build({ context: () => context, origin: originOf({}).origin })
    await app.request('/cache/airports/KEF', put({ value: 1 }))
    expect(kept).toHaveLength(1)
    await expect(Promise.all(kept)).resolves.toEqual([undefined])
  })

  it('answers 409 with the version that stands where a lower one is written', async () => {
    const cache = createCache({ kafka: memory() })
    const app = createApp({ cache, auth: openToAll, namespaces: ['airports'] })
    const write = (version: number) => app.request('/cache/airports/KEF', put({ value: version, version }))
    expect((await write(9)).status).toBe(200)
    const refused = await write(6)
    expect(refused.status).toBe(409)
    expect(await refused.json()).toMatchObject({ code: 'ERR_SUPERSEDED', version: 9 })
    expect((await write(1e308)).status).toBe(400)
  })

  it('refuses ttl, tags and version with an origin, which says them itself', async () => {
    const rows = originOf({})
    const { app } = build({ origin: rows.origin })
    for (const extra of [{ ttl: '1s' }, { tags: [] }, { version: 1 }]) {
      expect((await app.request('/cache/airports/KEF', put({ value: 1, ...extra }))).status).toBe(400)
    }
    expect(rows.asked).toEqual([])
  })

  it.each(['.', '..'])(
    'refuses the key %s, which would lead out of the namespace at the origin',
    async (key) => {
      const rows = originOf({})
      const { app } = build({ origin: rows.origin })
      const answer = await app.request('/cache/airports/batch', {
        ...put({ keys: ['KEF', key] }),
        method: 'POST',
      })
      expect(answer.status).toBe(400)
      expect(rows.asked.some((asked) => asked.includes('..'))).toBe(false)
    },
  )

  it.each([
    ['no JSON', '{"value":', 400],
    ['an empty body', '', 400],
    ['no value', '{}', 400],
    ['an unknown member', '{"value":1,"secret":2}', 400],
    ['a ttl that is none', '{"value":1,"ttl":"soon"}', 400],
    ['a negative ttl', '{"value":1,"ttl":-1}', 400],
    ['an empty tag', '{"value":1,"tags":[""]}', 400],
    ['half a surrogate pair as tag', String.raw`{"value":1,"tags":["\ud800"]}`, 400],
    ['an array', '[1]', 400],
    ['nesting without end', `{"value":${'['.repeat(50_000)}`, 400],
    ['more than the limit', `{"value":"${'x'.repeat(2000)}"}`, 413],
  ])('refuses %s', async (_what, body, status) => {
    const { app, cache } = build({ maxBodyBytes: 1000 + (status === 413 ? 0 : 100_000) })
    const answer = await app.request('/cache/airports/KEF', put(body))
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect((await answer.text()).length).toBeLessThan(700)
    expect(cache.writes).toEqual([])
  })

  it('stops reading a body that is longer than its limit', async () => {
    let pulled = 0
    const body = new ReadableStream({
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(1024).fill(0x20))
      },
    })
    const { app } = build({ maxBodyBytes: 4096 })
    const init = { ...put(''), body, duplex: 'half' } as RequestInit
    expect((await app.request('/cache/airports/KEF', init)).status).toBe(413)
    expect(pulled).toBeLessThan(10)
  })

  it('refuses bodies that are too much together, until one has ended', async () => {
    const { app } = build({ maxBufferedBytes: 1000 })
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const slow = app.request('/cache/airports/KEF', {
      ...put(''),
      body: readable,
      duplex: 'half',
    } as RequestInit)
    await writer.write(new TextEncoder().encode(`{"value":"${'a'.repeat(900)}`))
    const other = async () => app.request('/cache/airports/AEY', put(`{"value":"${'b'.repeat(400)}"}`))
    const refused = await other()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await refused.json()).toMatchObject({ code: 'ERR_OVERLOADED' })
    // Alone it may be of any size that one may have.
    await writer.write(new TextEncoder().encode(`${'a'.repeat(900)}"}`))
    await writer.close()
    expect((await slow).status).toBe(200)
    expect((await other()).status).toBe(200)
  })

  it.each([
    [
      'members',
      `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join(',')}}`,
      'it has more than 16 members.',
    ],
    ['tags', `{"value":1,"tags":[${'0,'.repeat(400_000)}0]}`, 'tags has more than 1000 items.'],
  ])('refuses many %s without looking at each', async (_what, body, why) => {
    const { app } = build({ maxBodyBytes: 2_000_000 })
    const answer = await app.request('/cache/airports/KEF', put(body))
    expect(await answer.json()).toMatchObject({ status: 400, detail: `The body is refused: ${why}` })
  })

  it('takes a value of many items', async () => {
    const { app } = build({ maxBodyBytes: 2_000_000 })
    const answer = await app.request('/cache/airports/KEF', put(`{"value":[${'0,'.repeat(400_000)}0]}`))
    expect(answer.status).toBe(200)
  })

  it('refuses bytes that are not UTF-8', async () => {
    const { app } = build()
    const init = { ...put(''), body: new Uint8Array([0x22, 0xff, 0x22]) }
    const answer = await app.request('/cache/airports/KEF', init)
    expect(await answer.json()).toMatchObject({ status: 400, detail: 'The body is not UTF-8.' })
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])(
    'refuses the media type %s',
    async (type) => {
      const answer = await build().app.request(
        '/cache/airports/KEF',
        put({ value: 1 }, { 'content-type': type }),
      )
      expect(answer.status).toBe(415)
      expect(answer.headers.get('accept')).toBe('application/json')
    },
  )

  it.each(['application/json; charset=utf-8', 'Application/JSON', 'application/vnd.x+json'])(
    'takes the media type %s',
    async (type) => {
      const answer = await build().app.request(
        '/cache/airports/KEF',
        put({ value: 1 }, { 'content-type': type }),
      )
      expect(answer.status).toBe(200)
    },
  )

  it('refuses a compressed body', async () => {
    const init = put({ value: 1 }, { 'content-encoding': 'gzip' })
    expect((await build().app.request('/cache/airports/KEF', init)).status).toBe(415)
  })
})

describe('DELETE /cache/:namespace/:key', () => {
  it('evicts the key and returns the token', async () => {
    const { app, cache } = build()
    const answer = await app.request('/cache/airports/KEF', { method: 'DELETE' })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ token: 'k1.0-1' })
    expect(cache.writes).toEqual(['delete airports/KEF'])
  })
})
