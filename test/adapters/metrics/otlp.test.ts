import { describe, expect, it } from 'vitest'
import { otlpMetrics, otlpOptions } from '../../../adapters/metrics/otlp.ts'
import type { OtlpOptions } from '../../../adapters/metrics/otlp.ts'
import { createCache } from '../../../src/index.ts'
import type { CacheOptions, KedgeEvent } from '../../../src/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import { fakeRuntime, memory, memoryTier } from '../../../src/testing/index.ts'
import type { FakeRuntimeOptions } from '../../../src/testing/index.ts'
import { readPush } from '../../otlp/receiver.ts'
import type { Pushed } from '../../otlp/receiver.ts'
import { request } from '../../src/world.ts'

type Answer = () => Response | Promise<Response>

/** A cache whose metrics go to a receiver that refuses what OTLP has not. */
function pushing(
  more: Partial<OtlpOptions> = {},
  options: Partial<CacheOptions> = {},
  at: FakeRuntimeOptions = {},
) {
  const runtime = fakeRuntime(at)
  const pushes: Pushed[] = []
  const sent: Request[] = []
  const errors: unknown[] = []
  const receiver: { answer: Answer } = { answer: () => Response.json({ partialSuccess: {} }) }
  const fetch: typeof globalThis.fetch = async (input, init) => {
    sent.push(new Request(input, init))
    pushes.push(readPush(init!.body as string))
    return receiver.answer()
  }
  const cache = createCache({ kafka: memory(), ttl: '1h', runtime, ...options })
  const metrics = otlpMetrics(cache, {
    url: 'http://collector.test:4318',
    fetch,
    onError: (error) => errors.push(error),
    ...more,
  })
  /** A request that does nothing but begin and end. */
  const boundary = async () => {
    const context = request()
    metrics.begin(context)()
    await runtime.settle()
    return context
  }
  return { cache, metrics, pushes, sent, errors, runtime, receiver, boundary }
}

const last = (pushes: readonly Pushed[]): Pushed => pushes.at(-1)!

describe('metrics that are pushed', () => {
  it('are what has come since the last push, and gauges of this moment', async () => {
    const { cache, pushes, runtime, boundary } = pushing()
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    await users.getOrSet('7', () => 'ada')
    await boundary()
    expect(last(pushes).values).toMatchObject({
      'kedge.cache.hits': 1,
      'kedge.cache.misses': 1,
      'kedge.cache.loads': 1,
      'kedge.cache.entries': 1,
      'kedge.cache.ready': 1,
      'kedge.cache.push_failures': 0,
    })
    await users.getOrSet('7', () => 'ada')
    await runtime.advance(10_000)
    await boundary()
    expect(last(pushes).values).toMatchObject({
      'kedge.cache.hits': 1,
      'kedge.cache.misses': 0,
      'kedge.cache.loads': 0,
      'kedge.cache.entries': 1,
    })
    expect(pushes).toHaveLength(2)
  })

  it('tell intervals that follow each other without a gap', async () => {
    const { pushes, runtime, boundary } = pushing()
    for (let nth = 0; nth < 3; nth++) {
      await boundary()
      await runtime.advance(12_000)
    }
    const [first, second, third] = pushes.map(({ interval }) => interval)
    expect(second![0]).toBe(first![1])
    expect(third![0]).toBe(second![1])
    expect(third![1] - third![0]).toBe(12_000)
  })

  it('begin with the first request, because no clock goes in workerd before it', async () => {
    const { pushes, runtime, metrics } = pushing()
    await runtime.advance(5000)
    const ended = metrics.begin(request())
    const began = runtime.now()
    await runtime.advance(250)
    ended()
    await runtime.settle()
    expect(last(pushes).interval).toEqual([began, began + 250])
  })

  it('time loads, polls, writes and calls of the tier, in seconds', async () => {
    const { cache, pushes, runtime, boundary } = pushing({}, { use: [sharedTier(memoryTier())] })
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', async () => {
      await runtime.advance(250)
      return 'ada'
    })
    await users.getOrSet('8', () => Promise.reject(new Error('away'))).catch(() => undefined)
    await users.delete('7')
    await cache.sync()
    await boundary()
    const { values, sums } = last(pushes)
    expect(values).toMatchObject({
      'kedge.cache.load.duration{kedge.namespace="users",kedge.outcome="ok"}': 1,
      'kedge.cache.load.duration{kedge.namespace="users",kedge.outcome="failed"}': 1,
      'kedge.cache.publish.duration{messaging.destination.name="cache-evictions",kedge.outcome="ok"}': 1,
      'kedge.cache.tier_open': 0,
    })
    expect(values['kedge.cache.poll.duration']).toBeGreaterThan(0)
    expect(values['kedge.cache.apply.duration']).toBe(1)
    expect(
      values['kedge.cache.tier.duration{kedge.tier.operation="get",kedge.outcome="ok"}'],
    ).toBeGreaterThan(0)
    expect(sums['kedge.cache.load.duration{kedge.namespace="users",kedge.outcome="ok"}']).toBe(0.25)
  })

  it('have their durations in the buckets that those belong to, their bounds included', async () => {
    const { metrics, pushes, runtime } = pushing()
    for (const ms of [0, 5, 6, 10_000, 10_001, 60_000]) {
      const ended = metrics.begin(request())
      await runtime.advance(ms)
      ended({ method: 'GET', status: 200 })
      await runtime.settle()
    }
    await metrics.flush()
    const all: Record<string, number> = {}
    for (const { buckets } of pushes)
      for (const [name, of] of Object.entries(buckets))
        if (name.startsWith('http.'))
          for (const [bound, count] of Object.entries(of)) all[bound] = (all[bound] ?? 0) + count
    expect(all).toEqual({ '0.005': 2, '0.01': 1, '10': 1, Infinity: 2 })
  })

  it('count requests by route, method and status', async () => {
    const { metrics, pushes, runtime } = pushing()
    for (const [method, status, route] of [
      ['GET', 200, '/users/:id'],
      ['GET', 200, '/users/:id'],
      ['BREW', 503, undefined],
    ] as const) {
      const ended = metrics.begin(request())
      await runtime.advance(20)
      ended({ method, status, scheme: 'https', ...(route && { route }) })
    }
    await metrics.flush()
    const counted = Object.fromEntries(
      pushes.flatMap(({ values }) => Object.entries(values).filter(([name]) => name.startsWith('http.'))),
    )
    expect(counted).toEqual({
      'http.server.request.duration{http.request.method="GET",url.scheme="https",http.response.status_code=200,http.route="/users/:id"}': 1,
      'http.server.request.duration{http.request.method="_OTHER",url.scheme="https",http.response.status_code=503,error.type="503"}': 1,
    })
    expect(pushes).toHaveLength(2)
    expect(Object.entries(pushes[0]!.sums).filter(([name]) => name.startsWith('http.'))).toEqual([
      [expect.stringContaining('/users/:id'), 0.02],
    ])
  })

  it('leave out the age of a proof that was never made, and the tier that there is none of', async () => {
    const { pushes, boundary } = pushing()
    await boundary()
    expect(last(pushes).values).toHaveProperty(['kedge.cache.ready'], 0)
    expect(last(pushes).values).not.toHaveProperty(['kedge.cache.fresh_age'])
    expect(last(pushes).values).not.toHaveProperty(['kedge.cache.tier_open'])
  })

  it('say of what process they are', async () => {
    const { pushes, boundary, runtime } = pushing({
      service: 'shop',
      resource: { 'cloud.region': 'eu-west-1', 'faas.max_memory': 536_870_912, canary: true },
    })
    await boundary()
    await runtime.advance(10_000)
    await boundary()
    const [first, second] = pushes.map(({ resource }) => resource)
    expect(first).toEqual({
      'service.name': 'shop',
      'service.instance.id': expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      'cloud.region': 'eu-west-1',
      'faas.max_memory': 536_870_912,
      canary: true,
    })
    expect(second).toEqual(first)
    const other = pushing({}, {}, { seed: 2 })
    await other.boundary()
    expect(last(other.pushes).resource['service.instance.id']).not.toBe(first!['service.instance.id'])
  })

  it('call no listener at a hit or a miss but that of the options', async () => {
    const heard: KedgeEvent['type'][] = []
    const { cache } = pushing({}, { onEvent: ({ type }) => heard.push(type) })
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    await users.get('7')
    await users.get('8')
    expect(heard.filter((type) => type === 'hit' || type === 'miss')).toEqual(['miss', 'hit', 'miss'])
  })
})

describe('what a push may hold', () => {
  it('has no key, and of namespaces no more than a hundred', async () => {
    const { cache, sent, pushes, boundary } = pushing({}, { maxEntries: 10_000 })
    await cache.sync()
    for (let nth = 0; nth < 150; nth++) await cache.namespace(`n${nth}`).getOrSet('secret-key', () => 1)
    await boundary()
    const loads = Object.keys(last(pushes).values).filter((name) =>
      name.startsWith('kedge.cache.load.duration'),
    )
    expect(loads).toHaveLength(101)
    expect(last(pushes).values['kedge.cache.load.duration{kedge.namespace="other",kedge.outcome="ok"}']).toBe(
      50,
    )
    expect(await sent.at(-1)!.text()).not.toContain('secret')
  })

  it('is bounded whatever comes, and nothing is left uncounted', async () => {
    const { metrics, pushes } = pushing()
    metrics.begin(request())
    for (let nth = 0; nth < 5000; nth++)
      metrics.begin(request())({ method: 'GET', status: 200, route: `/${nth}/${'x'.repeat(250)}` })
    await metrics.flush()
    const told = pushes.flatMap(({ values }) =>
      Object.entries(values).filter(([name]) => name.startsWith('http.')),
    )
    expect(told.reduce((sum, [, count]) => sum + count, 0)).toBe(5000)
    expect(last(pushes).values['http.server.request.duration{otel.metric.overflow=true}']).toBe(4999 - 500)
    expect(last(pushes).points).toBeLessThan(540)
    expect(Math.max(...pushes.map(({ bytes }) => bytes))).toBeLessThan(700_000)
  })

  it('begins anew after each push: the bound is one of a push', async () => {
    const { metrics, pushes } = pushing()
    for (const round of [1, 2]) {
      for (let nth = 0; nth < 600; nth++)
        metrics.begin(request())({ method: 'GET', status: 200, route: `/${round}/${nth}` })
      await metrics.flush()
    }
    expect(last(pushes).values['http.server.request.duration{otel.metric.overflow=true}']).toBe(100)
  })
})

describe('when there is a push', () => {
  it('at the end of a request, where the interval is over: never by a timer', async () => {
    const { pushes, boundary, runtime } = pushing({ interval: '30s' })
    await boundary()
    expect(pushes).toHaveLength(1)
    await boundary()
    await runtime.advance(29_999)
    await boundary()
    expect(pushes).toHaveLength(1)
    expect(runtime.sleeping).toBe(0)
    await runtime.advance(1)
    expect(pushes).toHaveLength(1)
    await boundary()
    expect(pushes).toHaveLength(2)
  })

  it('under waitUntil, which no request waits for', async () => {
    const { metrics, receiver, runtime } = pushing()
    let answer: (response: Response) => void = () => undefined
    receiver.answer = () => new Promise((resolve) => (answer = resolve))
    const context = request()
    metrics.begin(context)()
    expect(context.work).toHaveLength(1)
    await runtime.settle()
    answer(new Response(null))
    await Promise.all(context.work)
    expect(metrics.stats()).toEqual({ pushes: 1, failures: 0, refusedPoints: 0 })
  })

  it('at the beginning of a request, beside its handler, where that is asked for', async () => {
    const { metrics, pushes, runtime } = pushing({ boundary: 'start' })
    const first = request()
    metrics.begin(first)({ method: 'GET', status: 200 })
    // There is nothing yet to tell.
    expect(first.work).toEqual([])
    const second = request()
    const ended = metrics.begin(second)
    await runtime.settle()
    expect(pushes).toHaveLength(1)
    expect(Object.keys(pushes[0]!.values).filter((name) => name.startsWith('http.'))).toHaveLength(1)
    ended({ method: 'GET', status: 200 })
    await runtime.settle()
    expect(pushes).toHaveLength(1)
    expect(second.work).toHaveLength(1)
  })

  it('one at a time', async () => {
    const { pushes, boundary, receiver, runtime } = pushing({ interval: 1, requestTimeout: '5s' })
    receiver.answer = () => new Promise(() => undefined)
    await boundary()
    await runtime.advance(4000)
    await boundary()
    expect(pushes).toHaveLength(1)
  })

  it('again, after a push that its own request has taken with it', async () => {
    const { metrics, pushes, receiver, runtime } = pushing(
      { requestTimeout: '2s' },
      {},
      { isolatesRequests: true },
    )
    // As in workerd when a request is gone: neither its fetch nor its timer comes back.
    receiver.answer = () => new Promise(() => undefined)
    const gone = Object.assign(runtime, { sleep: () => new Promise<void>(() => undefined) })
    metrics.tick(request())
    await runtime.settle()
    expect(gone.sleeping).toBe(0)
    receiver.answer = () => new Response(null)
    runtime.freeze(10_000)
    metrics.tick(request())
    await runtime.settle()
    expect(pushes).toHaveLength(2)
    expect(metrics.stats().failures).toBe(0)
  })

  it('also without a context, and where the platform refuses one', async () => {
    const { metrics, pushes, runtime } = pushing()
    metrics.tick()
    await runtime.settle()
    await runtime.advance(10_000)
    metrics.tick({
      waitUntil: () => {
        throw new Error('the request is over')
      },
    })
    await runtime.settle()
    expect(pushes).toHaveLength(2)
  })

  it('by flush() at once, after the one that is under way', async () => {
    const { metrics, pushes, receiver, runtime } = pushing()
    let answer: (response: Response) => void = () => undefined
    receiver.answer = () => new Promise((resolve) => (answer = resolve))
    metrics.tick()
    await runtime.settle()
    const flushed = metrics.flush()
    await runtime.settle()
    expect(pushes).toHaveLength(1)
    receiver.answer = () => new Response(null)
    answer(new Response(null))
    await flushed
    expect(pushes).toHaveLength(2)
  })

  it('by flush() no longer than its signal allows', async () => {
    const { metrics, errors, receiver } = pushing()
    receiver.answer = () => new Promise(() => undefined)
    const over = new AbortController()
    const flushed = metrics.flush({ signal: over.signal })
    over.abort(new Error('the process ends'))
    await flushed
    expect(errors).toEqual([new Error('the process ends')])
  })
})

describe('a receiver that fails', () => {
  it('loses what was sent to it, and the next push says how often pushes have failed', async () => {
    const { cache, pushes, errors, boundary, receiver, runtime } = pushing()
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    receiver.answer = () => new Response('upstream is away', { status: 503 })
    await boundary()
    expect(errors).toMatchObject([{ code: 'ERR_HTTP', retryable: true }])
    receiver.answer = () => new Response(null)
    await runtime.advance(20_000)
    await users.get('7')
    await boundary()
    expect(last(pushes).values).toMatchObject({
      'kedge.cache.loads': 0,
      'kedge.cache.hits': 1,
      'kedge.cache.push_failures': 1,
    })
  })

  it('is counted also where push after push fails', async () => {
    const { pushes, boundary, receiver, runtime } = pushing()
    receiver.answer = () => new Response(null, { status: 503, headers: { 'retry-after': '1' } })
    for (let nth = 0; nth < 3; nth++) {
      await boundary()
      await runtime.advance(10_000)
    }
    receiver.answer = () => new Response(null)
    for (const told of [3, 0]) {
      await boundary()
      expect(last(pushes).values['kedge.cache.push_failures']).toBe(told)
      await runtime.advance(10_000)
    }
  })

  it('is asked more and more seldom, five minutes apart at most', async () => {
    const { pushes, boundary, receiver, runtime } = pushing()
    receiver.answer = () => new Response(null, { status: 500 })
    const sentAt: number[] = []
    for (let second = 0; second < 2000; second++) {
      const before = pushes.length
      await boundary()
      if (pushes.length > before) sentAt.push(second)
      await runtime.advance(1000)
    }
    const gaps = sentAt.slice(1).map((at, nth) => at - sentAt[nth]!)
    expect(gaps).toEqual([20, 40, 80, 160, 300, 300, 300, 300, 300])
    receiver.answer = () => new Response(null)
    await runtime.advance(300_000)
    await boundary()
    await runtime.advance(10_000)
    const { length } = pushes
    receiver.answer = () => new Response(null, { status: 500 })
    await boundary()
    expect(pushes).toHaveLength(length + 1)
    // One that works makes the next failure a first one.
    await runtime.advance(20_000)
    await boundary()
    expect(pushes).toHaveLength(length + 2)
  })

  it.each([
    ['60', 60_000],
    ['1', 10_000],
    ['86400', 3_600_000],
  ])('is left alone for as long as it asks for (Retry-After: %s)', async (asked, waitMs) => {
    const { pushes, errors, boundary, receiver, runtime } = pushing()
    receiver.answer = () => new Response(null, { status: 429, headers: { 'retry-after': asked } })
    await boundary()
    expect(errors).toMatchObject([{ code: 'ERR_RATE_LIMITED' }])
    receiver.answer = () => new Response(null)
    await runtime.advance(waitMs - 1)
    await boundary()
    expect(pushes).toHaveLength(1)
    await runtime.advance(1)
    await boundary()
    expect(pushes).toHaveLength(2)
  })

  it('is given up at its deadline', async () => {
    const { metrics, errors, boundary, receiver, runtime } = pushing({ requestTimeout: '2s' })
    receiver.answer = () => new Promise(() => undefined)
    const { work } = await boundary()
    await runtime.advance(2000)
    await Promise.all(work)
    expect(errors).toMatchObject([{ code: 'ERR_TIMEOUT' }])
    expect(metrics.stats()).toEqual({ pushes: 1, failures: 1, refusedPoints: 0 })
  })

  it('that refuses points of a push says how many', async () => {
    const { metrics, pushes, boundary, receiver, runtime } = pushing()
    receiver.answer = () =>
      Response.json({ partialSuccess: { rejectedDataPoints: '7', errorMessage: 'delta is not supported' } })
    await boundary()
    expect(metrics.stats()).toEqual({ pushes: 1, failures: 0, refusedPoints: 7 })
    receiver.answer = () => Response.json({ partialSuccess: { rejectedDataPoints: 'many' } })
    await runtime.advance(10_000)
    await boundary()
    expect(last(pushes).values['kedge.cache.push_refused_points']).toBe(7)
    expect(metrics.stats().refusedPoints).toBe(7)
  })

  it('that answers without end is cut off', async () => {
    const { errors, boundary, receiver } = pushing()
    receiver.answer = () => new Response(new Uint8Array(1_000_000))
    await boundary()
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(errors).toMatchObject([{ code: 'ERR_TOO_LARGE' }])
  })

  it('shows no credential in any error, even where it repeats it', async () => {
    const secret = 'a-very-secret-key'
    const { sent, errors, boundary, receiver } = pushing({ headers: { 'api-key': secret } })
    receiver.answer = () => Response.json({ message: `wrong key ${secret}` }, { status: 401 })
    await boundary()
    expect(sent[0]!.headers.get('api-key')).toBe(secret)
    expect(errors).toMatchObject([{ code: 'ERR_AUTH' }])
    expect(String(errors[0])).toContain('wrong key ***')
    expect(String(errors[0])).not.toContain(secret)
  })

  it('breaks nothing, whatever its listener throws', async () => {
    const { metrics, boundary, receiver } = pushing({
      onError: () => {
        throw new Error('mine')
      },
    })
    receiver.answer = () => Promise.reject(new TypeError('fetch failed'))
    await boundary()
    expect(metrics.stats()).toEqual({ pushes: 1, failures: 1, refusedPoints: 0 })
  })
})

describe('its options', () => {
  it.each([
    [{ url: undefined }, '`url`: must be a string'],
    [{ url: 'ftp://a' }, '`url`: must be an http(s) URL'],
    [{ url: 'http://user:pw@a' }, '`url`: must be an http(s) URL without credentials'],
    [{ headers: { 'x y': 'z' } }, '`headers.x y`: must be an object of header values'],
    [{ service: '' }, '`service`: must not be empty'],
    [{ resource: { a: [] } }, '`resource`: must be an object of at most 64'],
    [{ resource: { a: 'x'.repeat(257) } }, '`resource`: must be an object of at most 64'],
    [{ interval: '10' }, '`interval` must be milliseconds'],
    [{ interval: 0 }, '`interval` must be longer than 0'],
    [{ requestTimeout: 0 }, '`requestTimeout` must be longer than 0'],
    [{ boundary: 'middle' }, "`boundary`: must be 'start' or 'end'"],
    [{ maxNamespaces: 101 }, '`maxNamespaces`: must be a whole number from 1 to 100'],
    [{ gzip: true }, '`gzip` is not an option of otlpMetrics()'],
  ])('refuse %j', (wrong, says) => {
    const options = { url: 'http://a.test', ...wrong } as unknown as OtlpOptions
    expect(() => otlpMetrics(createCache({ kafka: memory() }), options)).toThrow(says)
  })

  it('may be those that variables of the environment say', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a.test/base',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=k7',
    }
    const { sent, boundary } = pushing(otlpOptions(env))
    await boundary()
    expect([sent[0]!.method, sent[0]!.url]).toEqual(['POST', 'http://a.test/base/v1/metrics'])
    expect(Object.fromEntries(sent[0]!.headers)).toMatchObject({
      'api-key': 'k7',
      'content-type': 'application/json',
    })
  })

  it('refuse a cache that is none', () => {
    expect(() => otlpMetrics({} as never, { url: 'http://a.test' })).toThrow('`cache` must be one')
  })
})
