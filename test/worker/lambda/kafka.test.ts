import { describe, expect, it } from 'vitest'
import { createLoader } from '../../../services/loader/index.ts'
import { createPersister } from '../../../services/persister/index.ts'
import type { StoredWrite } from '../../../services/persister/index.ts'
import { KedgeError } from '../../../src/index.ts'
import { memory, MemoryLog, memoryTier } from '../../../src/testing/index.ts'
import {
  applyEvictions,
  applyUpdates,
  kafkaHandler,
  persistWrites,
  readKafkaEvent,
  serveRequests,
} from '../../../worker/lambda.ts'
import type { KafkaHandlerEvent, KafkaHandlerOptions, TopicTaker } from '../../../worker/lambda.ts'
import { world as syncWorld } from '../../services/sync/world.ts'
import { deferred, world } from '../../src/world.ts'
import { kafkaRecord, msk, selfManaged } from './kafka-events.ts'
import { writeBehind, writeIntents } from '../../../src/write-paths/index.ts'

const text = (value: Uint8Array | null) => value && new TextDecoder().decode(value)
const identifier = (partition: string, offset: number) => ({ itemIdentifier: { partition, offset } })

/** A context that ends so many milliseconds from now. */
const context = ({ runtime }: { readonly runtime: { now(): number } }, ms: number) => {
  const end = runtime.now() + ms
  return { getRemainingTimeInMillis: () => end - runtime.now() }
}

function handling(takers: Record<string, TopicTaker>, options: KafkaHandlerOptions = {}) {
  const events: KafkaHandlerEvent[] = []
  const handler = kafkaHandler(takers, {
    failures: 'report',
    onEvent: (event) => void events.push(event),
    ...options,
  })
  return { handler, events }
}

describe.each([
  ['Amazon MSK', msk],
  ["a cluster of one's own", selfManaged],
] as const)('An event of %s', (_, event) => {
  it('has its records by topic, with keys, values and header bytes as they were', () => {
    const { records, poison } = readKafkaEvent(
      event(
        'orders',
        { offset: 15, key: 'é', value: '{}' },
        { offset: 16, partition: 2, key: 'b', value: 'x' },
      ),
    )
    expect(poison).toEqual([])
    const [first, second] = records.get('orders')!
    expect([text(first!.key), text(first!.value), second!.partition]).toEqual(['é', '{}', 2])
    expect(first).toMatchObject({ topic: 'orders', offset: 15, timestamp: 1_700_000_000_000 })
    // Signed in the event: -61 and -87 are the UTF-8 of é.
    expect(first!.headers.map(([name, value]) => [name, text(value)])).toEqual([['trace-id', 'aé']])
  })

  it('may leave a key or a value out, or have none there', () => {
    const { records } = readKafkaEvent(event('orders', { offset: 0 }, { offset: 1, key: null, value: null }))
    expect(records.get('orders')!.map(({ key, value }) => [key, value])).toEqual([
      [null, null],
      [null, null],
    ])
  })
})

describe('What is no event of Kafka', () => {
  it.each([[undefined], [null], [[]], ['{}'], [{}], [{ records: [] }], [{ records: { 'a-0': 'x' } }]])(
    'is refused: %j',
    async (event) => {
      const { handler } = handling({ orders: async () => undefined })
      await expect(handler(event)).rejects.toMatchObject({ code: 'ERR_PROTOCOL' })
    },
  )
})

describe('A record that cannot be read', () => {
  it.each<[string, unknown, string]>([
    ['a text', 'x', 'the record'],
    ['no topic', { partition: 0, offset: 3 }, 'topic'],
    ['an offset below none', kafkaRecord('orders', { offset: -1 }), 'offset'],
    ['an offset that is not safe', kafkaRecord('orders', { offset: 2 ** 53 }), 'offset'],
    ['an offset as text', kafkaRecord('orders', { offset: 0, over: { offset: '1e3' } }), 'offset'],
    ['a value that is no base64', kafkaRecord('orders', { offset: 3, over: { value: '%' } }), 'base64'],
    ['a key that is a number', kafkaRecord('orders', { offset: 3, over: { key: 7 } }), 'key'],
    ['another topic than its group', kafkaRecord('others', { offset: 3 }), 'another partition'],
    [
      'another partition than its group',
      kafkaRecord('orders', { offset: 3, partition: 9 }),
      'another partition',
    ],
  ])('(%s) is counted and reported, and holds up no other record', async (_, poison, says) => {
    const taken: number[] = []
    const { handler, events } = handling({
      orders: async (records) => void taken.push(...records.map(({ offset }) => offset)),
    })
    const records = [kafkaRecord('orders', { offset: 2 }), poison, kafkaRecord('orders', { offset: 4 })]
    expect(await handler({ records: { 'orders-0': records } })).toEqual({ batchItemFailures: [] })
    expect(taken).toEqual([2, 4])
    expect(events).toMatchObject([
      { type: 'poison', partition: 'orders-0', says: expect.stringContaining(says) },
    ])
    expect(handler.stats()).toEqual({ records: 2, poison: 1, failed: 0 })
  })

  it.each([[[{ h: ['x'] }]], [[{ h: [300] }]], ['headers'], [[[1]]], [{ h: 1 }]])(
    'has unusable headers: %j, and is taken without them',
    async (headers) => {
      const record = kafkaRecord('orders', { offset: 2, value: 'v', over: { headers } })
      const { records, poison } = readKafkaEvent({ records: { 'orders-0': [record] } })
      expect([poison, records.get('orders')?.[0]?.headers]).toEqual([[], []])
    },
  )
})

describe('A function that Kafka triggers', () => {
  it('gives each topic to its taker, and says where each partition failed first', async () => {
    const { handler, events } = handling({
      orders: async () => [
        { partition: 1, offset: 9 },
        { partition: 1, offset: 8 },
      ],
      users: async () => undefined,
    })
    const { records } = msk('orders', { offset: 4 }, { offset: 8, partition: 1 }, { offset: 9, partition: 1 })
    const answer = await handler({ records: { ...records, ...msk('users', { offset: 1 }).records } })
    expect(answer).toEqual({ batchItemFailures: [identifier('orders-1', 8)] })
    expect(events).toMatchObject([{ type: 'failed', topic: 'orders', partition: 1, offset: 8 }])
  })

  it('that throws has failed at the first record of each partition', async () => {
    const { handler } = handling({ orders: async () => Promise.reject(new Error('broken')) })
    const event = msk('orders', { offset: 5 }, { offset: 4 }, { offset: 7, partition: 1 })
    expect(await handler(event)).toEqual({
      batchItemFailures: [identifier('orders-0', 4), identifier('orders-1', 7)],
    })
  })

  it('that names a partition which was not given has failed as a whole', async () => {
    const { handler } = handling({ orders: async () => [{ partition: 7, offset: 1 }] })
    expect(await handler(msk('orders', { offset: 4 }))).toEqual({
      batchItemFailures: [identifier('orders-0', 4)],
    })
  })

  it('does not lose records of a topic without a consumer', async () => {
    const { handler, events } = handling({ orders: async () => undefined })
    expect(await handler(msk('others', { offset: 4 }))).toEqual({
      batchItemFailures: [identifier('others-0', 4)],
    })
    expect(events).toMatchObject([{ error: { message: '`takers` has no function for the topic others' } }])
  })

  it('fails as a whole where nothing else is said: without ReportBatchItemFailures the answer is not read', async () => {
    const broken = new KedgeError('ERR_NETWORK', 'gone', { retryable: true })
    const handler = kafkaHandler({ orders: async () => [{ partition: 0, offset: 4, error: broken }] })
    await expect(handler(msk('orders', { offset: 4 }))).rejects.toBe(broken)
    const silent = kafkaHandler({ orders: async () => [{ partition: 0, offset: 4 }] })
    await expect(silent(msk('orders', { offset: 4 }))).rejects.toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it('awaits what is deferred, also when it fails', async () => {
    const work = deferred<void>()
    const { handler } = handling({
      orders: async (_, { waitUntil }) => {
        waitUntil(work.promise)
        throw new Error('broken')
      },
    })
    let answered = false
    const answering = handler(msk('orders', { offset: 4 })).then(() => (answered = true))
    await new Promise((resolve) => void setImmediate(resolve))
    expect(answered).toBe(false)
    work.resolve()
    await answering
  })

  it('gives up a taker before Lambda gives up the function', async () => {
    const at = world()
    const signals: AbortSignal[] = []
    const { handler } = handling(
      {
        orders: async (_, { signal }) => {
          signals.push(signal)
          await at.runtime.sleep(60_000)
        },
      },
      { runtime: at.runtime, reserve: '1s' },
    )
    const began = at.runtime.now()
    const answer = await at.run(handler(msk('orders', { offset: 4 }), context(at, 5000)))
    expect(answer).toEqual({ batchItemFailures: [identifier('orders-0', 4)] })
    expect(at.runtime.now() - began).toBeLessThanOrEqual(4110)
    expect(signals[0]?.aborted).toBe(true)
  })

  it('refuses options that it does not have', () => {
    const takers = { orders: async () => undefined }
    expect(() => kafkaHandler({})).toThrow('`takers`')
    expect(() => kafkaHandler({ orders: 1 as never })).toThrow('`takers.orders`')
    expect(() => kafkaHandler(takers, { failures: 'ignore' as never })).toThrow('`failures`')
    expect(() => kafkaHandler(takers, { onEvent: 1 as never })).toThrow('`onEvent`')
    expect(() => kafkaHandler(takers, { retry: true } as never)).toThrow('`retry`')
  })
})

const put = (key: string, value: unknown, asOf = 0) => ({
  v: 1,
  op: 'put',
  ns: 'users',
  key,
  value,
  ttl: 3_600_000,
  at: 1_700_000_000_000,
  asOf,
})

describe('Updates', () => {
  it('are written to the store; those that cannot be used go to the dead letters, and block no others', async () => {
    const at = syncWorld()
    at.log.createTopic('dead')
    const { sync } = at.make({
      topic: 'cache-updates',
      key: '{ns}:{key}',
      format: 'kedge',
      deadLetters: 'dead',
    })
    const { handler } = handling({ 'cache-updates': applyUpdates(sync) }, { runtime: at.runtime })
    const event = msk(
      'cache-updates',
      { offset: 0, key: 'users/7', value: put('7', { name: 'Ada' }) },
      { offset: 1, key: 'users/8', value: 'not a message' },
      { offset: 2, key: 'users/9', value: null },
      { offset: 3, key: 'users/8', value: put('8', { name: 'Eve' }, 1) },
      { offset: 4, over: { value: '%' } },
    )
    expect(await handler(event)).toEqual({ batchItemFailures: [] })
    expect(at.all()).toEqual({ 'users:7': '{"name":"Ada"}', 'users:8': '{"name":"Eve"}' })
    expect(sync.stats()).toMatchObject({ unusable: 1, deadLetters: 1 })
    expect(handler.stats()).toEqual({ records: 4, poison: 1, failed: 0 })
  })

  it('may come twice', async () => {
    const at = syncWorld()
    const { sync } = at.make()
    const { handler } = handling({ orders: applyUpdates(sync) }, { runtime: at.runtime })
    const event = selfManaged(
      'orders',
      { offset: 0, key: 'a', value: '1' },
      { offset: 1, key: 'a', value: '2' },
    )
    await handler(event)
    await handler(event)
    expect(at.all()).toEqual({ 'order:a': '2' })
  })

  it('that the store does not take at first are tried again within the time of the function', async () => {
    const at = syncWorld()
    const { sync, sink } = at.make()
    sink.fail(new KedgeError('ERR_NETWORK', 'gone', { retryable: true }), { on: 'write', times: 2 })
    const { handler } = handling({ orders: applyUpdates(sync) }, { runtime: at.runtime })
    const answering = handler(msk('orders', { offset: 0, key: 'a', value: '1' }), context(at, 10_000))
    await at.runtime.advance(5000)
    expect(await answering).toEqual({ batchItemFailures: [] })
    expect(at.all()).toEqual({ 'order:a': '1' })
  })

  it('are given again from the record on that a lost store did not take', async () => {
    const at = syncWorld(2)
    const { sync, sink } = at.make({ maxBatch: 1 })
    const { handler, events } = handling({ orders: applyUpdates(sync) }, { runtime: at.runtime })
    await handler(msk('orders', { offset: 0, key: 'a', value: '1' }))
    sink.fail(new KedgeError('ERR_NETWORK', 'gone', { retryable: true }), { on: 'write' })
    const event = msk(
      'orders',
      { offset: 1, key: 'b', value: '1' },
      { offset: 0, partition: 1, key: 'c', value: '1' },
    )
    const began = at.runtime.now()
    const answering = handler(event, context(at, 10_000))
    await at.runtime.advance(10_000)
    expect(await answering).toEqual({
      batchItemFailures: [identifier('orders-1', 0), identifier('orders-0', 1)],
    })
    expect(at.runtime.now() - began).toBeLessThanOrEqual(10_000)
    expect(events).toMatchObject([
      { type: 'failed', error: { code: 'ERR_TIMEOUT', message: expect.stringContaining('store') } },
      { type: 'failed' },
    ])
    sink.fail()
    expect(await handler(event)).toEqual({ batchItemFailures: [] })
    expect(Object.keys(at.all()).sort()).toEqual(['order:a', 'order:b', 'order:c'])
  })

  it('of two batches at once are written one after the other', async () => {
    const at = syncWorld()
    const { sync } = at.make({}, { sink: { latency: 10 } })
    const { handler } = handling({ orders: applyUpdates(sync) }, { runtime: at.runtime })
    const both = Promise.all([
      handler(msk('orders', { offset: 0, key: 'a', value: '1' })),
      handler(msk('orders', { offset: 1, key: 'b', value: '1' })),
    ])
    await at.runtime.advance(1000)
    expect(await both).toEqual([{ batchItemFailures: [] }, { batchItemFailures: [] }])
    expect(Object.keys(at.all())).toEqual(['order:a', 'order:b'])
  })
})

describe('Evictions', () => {
  const evict = (key: string) => ({ v: 1, op: 'evict', ns: 'users', keys: [key] })
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const stage = () => {
    const at = world()
    const tier = memoryTier({ runtime: at.runtime })
    const kafka = memory({ on: at.log, runtime: at.runtime })
    const append = (message: unknown) =>
      at.log.append('cache-evictions', { key: null, value: bytes(message) }).offset
    const { handler, events } = handling(
      { 'cache-evictions': applyEvictions({ kafka, tier, runtime: at.runtime }) },
      { runtime: at.runtime },
    )
    const place = { namespace: 'users', partition: 0, logId: undefined }
    return { at, tier, kafka, append, handler, events, place }
  }

  it('are applied to the tier, those as well that the event does not have', async () => {
    const { at, tier, append, handler } = stage()
    append({ v: 1, op: 'beat' })
    await at.run(handler(msk('cache-evictions', { offset: 0, value: { v: 1, op: 'beat' } })))
    const { logId } = (await tier.applier.position(0))!
    const place = { namespace: 'users', partition: 0, logId }
    const write = (key: string) => ({ key, bytes: bytes(key), asOf: 1, version: undefined, ttlMs: 60_000 })
    await tier.setMany(place, [write('a'), write('b'), write('c')])
    append(evict('a'))
    append(evict('b'))
    expect(await at.run(handler(msk('cache-evictions', { offset: 2, value: evict('b') })))).toEqual({
      batchItemFailures: [],
    })
    const { items, applied } = await tier.getMany(place, ['a', 'b', 'c'])
    expect([...items.keys()]).toEqual(['c'])
    expect(applied?.position).toBe(3)
  })

  it('that cannot be read hide all that is older', async () => {
    const { at, tier, append, handler } = stage()
    append({ v: 1, op: 'beat' })
    await at.run(handler(msk('cache-evictions', { offset: 0 })))
    const { logId } = (await tier.applier.position(0))!
    const place = { namespace: 'users', partition: 0, logId }
    await tier.setMany(place, [{ key: 'a', bytes: bytes(1), asOf: 1, version: undefined, ttlMs: 60_000 }])
    append('nonsense')
    await at.run(
      handler(msk('cache-evictions', { offset: 1, over: { value: '%' } }, { offset: 1, value: 'nonsense' })),
    )
    expect((await tier.getMany(place, ['a'])).items.size).toBe(0)
  })

  it('that are applied already cost a look at the log', async () => {
    const { at, append, handler, kafka } = stage()
    append(evict('a'))
    await at.run(handler(msk('cache-evictions', { offset: 0, value: evict('a') })))
    const before = { ...kafka.calls }
    expect(await at.run(handler(msk('cache-evictions', { offset: 0, value: evict('a') })))).toEqual({
      batchItemFailures: [],
    })
    expect(kafka.calls).toEqual({ ...before, offsets: before.offsets + 1 })
  })

  it('that the log does not have yet, or not at all, are given again', async () => {
    const { at, append, handler, kafka, events } = stage()
    append(evict('a'))
    const ahead = msk('cache-evictions', { offset: 0, value: evict('a') }, { offset: 1, value: evict('b') })
    expect(await at.run(handler(ahead))).toEqual({ batchItemFailures: [identifier('cache-evictions-0', 1)] })
    kafka.fail(new KedgeError('ERR_NETWORK', 'gone', { retryable: true }))
    expect(await at.run(handler(ahead))).toEqual({ batchItemFailures: [identifier('cache-evictions-0', 0)] })
    expect(events).toMatchObject([{ error: { code: 'ERR_TIMEOUT' } }, { error: { code: 'ERR_NETWORK' } }])
  })

  it('are given up, and given again, before the time of the function is over', async () => {
    const { at, append, handler, kafka } = stage()
    append(evict('a'))
    kafka.pause()
    const began = at.runtime.now()
    const answering = handler(msk('cache-evictions', { offset: 0, value: evict('a') }), context(at, 3000))
    expect(await at.run(answering)).toEqual({ batchItemFailures: [identifier('cache-evictions-0', 0)] })
    expect(at.runtime.now() - began).toBeLessThanOrEqual(2510)
  })
})

describe('Requests', () => {
  const stage = (load: (keys: readonly string[]) => Promise<Record<string, unknown>>) => {
    const at = world()
    const log = new MemoryLog({ now: () => at.runtime.now(), random: () => at.runtime.random() })
    const loader = createLoader({
      kafka: memory({ on: log, runtime: at.runtime }),
      runtime: at.runtime,
      gzipAboveBytes: Infinity,
      loaders: { users: load },
    })
    const { handler, events } = handling({ 'cache-requests': serveRequests(loader) }, { runtime: at.runtime })
    const asks = (key: string, over = {}) => {
      const deadline = at.runtime.now() + 5000
      return { v: 1, op: 'load', ns: 'users', key, deadline, end: 0, asOf: 0, ...over }
    }
    const updates = () => {
      if (log.describe('cache-updates') === undefined) return []
      const options = { maxBytes: Infinity, isolation: 'uncommitted' } as const
      const { records } = log.read('cache-updates', { partition: 0, offset: 0 }, options)!
      return records.map(({ value }) => JSON.parse(text(value)!) as Record<string, unknown>)
    }
    return { at, loader, handler, events, asks, updates }
  }
  const answered = { batchItemFailures: [] }

  it('are answered in the updates, each key loaded once; what cannot be read is counted', async () => {
    const loads: string[][] = []
    const { at, loader, handler, asks, updates } = stage(async (keys) => {
      loads.push([...keys])
      return Object.fromEntries(keys.map((key) => [key, `user ${key}`]))
    })
    const event = selfManaged(
      'cache-requests',
      { offset: 0, value: asks('7') },
      { offset: 1, value: asks('7') },
      { offset: 2, value: asks('8') },
      { offset: 3, value: 'nonsense' },
      { offset: 4, value: null },
      { offset: 5, value: asks('9', { ns: 'others' }) },
    )
    expect(await at.run(handler(event))).toEqual(answered)
    expect(loads).toEqual([['7', '8']])
    expect(updates()).toMatchObject([
      { op: 'put', key: '7', value: 'user 7' },
      { op: 'put', key: '8', value: 'user 8' },
    ])
    expect(loader.stats()).toMatchObject({ unreadable: 2, foreign: 1 })
  })

  it('whose loader fails are not given again: the isolate that asked loads them itself', async () => {
    const { at, loader, handler, asks, updates } = stage(async () => Promise.reject(new Error('no database')))
    expect(await at.run(handler(msk('cache-requests', { offset: 0, value: asks('7') })))).toEqual(answered)
    expect(updates()).toEqual([])
    expect(loader.stats()).toMatchObject({ failed: 1 })
  })

  it('whose loader is slower than the function are left, and not given again', async () => {
    const { at, handler, asks } = stage(async () => {
      await at.runtime.sleep(60_000)
      return {}
    })
    const began = at.runtime.now()
    const answering = handler(msk('cache-requests', { offset: 0, value: asks('7') }), context(at, 3000))
    expect(await at.run(answering)).toEqual(answered)
    expect(at.runtime.now() - began).toBeLessThanOrEqual(2510)
  })

  it('of a loader that was closed are given again', async () => {
    const { at, loader, handler, asks } = stage(async () => ({}))
    await at.run(loader.close())
    expect(await at.run(handler(msk('cache-requests', { offset: 0, value: asks('7') })))).toEqual({
      batchItemFailures: [identifier('cache-requests-0', 0)],
    })
  })
})

describe('Writes', () => {
  it('are persisted, and given again where the store fails', async () => {
    const at = world()
    const rows = new Map<string, unknown>()
    let broken = true
    const store = async (writes: readonly StoredWrite[]) => {
      if (broken) throw new Error('no database')
      for (const { key, value } of writes) rows.set(key, value)
    }
    const persister = createPersister({
      kafka: memory({ on: at.log, runtime: at.runtime }),
      runtime: at.runtime,
      stores: { orders: store },
    })
    const { cache } = at.isolate({ use: [writeIntents({ max: '1m' })] })
    const orders = cache.namespace('orders')
    await at.run(writeBehind(orders, '7', { total: 42 }))
    const { records } = at.log.read(
      'cache-writes',
      { partition: 0, offset: 0 },
      { maxBytes: 1e6, isolation: 'committed' },
    )!
    const event = msk('cache-writes', {
      offset: 0,
      key: text(records[0]!.key),
      value: text(records[0]!.value),
    })
    const { handler } = handling({ 'cache-writes': persistWrites(persister) }, { runtime: at.runtime })
    expect(await at.run(handler(event, context(at, 3000)))).toEqual({
      batchItemFailures: [identifier('cache-writes-0', 0)],
    })
    broken = false
    expect(await at.run(handler(event, context(at, 10_000)))).toEqual({ batchItemFailures: [] })
    expect(rows).toEqual(new Map([['7', { total: 42 }]]))
  })
})
