/** What messages and records say of traces: listeners hear it, and it changes nothing of what they evict. */
import { beforeEach, describe, expect, it } from 'vitest'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { createCache } from '../../../src/index.ts'
import type { CacheOptions, Feature, KedgeEvent, NewRecord } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { signed } from '../../../src/signing/index.ts'
import { memory, memoryTier } from '../../../src/testing/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import { partsOfHost } from '../../../src/write/cache-parts.ts'
import { writeBehind, writeIntents, writeThrough } from '../../../src/write-paths/index.ts'
import { readyIn, request, world } from '../world.ts'
import type { World } from '../world.ts'

const TOPIC = 'cache-evictions'
const EVICT: unknown = expect.objectContaining({ type: 'evict', namespace: 'users', partition: 0, offset: 0 })
const TRACE_PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const utf8 = (text: string) => new TextEncoder().encode(text)

let at: World
beforeEach(() => {
  at = world()
})

/** Names the trace of each write by what the request was given. */
const naming = (settled: unknown[] = []): Feature => ({
  name: 'naming',
  open(host) {
    partsOfHost(host).context.shared.settings.sending = (topic, trace, make) => ({
      records: make(typeof trace === 'string' ? trace : undefined).then((records) =>
        records.map((record) => ({ ...record, headers: { traceparent: String(trace) } })),
      ),
      until: (positions) =>
        void positions.then(
          (found) => settled.push([topic, found]),
          (error: unknown) => settled.push([topic, error]),
        ),
    })
    return {}
  },
})

/** A cache that holds two keys, and the events and the traces that it tells. */
async function holding(options: Partial<CacheOptions> = {}) {
  const told: [event: KedgeEvent, trace: unknown][] = []
  const here = await readyIn(at, {
    ...options,
    onEvent: (event, trace) => {
      told.push([event, trace])
      options.onEvent?.(event, trace)
    },
  })
  for (const key of ['1', '2']) await at.run(here.users.getOrSet(key, () => 'a'))
  const of = (type: KedgeEvent['type']) => told.filter(([event]) => event.type === type)
  return { ...here, told, tracesOf: (type: KedgeEvent['type']) => of(type).map(([, trace]) => trace), of }
}

const messagesIn = (topic: string) =>
  at.log
    .read(topic, { partition: 0, offset: 0 }, { maxBytes: 1e7, isolation: 'uncommitted' })!
    .records.map(({ value }) => JSON.parse(new TextDecoder().decode(value!)) as Record<string, unknown>)
const headersIn = (topic: string) =>
  at.log
    .read(topic, { partition: 0, offset: 0 }, { maxBytes: 1e7, isolation: 'uncommitted' })!
    .records.map(({ headers }) =>
      headers.map(({ name, value }) => `${name}: ${new TextDecoder().decode(value!)}`),
    )

describe('an eviction that names the trace of its writer', () => {
  it.each([
    ['in its message', { v: 1, op: 'evict', ns: 'users', keys: ['1'], tp: TRACE_PARENT }, {}],
    ['in a simple one', { key: '1', ns: 'users', tp: TRACE_PARENT }, {}],
    ['beside a header', { key: '1', ns: 'users', tp: TRACE_PARENT }, { traceparent: 'other' }],
  ])('%s has it told with the event', async (_, message, headers) => {
    const { cache, users, of } = await holding()
    const record: NewRecord = { key: null, value: utf8(JSON.stringify(message)), headers }
    await memory({ on: at.log }).produce(TOPIC, [record])
    await at.run(cache.sync())
    expect(await users.get('1')).toBeUndefined()
    expect(await users.get('2')).toBe('a')
    expect(of('evict')).toEqual([[EVICT, TRACE_PARENT]])
  })

  it.each([
    ['of another version', TRACE_PARENT.replace('00-', '01-')],
    ['too long', `${TRACE_PARENT}-more`],
    ['in capital letters', TRACE_PARENT.toUpperCase()],
    ['a number', 7],
    ['null', null],
    ['an object', { text: TRACE_PARENT }],
    ['of a megabyte', 'a'.repeat(900_000)],
    ['followed by a line', `${TRACE_PARENT}\n`],
  ])('that is none (%s) changes nothing of what is evicted', async (_, tp) => {
    const { cache, users, of } = await holding()
    const message = { v: 1, op: 'evict', ns: 'users', keys: ['1'], tp }
    at.log.append(TOPIC, { key: utf8('users'), value: utf8(JSON.stringify(message)) })
    await at.run(cache.sync())
    expect(await users.get('1')).toBeUndefined()
    expect(await users.get('2')).toBe('a')
    expect(of('unreadable')).toEqual([])
    // It is handed on unchecked.
    expect(of('evict')).toEqual([[EVICT, tp ?? undefined]])
  })

  it.each([
    ['an intent', { v: 1, op: 'intent', ns: 'users', keys: ['1'], id: 'x', ttl: 1000, tp: TRACE_PARENT }],
    ['a clear', { v: 1, op: 'clear', ns: 'users', tp: TRACE_PARENT }],
  ])('may be %s', async (_, message) => {
    const { cache, users, tracesOf } = await holding()
    at.log.append(TOPIC, { key: utf8('users'), value: utf8(JSON.stringify(message)) })
    await at.run(cache.sync())
    expect(await users.get('1')).toBeUndefined()
    expect(tracesOf('evict')).toEqual([TRACE_PARENT])
  })

  it('has it told where a long poll has brought it', async () => {
    const { cache, tracesOf } = await holding()
    const end = new AbortController()
    const loop = cache.follow({ signal: end.signal })
    await at.runtime.advance(5000)
    at.log.append(TOPIC, { key: null, value: utf8(JSON.stringify({ key: '1', tp: TRACE_PARENT })) })
    await at.runtime.advance(5000)
    end.abort()
    await loop
    expect(tracesOf('evict')).toEqual([TRACE_PARENT])
  })
})

describe('a write of a request that has a trace', () => {
  const scoped = (here: { cache: Awaited<ReturnType<typeof holding>>['cache'] }) =>
    here.cache.for({ ...request(), trace: TRACE_PARENT })

  it('names it in the message and in the header, whatever it evicts', async () => {
    const here = await holding({ use: [naming()] })
    const scope = scoped(here)
    const users = scope.namespace<string>('users')
    await at.run(users.delete('1'))
    await at.run(users.invalidateTags(['a']))
    await at.run(users.invalidatePrefix('a/'))
    await at.run(users.clear())
    await at.run(scope.clear())
    await at.run(users.set('3', 'c'))
    expect(messagesIn(TOPIC).map(({ tp }) => tp)).toEqual(Array(6).fill(TRACE_PARENT))
    expect(headersIn(TOPIC).flat()).toEqual(Array(6).fill(`traceparent: ${TRACE_PARENT}`))
  })

  it('names it in intents, and in the header of what is written besides', async () => {
    const here = await holding({ use: [naming(), writeIntents({ max: '60s' }), replicate()] })
    const users = scoped(here).namespace<string>('users')
    await at.run(writeThrough(users, '1', 'b', async () => ({})))
    await at.run(writeBehind(users, '2', 'c'))
    await at.run(users.delete('1'))
    await at.runtime.advance(1000)
    expect(messagesIn(TOPIC).map(({ op, tp }) => [op, tp])).toEqual([
      ['intent', TRACE_PARENT],
      ['evict', TRACE_PARENT],
      ['intent', TRACE_PARENT],
      ['evict', TRACE_PARENT],
    ])
    expect(new Set(headersIn('cache-writes').flat())).toEqual(new Set([`traceparent: ${TRACE_PARENT}`]))
    await at.run(users.getOrSet('3', () => 'd'))
    await at.runtime.advance(1000)
    // Those of the first loads are of no request.
    const updates = headersIn('cache-updates').map((headers, offset) => [
      messagesIn('cache-updates')[offset]!['key'],
      ...headers,
    ])
    expect(updates).toEqual([
      ...['1', '2'].map((key) => [key, 'traceparent: undefined']),
      ...['1', '3'].map((key) => [key, `traceparent: ${TRACE_PARENT}`]),
    ])
    expect(messagesIn('cache-updates').some((message) => 'tp' in message)).toBe(false)
  })

  it('goes out with that of another request, each with its own', async () => {
    const here = await holding({ use: [naming()] })
    const other = TRACE_PARENT.replace('b7', 'b8')
    const [a, b] = [TRACE_PARENT, other].map((trace) =>
      here.cache.for({ ...request(), trace }).namespace<string>('users'),
    )
    await at.run(Promise.all([a!.delete('1'), b!.delete('2')]))
    expect(messagesIn(TOPIC).map(({ tp }) => tp)).toEqual([TRACE_PARENT, other])
    expect(headersIn(TOPIC).flat()).toEqual([TRACE_PARENT, other].map((tp) => `traceparent: ${tp}`))
  })

  it('has its outcome handed to who traces', async () => {
    const settled: unknown[] = []
    const here = await holding({ use: [naming(settled)] })
    await at.run(here.users.delete('1'))
    here.kafka.fail(new Error('away'), { times: 100 })
    await expect(at.run(here.users.delete('2'))).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(settled).toEqual([
      [TOPIC, [{ partition: 0, offset: 0 }]],
      [TOPIC, expect.objectContaining({ code: 'ERR_PUBLISH' })],
    ])
  })

  it('goes without it where the message has no room for both', async () => {
    const key = 'k'.repeat(400)
    const message = JSON.stringify({ v: 1, op: 'evict', ns: 'users', keys: [key] })
    const here = await holding({ use: [naming()], maxMessageBytes: message.length })
    const users = scoped(here).namespace<string>('users')
    await at.run(users.delete(key))
    await at.run(users.delete([key, `${key.slice(1)}l`]))
    await at.run(users.delete('l'))
    expect(messagesIn(TOPIC).map(({ keys, tp }) => [keys, tp])).toEqual([
      [[key], undefined],
      [[key], undefined],
      [[`${key.slice(1)}l`], undefined],
      [['l'], TRACE_PARENT],
    ])
  })

  it.each([
    ['in JSON', {}],
    ['in MessagePack', { codec: messagePack() }],
    ['in gzip', { gzipAboveBytes: 10 }],
  ])('is obeyed where it is signed %s', async (_, options) => {
    const secret = utf8('0123456789abcdef0123456789abcdef')
    const kafka = () =>
      signed(memory({ on: at.log, runtime: at.runtime }), { keys: [{ id: 'k1', secret }], sign: 'require' })
    const told: unknown[] = []
    const of = (more: Partial<CacheOptions>) =>
      createCache({ kafka: kafka(), runtime: at.runtime, ...options, ...more })
    const [writer, reader] = [
      of({ use: [naming()] }),
      of({ onEvent: ({ type }, trace) => type === 'evict' && told.push(trace) }),
    ]
    const users = reader.namespace<string>('users')
    await reader.sync()
    await users.getOrSet('1', () => 'a')
    const scope = writer.for({ ...request(), trace: TRACE_PARENT })
    await scope.namespace('users').delete('1')
    await reader.sync()
    expect(await users.get('1')).toBeUndefined()
    expect(told).toEqual([TRACE_PARENT])
  })
})

describe('what happens in a request that has a trace', () => {
  it('is an event with that trace: loads, polls, writes, and calls of a tier', async () => {
    const here = await holding({ use: [sharedTier(memoryTier())] })
    const scope = here.cache.for({ ...request(), trace: 'of the request' })
    const users = scope.namespace<string>('users')
    const before = here.told.length
    await at.run(users.getOrSet('3', () => 'c'))
    await at.run(users.delete('3'))
    await at.run(scope.sync())
    await at.runtime.settle()
    const traces = here.told
      .slice(before)
      .filter(([{ type }]) => ['load', 'publish', 'poll', 'tier'].includes(type))
    expect(new Set(traces.map(([{ type }]) => type))).toEqual(new Set(['load', 'publish', 'poll', 'tier']))
    expect(traces.map(([, trace]) => trace)).toEqual(traces.map(() => 'of the request'))
    expect(here.tracesOf('load').slice(0, 2)).toEqual([undefined, undefined])
  })

  it('says how long a poll took that failed', async () => {
    const here = await holding({ pollTimeout: '500ms' })
    here.kafka.pause()
    await at.run(here.cache.for({ ...request(), trace: 't' }).sync())
    await at.runtime.advance(2000)
    expect(here.of('poll_failed')).toMatchObject([[{ durationMs: 2000 }, 't']])
  })
})
