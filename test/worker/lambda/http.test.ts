import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { lambdaHandler } from '../../../worker/lambda.ts'
import { kedge, openToAll } from '../../../worker/index.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { world } from '../../src/world.ts'
import { alb, albMultiple, v1, v2 } from './http-events.ts'

/** Says what it was asked. */
const echo = new Hono()
echo.all('*', async (c) =>
  c.json({
    method: c.req.method,
    url: c.req.url,
    headers: Object.fromEntries(c.req.raw.headers),
    body: await c.req.text(),
  }),
)
type Echoed = Record<'method' | 'url' | 'body', string> & { headers: Record<string, string> }
const asked = async (event: unknown, options = {}) => {
  const answer = await lambdaHandler(echo, options)(event)
  return JSON.parse(answer.body) as Echoed
}

const doors = [
  ['API Gateway, payload 2.0', v2, 'id.execute-api.eu-west-1.amazonaws.com'],
  ['API Gateway, payload 1.0', v1, 'id.execute-api.eu-west-1.amazonaws.com'],
  ['a load balancer', alb, 'lb.example'],
  ['a load balancer with multi-value headers', albMultiple, 'lb.example'],
] as const

describe.each(doors)('A request by %s', (_, event, host) => {
  it('has its method, address, headers and body', async () => {
    const said = await asked(
      event({
        method: 'PUT',
        path: '/cache/users/a%2Fb',
        query: 'q=1%262&r=%C3%A9',
        headers: { 'x-name': 'Ada', cookie: 'a=1; b=2' },
        body: '{"value":1}',
      }),
    )
    expect(said).toMatchObject({
      method: 'PUT',
      url: `https://${host}/cache/users/a%2Fb?q=1%262&r=%C3%A9`,
      headers: { 'x-name': 'Ada', cookie: 'a=1; b=2', 'content-length': '11' },
      body: '{"value":1}',
    })
  })

  it('may have a body in base64', async () => {
    const said = await asked(event({ method: 'POST', body: btoa('\u00c3\u00a9'), base64: true }))
    expect(said.body).toBe('é')
  })

  it('with what is no base64 is answered with 400', async () => {
    const answer = await lambdaHandler(echo)(event({ method: 'POST', body: '%%%', base64: true }))
    expect(answer).toMatchObject({ statusCode: 400, body: expect.stringContaining('base64') })
  })

  it('gets a text as it is and bytes in base64', async () => {
    const app = new Hono()
    app.get('/text', (c) => c.text('é'))
    app.get('/image', (c) => c.body(Uint8Array.of(255, 0), 200, { 'content-type': 'image/png' }))
    app.get('/packed', (c) => c.body(Uint8Array.of(31, 139), 200, { 'content-encoding': 'gzip' }))
    app.get('/latin', (c) => c.body(Uint8Array.of(233), 200, { 'content-type': 'text/plain' }))
    app.get('/none', (c) => c.body(null, 204))
    const handler = lambdaHandler(app)
    const get = (path: string) => handler(event({ path }))
    expect(await get('/text')).toMatchObject({ body: 'é', isBase64Encoded: false })
    expect(await get('/image')).toMatchObject({ body: '/wA=', isBase64Encoded: true })
    expect(await get('/packed')).toMatchObject({ body: 'H4s=', isBase64Encoded: true })
    expect(await get('/latin')).toMatchObject({ body: '6Q==', isBase64Encoded: true })
    expect(await get('/none')).toMatchObject({ statusCode: 204, body: '', isBase64Encoded: false })
  })
})

describe('An answer', () => {
  const app = new Hono()
  app.get('/', (c) => {
    c.header('x-name', 'Ada')
    c.header('set-cookie', 'a=1', { append: true })
    c.header('set-cookie', 'b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT', { append: true })
    return c.text('')
  })
  const handler = lambdaHandler(app)
  const cookies = ['a=1', 'b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT']

  it('keeps cookies apart from each other', async () => {
    expect(await handler(v2({}))).toMatchObject({ headers: { 'x-name': 'Ada' }, cookies })
    for (const event of [v1({}), albMultiple({})])
      expect((await handler(event)).multiValueHeaders).toMatchObject({
        'x-name': ['Ada'],
        'set-cookie': cookies,
      })
  })

  it('has room for one cookie where headers have one value', async () => {
    const { headers, multiValueHeaders } = await handler(alb({}))
    expect([headers?.['set-cookie'], multiValueHeaders]).toEqual(['a=1', undefined])
  })
})

describe('The handler', () => {
  it('joins repeated headers as HTTP does', async () => {
    const said = await asked(
      albMultiple({
        more: [
          ['x-a', '1'],
          ['x-a', '2'],
        ],
      }),
    )
    expect(said.headers['x-a']).toBe('1, 2')
  })

  it('passes on header bytes beyond Latin-1 as they came', async () => {
    const said = await asked(v2({ headers: { 'x-name': '雪' } }))
    expect(said.headers['x-name']).toBe('\u00e9\u009b\u00aa')
  })

  it('takes the base path off, and only as a whole', async () => {
    const at = async (path: string) =>
      new URL((await asked(v2({ path }), { basePath: '/prod' })).url).pathname
    expect([await at('/prod/a'), await at('/prod'), await at('/production')]).toEqual([
      '/a',
      '/',
      '/production',
    ])
  })

  it('takes no path from the Host header', async () => {
    const said = await asked(alb({ path: '/public', headers: { host: 'x/cache/secret?' } }))
    expect(said.url).toBe('https://localhost/public')
  })

  it('keeps what would end the path within it', async () => {
    expect((await asked(v2({ path: '/a#b?c' }))).url).toMatch(/\/a%23b%3Fc$/)
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'GET /'],
    ['an empty object', {}],
    ['a Kafka event', { eventSource: 'aws:kafka', records: {} }],
    ['a path that is none', { ...v2({}), rawPath: 'https://elsewhere.example/' }],
    ['headers that are none', { ...v2({}), headers: { a: { b: 1 } } }],
    ['a header that breaks the line', v2({ headers: { 'x-a': 'b\r\nx-c: d' } })],
    ['a method that no request may have', v2({ method: 'CONNECT' })],
    ['a prototype', { __proto__: v2({}) }],
  ])('answers %s with a problem', async (name, event) => {
    const errors: unknown[] = []
    const answer = await lambdaHandler(echo, { onError: (error) => errors.push(error) })(event)
    if (name === 'a prototype') return expect(answer.statusCode).toBe(200)
    expect(answer).toMatchObject({
      statusCode: 400,
      headers: { 'content-type': 'application/problem+json' },
    })
    expect(errors).toHaveLength(1)
  })

  it('gives the app its environment, the event and the context', async () => {
    const app = new Hono<{ Bindings: { NAME: string; event: unknown; lambdaContext: unknown } }>()
    app.get('/', (c) => c.json(c.env))
    const event = v2({})
    const { body } = await lambdaHandler(app, { env: { NAME: 'Ada' } })(event, { awsRequestId: 'r' })
    expect(JSON.parse(body)).toEqual({ NAME: 'Ada', event, lambdaContext: { awsRequestId: 'r' } })
  })

  it('refuses options that it does not have', () => {
    expect(() => lambdaHandler(echo, { basePath: 'prod' })).toThrow('`basePath`')
    expect(() => lambdaHandler(echo, { stage: 'prod' } as never)).toThrow('`stage` is not an option')
    expect(() => lambdaHandler(echo, { reserve: 'soon' as never })).toThrow('`reserve`')
    expect(() => lambdaHandler({ auth: openToAll } as never)).toThrow('`cache` is missing')
  })
})

describe('A cache behind the handler', () => {
  it('reads, writes and hands on tokens, made of the options of the app', async () => {
    const at = world()
    const { cache } = at.isolate()
    const handler = lambdaHandler({ cache, auth: openToAll }, { runtime: at.runtime })
    const json = { 'content-type': 'application/json' }
    const path = '/cache/users/7'
    const put = await at.run(
      handler(v2({ method: 'PUT', path, headers: json, body: '{"value":{"name":"Ada"}}' })),
    )
    expect(put).toMatchObject({
      statusCode: 200,
      headers: { 'kedge-token': expect.stringMatching(/^k1\.0-1~/) },
    })
    const got = await at.run(handler(v2({ path, headers: { 'kedge-token': 'k1.0-1' } })))
    expect(JSON.parse(got.body)).toMatchObject({ value: { name: 'Ada' } })
  })

  it('has its background poll done before the answer is returned', async () => {
    const at = world()
    const { cache, kafka } = at.isolate({ maxStaleness: '2s' }, { latency: 50 })
    cache.namespace('users')
    await at.run(cache.sync())
    await at.runtime.advance(1500)
    const app = new Hono()
    app.use(kedge(cache))
    app.get('/', (c) => c.text('well'))
    const before = kafka.calls.offsets
    const answering = lambdaHandler(app, { runtime: at.runtime })(v2({}))
    let answered = false
    void answering.then(() => (answered = true))
    await at.runtime.advance(49)
    expect([answered, kafka.calls.offsets - before]).toEqual([false, 1])
    await at.run(answering)
    expect(cache.freshness().ageMs).toBeLessThan(100)
  })
})

describe('Near the end of its time', () => {
  const context = (at: ReturnType<typeof world>, ms: number) => {
    const end = at.runtime.now() + ms
    return { getRemainingTimeInMillis: () => end - at.runtime.now() }
  }

  it('a request that is not answered gets 504, and the process lives on', async () => {
    const at = world()
    const app = new Hono()
    app.get('/', async (c) => {
      await at.runtime.sleep(60_000)
      return c.text('late')
    })
    const errors: unknown[] = []
    const handler = lambdaHandler(app, { runtime: at.runtime, onError: (error) => errors.push(error) })
    const began = at.runtime.now()
    const answer = await at.run(handler(v2({}), context(at, 3000)))
    expect(answer).toMatchObject({ statusCode: 504, body: expect.stringContaining('ERR_TIMEOUT') })
    expect(at.runtime.now() - began).toBeLessThanOrEqual(2510)
    expect(errors).toMatchObject([{ code: 'ERR_TIMEOUT' }])
  })

  it('it is 504 also where the timer was a little early', async () => {
    const at = world()
    const runtime: Runtime = {
      ...at.runtime,
      // Timers of Node count whole milliseconds, and may end in the one before.
      sleep: (ms, signal) => at.runtime.sleep(Math.max(0, ms - 1), signal),
    }
    const handler = lambdaHandler({ fetch: () => new Promise<Response>(() => {}) }, { runtime })
    const answer = await at.run(handler(v2({}), context(at, 3000)))
    expect(answer).toMatchObject({ statusCode: 504, body: expect.stringContaining('ERR_TIMEOUT') })
  })

  it('deferred work that is not done in time is left, and reported', async () => {
    const at = world()
    const app = new Hono()
    app.get('/', (c) => {
      c.executionCtx.waitUntil(at.runtime.sleep(60_000))
      return c.text('well')
    })
    const errors: unknown[] = []
    const handler = lambdaHandler(app, { runtime: at.runtime, onError: (error) => errors.push(error) })
    const began = at.runtime.now()
    expect(await at.run(handler(v2({}), context(at, 3000)))).toMatchObject({ statusCode: 200, body: 'well' })
    expect(at.runtime.now() - began).toBeLessThanOrEqual(2510)
    expect(errors).toMatchObject([{ code: 'ERR_TIMEOUT', message: expect.stringContaining('waitUntil') }])
  })

  it('what is deferred need not be a promise', async () => {
    const app = new Hono()
    const done: string[] = []
    app.get('/', (c) => {
      const loose = c.executionCtx as { waitUntil(work: unknown): void }
      loose.waitUntil(undefined)
      // As some queries of databases are: begun when a caller awaits them.
      // oxlint-disable-next-line unicorn/no-thenable
      loose.waitUntil({ then: (resolve: (value: unknown) => void) => resolve(done.push('asked')) })
      return c.text('well')
    })
    expect(await lambdaHandler(app)(v2({}))).toMatchObject({ statusCode: 200, body: 'well' })
    expect(done).toEqual(['asked'])
  })

  it('deferred work that fails is reported, and harms no response', async () => {
    const app = new Hono()
    app.get('/', (c) => {
      c.executionCtx.waitUntil(Promise.reject(new Error('not counted')))
      throw new Error('broken')
    })
    app.onError((error, c) => c.text(error.message, 500))
    const errors: unknown[] = []
    const handler = lambdaHandler(app, { onError: (error) => errors.push(error) })
    expect(await handler(v2({}))).toMatchObject({ statusCode: 500 })
    expect(errors).toMatchObject([{ message: 'not counted' }])
  })

  it('an app whose answer breaks off gets 500', async () => {
    const broken = new ReadableStream({ pull: (stream) => stream.error(new Error('broken off')) })
    const handler = lambdaHandler({ fetch: () => new Response(broken) })
    expect(await handler(v2({}))).toMatchObject({
      statusCode: 500,
      body: expect.stringContaining('ERR_INTERNAL'),
    })
  })
})
