/** The ready app before an HTTP API that knows nothing of it. */
import { describe, expect, it } from 'vitest'
import { createCache } from '../../src/index.ts'
import type { NamespaceOptions } from '../../src/index.ts'
import { fakeRuntime, memory, MemoryLog } from '../../src/testing/index.ts'
import { createApp } from '../../worker/app.ts'
import { openToAll } from '../../worker/auth.ts'
import { loadingMany } from '../../worker/origin-loaders.ts'
import { httpOrigin, type OriginOptions } from '../../worker/origin.ts'
import { fakeOrigin } from './fake-origin.ts'

type Headers_ = Record<string, string>
const json = (text: string, headers: Headers_ = {}, status = 200): Response =>
  new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } })

const headersOf = (cacheControl = ''): Headers_ =>
  cacheControl === '' ? {} : { 'cache-control': cacheControl }

/** `answer` is what the API answers from now on. */
function world(options: Partial<OriginOptions> = {}) {
  const runtime = fakeRuntime()
  const log = new MemoryLog({ now: () => runtime.now(), random: () => runtime.random() })
  const api = { answer: (): Response => json('{}'), sent: undefined as unknown }
  const source = fakeOrigin(
    (_method, _path, { body }) => {
      api.sent = body
      return api.answer()
    },
    { format: 'plain', ...options },
  )
  const cache = createCache({
    kafka: memory({ on: log, runtime }),
    runtime,
    ttl: '5m',
    maxStaleness: '1h',
    maxOutage: '1h',
  })
  const app = createApp({ cache, auth: openToAll, origin: source.origin, namespaces: ['users'] })
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    let isSettled = false
    const answering = Promise.resolve(app.request(path, init)).finally(() => (isSettled = true))
    for (let turn = 0; turn < 100 && !isSettled; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      await runtime.settle()
      if (!isSettled) await runtime.advance(10)
    }
    return answering
  }
  const read = async (key = '7') => {
    const answer = await call(`/cache/users/${key}`)
    const { value, detail } = (await answer.json()) as { value?: unknown; detail?: string }
    const status = answer.headers.get('cache-status')?.replace(/; ttl=-?\d+/, '')
    return { code: answer.status, value, detail, status }
  }
  /** How often the API was asked for something meanwhile. */
  const loads = async (reads: number, key?: string): Promise<number> => {
    const before = source.asked.length
    for (let nth = 0; nth < reads; nth++) await read(key)
    return source.asked.length - before
  }
  const evict = async (body: object): Promise<void> => {
    const headers = { 'content-type': 'application/json' }
    expect((await call('/evictions', { method: 'POST', headers, body: JSON.stringify(body) })).status).toBe(
      200,
    )
  }
  const ready = async () => expect((await call('/readyz')).status).toBe(200)
  /** How long the values of one batch are kept, whose answers have these Cache-Control headers. */
  const livesOf = async (settings: NamespaceOptions<unknown>, said: Record<string, string>) => {
    const flags = cache.namespace('flags', settings)
    const { origin } = fakeOrigin((_method, path) => json('true', headersOf(said[path.slice(-1)])), {
      format: 'plain',
    })
    const loading = loadingMany(origin, 'flags')
    const keys = Object.keys(said)
    let isLoaded = false
    const loaded = flags.getOrSetMany(keys, loading.loader, loading.options).finally(() => (isLoaded = true))
    for (let turn = 0; turn < 100 && !isLoaded; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      await runtime.settle()
    }
    await loaded
    const lives = (await Promise.all(keys.map((key) => flags.getEntry(key)))).map(({ ttlMs }) => ttlMs)
    return { lives, flags }
  }
  return { api, runtime, source, call, read, loads, evict, ready, livesOf }
}

async function readyWorld(options?: Partial<OriginOptions>) {
  const at = world(options)
  await at.ready()
  return at
}

describe('a plain API', () => {
  it.each(['{"name":"Ada"}', '{"value":1}', '[1,2]', '"text"', '0', 'false', 'null', '1.10'])(
    'gives %s, and that is the value',
    async (text) => {
      const { api, read } = await readyWorld()
      api.answer = () => json(text)
      expect(await read()).toMatchObject({
        code: 200,
        value: JSON.parse(text),
        status: 'kedge; fwd=miss; stored',
      })
      expect(await read()).toMatchObject({ value: JSON.parse(text), status: 'kedge; hit' })
    },
  )

  it('is asked under the address of namespace and key, and given the bare value to keep', async () => {
    const { api, source, call } = await readyWorld()
    const answer = await call('/cache/users/a%2Fb', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"value":{"name":"Ada"}}',
    })
    expect(answer.status).toBe(200)
    expect(source.asked).toEqual(['PUT /users/a%2Fb'])
    expect(api.sent).toBe('{"name":"Ada"}')
  })

  it('has no value where it answers 404', async () => {
    const { api, read } = await readyWorld()
    api.answer = () => json('{"error":"no such user"}', {}, 404)
    expect(await read()).toMatchObject({ code: 404, value: undefined })
  })

  it.each([
    ['fails', () => json('{}', {}, 500), 502],
    ['forbids', () => json('{}', {}, 403), 502],
    ['has nothing to say', () => new Response(null, { status: 204 }), 502],
    ['redirects', () => new Response(null, { status: 302, headers: { location: '/login' } }), 502],
    ['is tired', () => json('{}', { 'retry-after': '7' }, 503), 503],
    ['speaks HTML', () => new Response('<html>', { headers: { 'content-type': 'text/html' } }), 502],
    ['says no type', () => new Response(new Uint8Array([0x31])), 502],
    ['breaks off', () => json('{"name":'), 502],
    ['says too much', () => json(`"${'x'.repeat(2000)}"`), 502],
  ] as const)('that %s is a failure, of which nothing is kept', async (_what, answer, code) => {
    const { api, read, source } = await readyWorld({ maxBytes: 1000 })
    api.answer = answer
    expect(await read()).toMatchObject({ code, value: undefined })
    api.answer = () => json('1')
    expect(await read()).toMatchObject({ code: 200, value: 1 })
    expect(source.asked).toHaveLength(2)
  })

  it('whose number would be rounded is a failure that names it', async () => {
    const { api, read } = await readyWorld()
    api.answer = () => json('{"id":9007199254740993}')
    const { code, detail } = await read()
    expect(code).toBe(502)
    expect(detail).toContain('9007199254740993')
  })
})

describe('what is sent in', () => {
  it.each(['{"value":{"id":9007199254740993}}', '{"value":1e400}'])(
    '%s is refused in plain words, and does not reach the origin',
    async (body) => {
      const { call, source } = await readyWorld()
      const answer = await call('/cache/users/7', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body,
      })
      expect(answer.status).toBe(422)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(((await answer.json()) as { detail: string }).detail).toMatch(
        /The number (?:9007199254740993|1e400) would be rounded/,
      )
      expect(source.asked).toEqual([])
    },
  )
})

describe('its Cache-Control', () => {
  it('max-age counts from the request, and is bounded', async () => {
    const { api, loads, runtime } = await readyWorld({ maxTtl: '1m' })
    api.answer = () => json('1', { 'cache-control': 'max-age=10' })
    expect(await loads(2)).toBe(1)
    await runtime.advance(9000)
    expect(await loads(1)).toBe(0)
    await runtime.advance(1100)
    api.answer = () => json('1', { 'cache-control': 'max-age=3600' })
    expect(await loads(2)).toBe(1)
    await runtime.advance(61_000)
    expect(await loads(1)).toBe(1)
  })

  it('leaves it to the TTL of the settings where it says nothing', async () => {
    const { api, loads, runtime } = await readyWorld()
    api.answer = () => json('1')
    expect(await loads(2)).toBe(1)
    await runtime.advance(299_000)
    expect(await loads(1)).toBe(0)
    await runtime.advance(2000)
    expect(await loads(1)).toBe(1)
  })

  it.each(['no-store', 'private, max-age=60', 'no-cache', 'max-age=0'])('%s keeps nothing', async (text) => {
    const { api, loads } = await readyWorld()
    api.answer = () => json('1', { 'cache-control': text })
    expect(await loads(3)).toBe(3)
  })

  it.each([
    [{ 'cache-control': 'no-store' }, 'no-store'],
    [{ 'cache-control': 'private, max-age=60' }, 'private'],
    [{ vary: '*' }, 'vary: *'],
    [{ vary: 'accept-language' }, 'vary: accept-language (put it into the key)'],
    [{ 'set-cookie': 'session=1' }, 'set-cookie'],
  ])('of %j answers each request by itself, and says why nothing is kept', async (headers, why) => {
    const { api, read } = await readyWorld()
    for (const value of [1, 2]) {
      api.answer = () => json(String(value), headers)
      expect(await read()).toMatchObject({ code: 200, value, status: `kedge; fwd=miss; detail="${why}"` })
    }
    api.answer = () => json('3')
    expect(await read()).toMatchObject({ value: 3, status: 'kedge; fwd=miss; stored' })
  })

  it('takes what an earlier answer has left out of the cache', async () => {
    const { api, read, runtime } = await readyWorld()
    api.answer = () => json('1', { 'cache-control': 'max-age=1, stale-if-error=3600' })
    await read()
    await runtime.advance(1500)
    api.answer = () => json('2', { 'cache-control': 'no-store' })
    expect((await read()).value).toBe(2)
    api.answer = () => json('{}', {}, 500)
    expect(await read()).toMatchObject({ code: 502 })
  })

  it('stale-while-revalidate serves the old value while it is loaded, for so long and no longer', async () => {
    const { api, read, runtime } = await readyWorld()
    api.answer = () => json('1', { 'cache-control': 'max-age=1, stale-while-revalidate=10' })
    await read()
    await runtime.advance(5000)
    api.answer = () =>
      json('2', { 'cache-control': 'max-age=1, stale-while-revalidate=10, stale-if-error=3600' })
    expect((await read()).value).toBe(1)
    await runtime.advance(500)
    expect((await read()).value).toBe(2)
    // The window of errors is open, that of renewal is not.
    await runtime.advance(12_000)
    api.answer = () => json('3')
    expect((await read()).value).toBe(3)
  })

  it('stale-if-error serves the old value where the API fails, for so long and no longer', async () => {
    const { api, read, runtime } = await readyWorld()
    api.answer = () => json('1', { 'cache-control': 'max-age=1, stale-if-error=10' })
    await read()
    await runtime.advance(5000)
    api.answer = () => json('{}', {}, 500)
    expect(await read()).toMatchObject({ code: 200, value: 1 })
    await runtime.advance(7000)
    expect(await read()).toMatchObject({ code: 502 })
  })

  it('applies to each value of a batch by itself', async () => {
    const { api, call, source } = await readyWorld()
    let nth = 0
    api.answer = () => json(String(nth), { 'cache-control': nth++ === 0 ? 'no-store' : 'max-age=60' })
    const batch = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"keys":["a","b"]}',
    }
    for (let times = 0; times < 2; times++) expect((await call('/cache/users/batch', batch)).status).toBe(200)
    expect(source.asked).toHaveLength(3)
  })

  it.each([
    ['a', '', 'max-age=86400'],
    ['b', 'max-age=86400', ''],
  ])('of an equal value in a batch does not lengthen the TTL of one that says nothing', async (_, a, b) => {
    const { livesOf } = await readyWorld()
    expect((await livesOf({}, { a, b })).lives).toEqual([300_000, 300_000])
  })

  it('of an equal value in a batch shortens the TTL of one that says nothing', async () => {
    const { livesOf } = await readyWorld()
    const { lives } = await livesOf({ ttl: () => '1h' }, { a: '', b: 'max-age=10', c: 'max-age=60' })
    expect(lives).toEqual([10_000, 10_000, 10_000])
  })

  it.each([
    ['swr', 'stale-while-revalidate'],
    ['staleIfError', 'stale-if-error'],
  ] as const)(
    'of an equal value in a batch does not lengthen the window of one that says nothing: %s',
    async (option, directive) => {
      const long = `max-age=1, ${directive}=3600`
      const load = option === 'swr' ? () => 'new' : () => Promise.reject(new Error('down'))
      const late = async (settings: NamespaceOptions<unknown>, [a, b]: string[], ms: number) => {
        const at = await readyWorld()
        const { flags } = await at.livesOf(settings, { a: a!, b: b! })
        await at.runtime.advance(ms)
        return flags.getEntry('a', load).then(
          ({ value }) => value,
          () => 'down',
        )
      }
      for (const settings of [{ [option]: '10s' }, { [option]: () => '10s' as const }]) {
        for (const said of [
          ['max-age=1', long],
          [long, 'max-age=1'],
        ]) {
          expect(await late(settings, said, 9000)).toBe(true)
          expect(await late(settings, said, 12_000)).not.toBe(true)
        }
      }
    },
  )

  it('can be ignored', async () => {
    const { api, loads } = await readyWorld({ cacheControl: 'ignore' })
    api.answer = () => json('1', { 'cache-control': 'no-store', vary: 'cookie', 'set-cookie': 'a=1' })
    expect(await loads(3)).toBe(1)
  })
})

describe('its tags', () => {
  it.each([
    ['cache-tag', undefined, 'team:1, all'],
    ['edge-cache-tag', 'Edge-Cache-Tag', 'team:1,all'],
    ['surrogate-key', 'Surrogate-Key', 'team:1 all'],
  ])('are read from %s', async (header, tagsHeader, text) => {
    const { api, loads, evict } = await readyWorld(tagsHeader === undefined ? {} : { tagsHeader })
    api.answer = () => json('1', { [header]: text })
    expect(await loads(2)).toBe(1)
    await evict({ namespace: 'users', tags: ['team:2'] })
    expect(await loads(1)).toBe(0)
    for (const tag of ['team:1', 'all']) {
      await evict({ namespace: 'users', tags: [tag] })
      expect(await loads(2), tag).toBe(1)
    }
  })

  it('are made of the value by templates, one of each item of a list', async () => {
    const { api, loads, evict } = await readyWorld({
      tags: ['team:{value.team.id}', 'of:{value.roles}', '{namespace}/{key}'],
    })
    api.answer = () => json('{"team":{"id":12},"roles":["admin","dev"]}')
    expect(await loads(2)).toBe(1)
    for (const tag of ['team:12', 'of:admin', 'of:dev', 'users/7']) {
      await evict({ namespace: 'users', tags: [tag] })
      expect(await loads(2), tag).toBe(1)
    }
  })

  it('are none where nothing stands', async () => {
    const { api, read } = await readyWorld({ tags: ['team:{value.team.id}', 'x:{value.none}'] })
    for (const text of ['null', '{}', '{"team":null}', '[]', '3']) {
      api.answer = () => json(text, { 'cache-control': 'no-store' })
      expect(await read(), text).toMatchObject({ code: 200 })
    }
  })

  it.each([
    ['an object', '{"team":{"id":{}}}', {}],
    ['a list of lists', '{"team":{"id":[["a"]]}}', {}],
    ['too many', JSON.stringify({ team: { id: Array.from({ length: 101 }, (_, n) => n) } }), {}],
    ['too many of a header', '{}', { 'cache-tag': Array.from({ length: 101 }, (_, n) => `t${n}`).join(',') }],
    ['too long a one', JSON.stringify({ team: { id: 'x'.repeat(2000) } }), {}],
  ])(
    'that cannot be made of %s are a failure: the value would outlive an eviction',
    async (_what, text, headers) => {
      const { api, read } = await readyWorld({ tags: ['team:{value.team.id}'] })
      api.answer = () => json(text, headers)
      const { code, detail } = await read()
      expect([code, detail]).toEqual([502, expect.stringContaining('tags')])
    },
  )

  it.each(['', 'team:{value.}', '{other}', '{value', 'a}', '{value.a b}'])(
    'refuses the template "%s"',
    (template) => {
      expect(() => httpOrigin({ url: 'http://a.test', tags: [template] })).toThrow('`tags`')
    },
  )
})

it.each([
  ['format', { format: 'xml' }],
  ['tagsHeader', { tagsHeader: 'a b' }],
  ['cacheControl', { cacheControl: 'maybe' }],
  ['maxTtl', { maxTtl: 'long' }],
])('a wrong `%s` is refused', (name, options) => {
  expect(() => httpOrigin({ url: 'http://a.test', ...(options as object) })).toThrow(`\`${name}\``)
})

describe('an envelope', () => {
  const envelope = { format: 'envelope' } as const
  it('says itself how long it is kept; headers are ignored, as ever', async () => {
    const { api, loads, read, runtime } = await readyWorld(envelope)
    api.answer = () => json('{"value":1,"tags":["a"],"ttl":"10s"}', { 'cache-control': 'no-store' })
    expect(await loads(2)).toBe(1)
    expect((await read()).value).toBe(1)
    await runtime.advance(10_100)
    expect(await loads(1)).toBe(1)
  })
})
