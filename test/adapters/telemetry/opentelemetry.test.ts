/** Spans and metrics of a cache, as OpenTelemetry's SDK records them. */
import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { metrics, tracing } from '../../../adapters/telemetry/opentelemetry.ts'
import type { MetricsOptions, TracingOptions } from '../../../adapters/telemetry/opentelemetry.ts'
import { createCache } from '../../../src/index.ts'
import type { CacheOptions } from '../../../src/index.ts'
import { viaLoader } from '../../../src/loader-client/index.ts'
import { fakeRuntime, memory, MemoryLog, memoryTier } from '../../../src/testing/index.ts'
import type { FakeRuntime } from '../../../src/testing/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const TRACE_PARENT = `00-${TRACE}-${SPAN}-01`
const utf8 = (text: string) => new TextEncoder().encode(text)

const exporter = new InMemorySpanExporter()
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
const tracer = provider.getTracer('test')
const request = { waitUntil: () => undefined }

beforeEach(() => exporter.reset())
afterEach(() => api.context.disable())

/** Has spans be active across `await`. */
function withContextManager(): void {
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
}

function traced(options: Partial<CacheOptions> = {}, more: Partial<TracingOptions> = {}) {
  const log = new MemoryLog({ topics: { 'cache-evictions': 1 } })
  const { runtime = fakeRuntime() } = options as { runtime?: FakeRuntime }
  const cache = createCache({
    kafka: memory({ on: log, runtime }),
    runtime,
    ttl: '1h',
    ...options,
    use: [tracing({ api, tracer, ...more }), ...(options.use ?? [])],
  })
  return { cache, log, runtime, users: cache.namespace<string>('users') }
}

const spans = (name?: string) =>
  exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name)
const named = () => spans().map(({ name }) => name)
const parentOf = (name: string) => spans(name)[0]?.parentSpanContext
const remote = (traceparent: string) => ({ ...request, trace: traceparent })

describe('a load', () => {
  it('is a span with its namespace and no key', async () => {
    const { users } = traced()
    await users.getOrSet('secret', () => 'ada')
    const [span] = spans('load users')
    expect(span).toMatchObject({
      kind: api.SpanKind.INTERNAL,
      attributes: { 'kedge.namespace': 'users', 'kedge.key_count': 1, 'kedge.value_count': 1 },
      status: { code: api.SpanStatusCode.UNSET },
    })
    expect(JSON.stringify([span!.attributes, span!.name, span!.events])).not.toContain('secret')
  })

  it('has the first ten keys where they are asked for', async () => {
    const { users } = traced({}, { keys: true })
    const keys = Array.from({ length: 12 }, (_, n) => `k${n}`)
    await users.getOrSetMany(keys, async (asked) => new Map(asked.map((key) => [key, 'a'])))
    expect(spans('load users')[0]!.attributes).toMatchObject({
      'kedge.keys': keys.slice(0, 10),
      'kedge.key_count': 12,
      'kedge.value_count': 12,
    })
  })

  it('that fails says so, without the text of the error', async () => {
    const { users } = traced()
    await expect(users.getOrSet('7', () => Promise.reject(new RangeError('secret')))).rejects.toThrow(
      'secret',
    )
    const [span] = spans('load users')
    expect(span).toMatchObject({
      status: { code: api.SpanStatusCode.ERROR },
      attributes: { 'error.type': 'RangeError' },
    })
    expect(JSON.stringify([span!.attributes, span!.status, span!.events])).not.toContain('secret')
  })

  it('that is given up ends then, once', async () => {
    const { users, runtime } = traced()
    const never = users.getOrSet('7', () => new Promise<string>(() => undefined), { hardTimeout: '1s' })
    never.catch(() => undefined)
    await runtime.advance(2000)
    await expect(never).rejects.toMatchObject({ code: 'ERR_LOADER_TIMEOUT' })
    expect(spans('load users')).toMatchObject([{ attributes: { 'error.type': 'ERR_LOADER_TIMEOUT' } }])
  })

  it('is one for all who wait for it, and none for a hit', async () => {
    const { cache, users } = traced()
    await cache.sync()
    await Promise.all([users.getOrSet('7', async () => 'ada'), users.getOrSet('7', async () => 'ada')])
    await users.getOrSet('7', () => 'ada')
    expect(named()).toEqual(['load users'])
  })

  it('is active while its loader runs', async () => {
    withContextManager()
    const { users } = traced()
    await users.getOrSet('7', async () => {
      await Promise.resolve()
      tracer.startSpan('query').end()
      return 'ada'
    })
    expect(parentOf('query')?.spanId).toBe(spans('load users')[0]!.spanContext().spanId)
  })

  it('of a namespace without the feature is none', async () => {
    const { cache } = traced()
    await cache.namespace('quiet', { without: ['openTelemetry'] }).getOrSet('7', () => 'ada')
    expect(named()).toEqual([])
  })
})

describe('the parent of a span', () => {
  const load = async ({ cache }: Pick<ReturnType<typeof traced>, 'cache'>, trace: unknown) => {
    await cache
      .for({ ...request, trace })
      .namespace<string>('users')
      .getOrSet('7', () => 'ada')
    return spans('load users')[0]!
  }

  it.each([
    ['a span', () => api.trace.wrapSpanContext({ traceId: TRACE, spanId: SPAN, traceFlags: 1 })],
    [
      'a context',
      () => api.trace.setSpanContext(api.ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags: 1 }),
    ],
    ['the text of a traceparent', () => TRACE_PARENT],
  ])('is what the request was given: %s', async (_, trace) => {
    const span = await load(traced(), trace())
    expect([span.spanContext().traceId, span.parentSpanContext?.spanId]).toEqual([TRACE, SPAN])
  })

  it.each([
    ['no traceparent', 'a text'],
    ['one of another version', TRACE_PARENT.replace('00-', '01-')],
    ['one of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a number', 7],
    ['null', null],
    ['an object', {}],
  ])('is none where that is %s', async (_, trace) => {
    const span = await load(traced(), trace)
    expect(span.parentSpanContext).toBeUndefined()
  })

  it('is the active span before that', async () => {
    withContextManager()
    const at = traced()
    const active = tracer.startSpan('active')
    const span = await api.context.with(api.trace.setSpan(api.ROOT_CONTEXT, active), () =>
      load(at, TRACE_PARENT),
    )
    expect(span.parentSpanContext?.spanId).toBe(active.spanContext().spanId)
  })
})

describe('a write', () => {
  const written = (log: MemoryLog) =>
    log
      .read('cache-evictions', { partition: 0, offset: 0 }, { maxBytes: 1e6, isolation: 'uncommitted' })!
      .records.map(({ value, headers }) => ({
        ...(JSON.parse(Buffer.from(value!).toString()) as { tp?: string }),
        headers: Object.fromEntries(
          headers.map(({ name, value: said }) => [name, Buffer.from(said!).toString()]),
        ),
      }))

  it('is a span that its message and its header name', async () => {
    const { cache, log } = traced()
    await cache.for(remote(TRACE_PARENT)).namespace('users').delete('7')
    const [span] = spans('send cache-evictions')
    expect(span).toMatchObject({
      kind: api.SpanKind.PRODUCER,
      parentSpanContext: { spanId: SPAN },
      attributes: {
        'messaging.system': 'kafka',
        'messaging.destination.name': 'cache-evictions',
        'messaging.operation.type': 'send',
        'messaging.destination.partition.id': '0',
        'messaging.kafka.offset': 0,
      },
    })
    const traceparent = `00-${TRACE}-${span!.spanContext().spanId}-01`
    expect(written(log)).toMatchObject([{ keys: ['7'], tp: traceparent, headers: { traceparent } }])
  })

  it('of a trace that is not sampled names it in the header alone', async () => {
    const { cache, log } = traced()
    await cache
      .for(remote(TRACE_PARENT.replace(/01$/, '00')))
      .namespace('users')
      .delete('7')
    const [message] = written(log)
    expect(message!.tp).toBeUndefined()
    expect(message!.headers['traceparent']).toMatch(new RegExp(`^00-${TRACE}-[\\da-f]{16}-00$`))
    expect(named()).toEqual([])
  })

  it('hands the state of its trace on, where it is short enough', async () => {
    const { cache, log } = traced()
    const of = (traceState: api.TraceState) =>
      api.trace.wrapSpanContext({ traceId: TRACE, spanId: SPAN, traceFlags: 1, traceState })
    const short = api.createTraceState('shop=7')
    const long: api.TraceState = Object.assign(Object.create(short), { serialize: () => 'x'.repeat(513) })
    for (const state of [short, long])
      await cache
        .for({ ...request, trace: of(state) })
        .namespace('users')
        .delete('7')
    expect(written(log).map(({ headers }) => headers['tracestate'])).toEqual(['shop=7', undefined])
  })

  it('that is not acknowledged says so', async () => {
    const { cache, users } = traced({
      kafka: { ...memory(), produce: () => Promise.reject(new Error('away')) },
    })
    await expect(users.delete('7')).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(spans('send cache-evictions')).toMatchObject([{ attributes: { 'error.type': 'ERR_PUBLISH' } }])
    await cache.close()
  })

  it('hands on the trace of its request where there is no SDK, and else names none', async () => {
    const { cache, log } = traced({}, { tracer: api.trace.getTracer('none') })
    await cache.for(remote(TRACE_PARENT)).namespace('users').delete('7')
    await cache.namespace('users').delete('8')
    expect(written(log)).toMatchObject([
      { tp: TRACE_PARENT, headers: { traceparent: TRACE_PARENT } },
      { headers: {} },
    ])
    expect(written(log)[1]!.tp).toBeUndefined()
  })

  it('goes out though the tracer is broken', async () => {
    const broken = {
      startSpan: () => {
        throw new Error('broken')
      },
    } as never as TracingOptions['tracer'] & object
    const { users, log } = traced({}, { tracer: broken })
    await users.delete('7')
    expect(written(log)).toHaveLength(1)
  })
})

describe('a span that is made at the end', () => {
  it('has the time that it took, and the request as its parent', async () => {
    const runtime = fakeRuntime()
    const log = memory({ runtime })
    const { cache } = traced({
      runtime,
      kafka: {
        ...log,
        offsets: async (...args) => {
          await runtime.sleep(250)
          return log.offsets(...args)
        },
      },
    })
    const sync = cache.for(remote(TRACE_PARENT)).sync()
    await runtime.advance(1000)
    await sync
    const [span] = spans('poll cache-evictions')
    expect(span).toMatchObject({
      kind: api.SpanKind.CLIENT,
      parentSpanContext: { spanId: SPAN },
      attributes: {
        'messaging.operation.type': 'receive',
        'messaging.batch.message_count': 0,
        'kedge.poll.verified': true,
      },
      duration: [0, 250_000_000],
    })
  })

  it('is no span of a poll that is of no request, unless that is asked for', async () => {
    await traced().cache.sync()
    expect(named()).toEqual([])
    await traced({}, { polls: true }).cache.sync()
    expect(named()).toEqual(['poll cache-evictions'])
  })

  it('is a poll that failed', async () => {
    const { cache } = traced({
      kafka: { ...memory(), offsets: () => Promise.reject(new TypeError('secret')) },
    })
    await cache
      .for(remote(TRACE_PARENT))
      .sync()
      .catch(() => undefined)
    expect(spans('poll cache-evictions')).toMatchObject([{ attributes: { 'error.type': 'TypeError' } }])
  })

  it('is a call of a shared tier', async () => {
    const { cache } = traced({ use: [sharedTier(memoryTier())] })
    await cache.sync()
    const users = cache.for(remote(TRACE_PARENT)).namespace<string>('users')
    await users.getOrSet('7', () => 'ada')
    await users.delete('7')
    await cache.close()
    expect(new Set(named())).toEqual(
      new Set(['load users', 'tier get', 'tier set', 'tier delete', 'send cache-evictions']),
    )
    for (const span of spans()) expect([span.name, span.parentSpanContext?.spanId]).toEqual([span.name, SPAN])
  })

  it('is a question to a loader service', async () => {
    const { cache, runtime } = traced()
    await cache.sync()
    const users = cache.for(remote(TRACE_PARENT)).namespace<string>('users')
    const read = users.getOrSet(
      '7',
      viaLoader(async () => 'ada', { wait: '100ms' }),
    )
    await runtime.advance(1000)
    await read
    expect(spans('ask users')).toMatchObject([
      {
        parentSpanContext: { spanId: SPAN },
        attributes: { 'kedge.key_count': 1, 'kedge.value_count': 0, 'kedge.ask.unanswered': 'timeout' },
      },
    ])
  })
})

describe('a hit', () => {
  it('is a span where it is asked for, and a span is active', async () => {
    withContextManager()
    const { cache, users } = traced({}, { hits: true })
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    exporter.reset()
    await users.get('7')
    expect(named()).toEqual([])
    const active = tracer.startSpan('active')
    await api.context.with(api.trace.setSpan(api.ROOT_CONTEXT, active), () => users.get('7'))
    expect(spans()).toMatchObject([
      {
        name: 'hit users',
        parentSpanContext: { spanId: active.spanContext().spanId },
        attributes: { 'kedge.namespace': 'users', 'kedge.cache.hit': true, 'kedge.cache.stale': false },
      },
    ])
  })

  it('calls the listener of the options all the same', async () => {
    const heard: string[] = []
    const { cache, users } = traced({ onEvent: ({ type }) => heard.push(type) }, { hits: true })
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    await users.get('7')
    expect(heard).toContain('hit')
  })
})

describe('an isolate that applies evictions', () => {
  const evict = (log: MemoryLog, tp: string, key = '7') =>
    log.append('cache-evictions', { key: null, value: utf8(JSON.stringify({ key, ns: 'users', tp })) })

  it('links to their writers, from a trace of its own, once a poll', async () => {
    const { cache, log } = traced()
    await cache.sync()
    evict(log, TRACE_PARENT)
    evict(log, TRACE_PARENT.replace(SPAN, `a${SPAN.slice(1)}`), '8')
    await cache.for(remote(TRACE_PARENT.replace(TRACE, `1${TRACE.slice(1)}`))).sync()
    const found = spans('process cache-evictions')
    expect(found).toMatchObject([
      {
        kind: api.SpanKind.CONSUMER,
        attributes: { 'messaging.operation.type': 'process', 'messaging.batch.message_count': 2 },
        links: [
          {
            context: { traceId: TRACE, spanId: SPAN },
            attributes: {
              'messaging.destination.partition.id': '0',
              'messaging.kafka.offset': 0,
              'kedge.namespace': 'users',
            },
          },
          { context: { spanId: `a${SPAN.slice(1)}` }, attributes: { 'messaging.kafka.offset': 1 } },
        ],
      },
    ])
    expect(found[0]!.parentSpanContext).toBeUndefined()
    expect(found[0]!.spanContext().traceId).not.toBe(TRACE)
  })

  it('makes spans in the traces of their writers where that is asked for', async () => {
    const { cache, log } = traced({}, { evictions: 'child' })
    await cache.sync()
    evict(log, TRACE_PARENT)
    await cache.sync()
    expect(spans('process cache-evictions')).toMatchObject([
      {
        parentSpanContext: { traceId: TRACE, spanId: SPAN },
        links: [],
        attributes: { 'messaging.kafka.offset': 0 },
      },
    ])
  })

  it('finds the writer in the headers of a record whose message names none', async () => {
    const { cache, log } = traced({}, { evictions: 'child' })
    await cache.sync()
    const headers = [
      { name: 'other', value: null },
      { name: 'traceparent', value: utf8(TRACE_PARENT) },
    ]
    log.append('cache-evictions', { key: null, value: utf8('{"key":"7"}'), headers })
    await cache.sync()
    expect(spans('process cache-evictions')).toMatchObject([{ parentSpanContext: { spanId: SPAN } }])
  })

  it.each([
    ['a list', [7, null, ['traceparent', TRACE_PARENT], ['traceparent']]],
    ['an object', { traceparent: TRACE_PARENT }],
    ['a number', 7],
    ['of two lines', `${TRACE_PARENT}\n`],
    ['in capital letters', TRACE_PARENT.toUpperCase()],
  ])('makes nothing of a message that has something else in its place: %s', async (_, tp) => {
    const { cache, users, log } = traced()
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    exporter.reset()
    log.append('cache-evictions', { key: null, value: utf8(JSON.stringify({ key: '7', tp })) })
    await cache.sync()
    expect(named()).toEqual([])
    expect(await users.get('7')).toBeUndefined()
  })

  it.each([
    ['whose trace is not sampled', TRACE_PARENT.replace(/01$/, '00')],
    ['that name no trace', 'a text'],
    ['that name one of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ])('makes nothing of those %s', async (_, tp) => {
    for (const evictions of ['link', 'child'] as const) {
      const { cache, log } = traced({}, { evictions })
      await cache.sync()
      evict(log, tp)
      await cache.sync()
    }
    expect(named()).toEqual([])
  })

  it('makes nothing where the options say so', async () => {
    const { cache, log } = traced({}, { evictions: false })
    await cache.sync()
    evict(log, TRACE_PARENT)
    await cache.sync()
    expect(named()).toEqual([])
  })

  it.each(['link', 'child'] as const)('bounds what it makes of one poll: %s', async (evictions) => {
    const { cache, log } = traced({}, { evictions })
    await cache.sync()
    for (let n = 0; n < 200; n++) evict(log, TRACE_PARENT, String(n))
    await cache.sync()
    const found = spans('process cache-evictions')
    expect(evictions === 'link' ? found[0]!.links : found).toHaveLength(128)
    if (evictions === 'link') expect(found[0]!.attributes['messaging.batch.message_count']).toBe(200)
    evict(log, TRACE_PARENT)
    await cache.sync()
    expect(spans('process cache-evictions')).toHaveLength(found.length + 1)
  })
})

describe('the options of tracing()', () => {
  it.each([
    [{ api: undefined }, '`api`: must be the module'],
    [{ tracer: {} }, '`tracer`: must be a Tracer'],
    [{ evictions: 'all' }, "`evictions`: must be 'link', 'child' or false"],
    [{ evictions: true }, "`evictions`: must be 'link', 'child' or false"],
    [{ hits: 1 }, '`hits`: must be true or false'],
    [{ sampler: 1 }, '`sampler` is not an option of tracing()'],
  ])('refuse %j', (wrong, says) => {
    expect(() => tracing({ api, ...wrong } as TracingOptions)).toThrow(says)
  })
})

describe('the metrics of a cache', () => {
  const measured = (options: Partial<CacheOptions> = {}, more: Partial<MetricsOptions> = {}) => {
    const out = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter: out, exportIntervalMillis: 3_600_000 })
    const meters = new MeterProvider({ readers: [reader] })
    const cache = createCache({ kafka: memory(), ttl: '1h', ...options })
    const stop = metrics(cache, { api, meter: meters.getMeter('test'), ...more })
    /** The points of each metric, by its name. */
    const collect = async () => {
      await reader.forceFlush()
      const [latest] = out.getMetrics().slice(-1)
      const all = latest?.scopeMetrics.flatMap((scope) => scope.metrics) ?? []
      return new Map(all.map((metric) => [metric.descriptor.name, metric]))
    }
    return { cache, collect, stop }
  }
  const valueOf = (metric: { dataPoints: readonly { value: unknown }[] } | undefined) =>
    metric?.dataPoints[0]?.value

  it('are its counters and gauges at the moment of the collection', async () => {
    const { cache, collect } = measured()
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    await users.getOrSet('7', () => 'ada')
    const found = await collect()
    for (const [name, value] of Object.entries({
      'kedge.cache.hits': 1,
      'kedge.cache.misses': 1,
      'kedge.cache.loads': 1,
      'kedge.cache.entries': 1,
      'kedge.cache.ready': 1,
    }))
      expect([name, valueOf(found.get(name))]).toEqual([name, value])
    expect(found.get('kedge.cache.hits')!.descriptor.description).toMatch(/^Reads that a held value/)
    expect(found.get('kedge.cache.bytes')!.descriptor.unit).toBe('By')
  })

  it('leave out what is not known', async () => {
    const found = await measured().collect()
    expect(found.get('kedge.cache.fresh_age')?.dataPoints ?? []).toEqual([])
    expect(found.get('kedge.cache.tier_open')?.dataPoints ?? []).toEqual([])
  })

  it('time loads and writes, in seconds, by namespace and topic', async () => {
    const runtime = fakeRuntime()
    const { cache, collect } = measured({ runtime }, { attributes: { shop: 'eu' } })
    await cache.sync()
    const users = cache.namespace<string>('users')
    await users.getOrSet('7', async () => {
      await runtime.advance(250)
      return 'ada'
    })
    await users.delete('7')
    const found = await collect()
    expect(found.get('kedge.cache.load.duration')).toMatchObject({
      descriptor: { unit: 's' },
      dataPoints: [
        {
          attributes: { shop: 'eu', 'kedge.namespace': 'users', 'kedge.outcome': 'ok' },
          value: {
            sum: 0.25,
            count: 1,
            buckets: { boundaries: [0.001, ...Array(12).fill(expect.any(Number)), 30] },
          },
        },
      ],
    })
    expect(found.get('kedge.cache.publish.duration')!.dataPoints[0]!.attributes).toEqual({
      shop: 'eu',
      'messaging.destination.name': 'cache-evictions',
      'kedge.outcome': 'ok',
    })
  })

  it('have the names of those for Prometheus, and no key', async () => {
    const { cache, collect } = measured({ use: [sharedTier(memoryTier())] })
    await cache.sync()
    await cache.namespace<string>('users').getOrSet('secret', () => 'ada')
    const found = await collect()
    expect([...found.keys()].filter((name) => !/^kedge\.cache(\.[a-z][a-z_]*){1,2}$/.test(name))).toEqual([])
    expect(JSON.stringify([...found.values()])).not.toContain('secret')
  })

  it('are taken back', async () => {
    const { cache, collect, stop } = measured()
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    expect(valueOf((await collect()).get('kedge.cache.entries'))).toBe(1)
    stop()
    await users.getOrSet('8', () => 'ada')
    // What the SDK has collected last.
    expect(valueOf((await collect()).get('kedge.cache.entries'))).toBe(1)
  })

  it.each([
    [{ api: undefined }, '`api`: must be the module'],
    [{ meter: {} }, '`meter`: must be a Meter'],
    [{ prefix: '7' }, '`prefix`: must be at most 100 letters'],
    [{ attributes: [] }, '`attributes`: must be an object'],
    [{ maxNamespaces: 0 }, '`maxNamespaces`: must be a whole number from 1 to 1000'],
    [{ register: 1 }, '`register` is not an option of metrics()'],
  ])('refuse %j', (wrong, says) => {
    const options = { api, ...wrong } as MetricsOptions
    expect(() => metrics(createCache({ kafka: memory() }), options)).toThrow(says)
  })
})
