import { describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import { world } from './world.ts'

const down = () => new KedgeError('ERR_NETWORK', 'connection refused', { retryable: true })

describe('A topic is kept as a store', () => {
  it('from its beginning on an empty store', async () => {
    const { make, put, runtime, all } = world(3)
    for (let at = 0; at < 30; at++) put(`${at % 10}`, { at })
    const { start, said, sync } = make()
    expect(sync.notReady()).toContain('not begun')
    start()
    await runtime.advance(100)
    expect(all()).toEqual(
      Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`order:${at}`, `{"at":${at + 20}}`])),
    )
    expect(said('begin')).toMatchObject([{ reason: 'new' }])
    expect(said('caught_up')).toMatchObject([{ records: 30 }])
    expect(sync.lag()).toMatchObject({ records: 0, ms: 0, rehydrating: false })
    expect(sync.notReady()).toEqual([])
    expect(sync.stats()).toMatchObject({ records: 30, folded: 20, written: 10, begins: 1 })
  })

  it('from the stored position after that', async () => {
    const { make, put } = world()
    put('a', '1')
    put('b', '1')
    expect(await make().sync.step()).toMatchObject({ reached: true, records: 2 })
    put('a', '2')
    const later = make()
    expect(await later.sync.step()).toMatchObject({ reached: true, records: 1 })
    expect(later.said('begin')).toEqual([])
  })

  it('as records come, with a long poll', async () => {
    const { make, put, runtime, text } = world()
    const { start, kafka } = make()
    start()
    await runtime.advance(1000)
    const reads = kafka.calls.read
    put('a', 'new')
    await runtime.settle()
    expect(text('order:a')).toBe('new')
    expect(reads).toBe(1)
  })

  it('whose tombstones delete', async () => {
    const { make, put, all } = world()
    put('a', '1')
    put('b', '1')
    await make().sync.step()
    put('a', null)
    put('c', '1')
    put('c', null)
    await make().sync.step()
    expect(all()).toEqual({ 'order:b': '1' })
  })

  it('with empty values in the place of tombstones, where that is said', async () => {
    const { make, put, all } = world()
    put('a', '1')
    put('a', '')
    await make().sync.step()
    expect(all()).toEqual({ 'order:a': '' })
    put('a', '')
    await make({ emptyDeletes: true }).sync.step()
    expect(all()).toEqual({})
  })

  it('across gaps of compaction', async () => {
    const { make, put, log, all, store } = world()
    for (let at = 0; at < 20; at++) put(`${at % 2}`, `${at}`)
    put('0', null)
    log.compact('orders', { dropTombstones: true })
    const { sync } = make()
    expect(await sync.step()).toMatchObject({ reached: true })
    expect(all()).toEqual({ 'order:1': '19' })
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 21]]))
  })

  it('without the records of aborted transactions', async () => {
    const { make, log, all } = world()
    const key = new TextEncoder().encode('a')
    const aborted = log.begin()
    aborted.append('orders', { key, value: new TextEncoder().encode('aborted') })
    aborted.abort()
    await make().sync.step()
    expect(all()).toEqual({})
  })

  it('in batches of a partition', async () => {
    const { make, put } = world()
    for (let at = 0; at < 10; at++) put(`${at}`, '1')
    const running = make({ maxBatch: 4 })
    await running.sync.step()
    expect(running.said('batch').map(({ records, next }) => [records, next])).toEqual([
      [4, 4],
      [4, 8],
      [2, 10],
    ])
  })

  it('with every partition having its turn, however small the answers', async () => {
    const { make, put, runtime, all } = world(3)
    for (let at = 0; at < 60; at++) put(`${at}`, 'x'.repeat(50), at % 3)
    const { start } = make({ maxReadBytes: 60 })
    start()
    for (let turn = 0; turn < 10; turn++) await runtime.settle()
    expect(Object.keys(all())).toHaveLength(60)
  })

  it('with a record that is larger than an answer', async () => {
    const { make, put, runtime, all } = world()
    put('a', 'x'.repeat(10_000))
    const { start } = make({ maxReadBytes: 10 })
    start()
    await runtime.advance(1000)
    expect(Object.keys(all())).toEqual(['order:a'])
  })

  it('and partitions that are new', async () => {
    const { make, put, runtime, log, all, store } = world()
    const running = make({}, { kafka: { capabilities: { identity: false } } })
    put('a', '1')
    running.start()
    await runtime.advance(1000)
    // The topic grows: the memory log cannot grow, so the test recreates it with its records.
    log.deleteTopic('orders')
    log.createTopic('orders', { partitions: 2 })
    put('a', '1', 0)
    put('z', '9', 1)
    await runtime.advance(12_000)
    expect(all()).toEqual({ 'order:a': '1', 'order:z': '9' })
    expect(running.said('partitions')).toEqual([{ type: 'partitions', from: 1, to: 2 }])
    expect(running.said('begin')).toHaveLength(1)
    expect(store.state(running.sync.stream)?.positions).toEqual(
      new Map([
        [0, 1],
        [1, 1],
      ]),
    )
  })
})

describe('What fails is tried again', () => {
  it('while the store is down: reading pauses, nothing is lost, and it is said', async () => {
    const { make, put, runtime, all, log } = world()
    const { start, sync, sink, kafka, said } = make({ maxReadBytes: 200, maxLag: { time: '20s' } })
    start()
    await runtime.advance(1000)
    sink.fail(down())
    for (let at = 0; at < 100; at++) put(`${at}`, 'x'.repeat(50))
    await runtime.advance(60_000)
    expect(sync.notReady()).toEqual(['lag', 'store'])
    expect(sync.lag().records).toBe(100)
    expect(sync.lag().ms).toBeGreaterThan(50_000)
    expect(sync.pressure()).toBe(1)
    const reads = kafka.calls.read
    await runtime.advance(60_000)
    // One batch is in hand and one is read ahead; the looks around are no reads.
    expect(kafka.calls.read).toBe(reads)
    expect(reads).toBeLessThan(5)
    const pauses = said('store_failed').map(({ retryInMs }) => retryInMs)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000)
    expect(pauses[5]!).toBeGreaterThan(pauses[0]!)
    sink.fail()
    await runtime.advance(40_000)
    expect(Object.keys(all())).toHaveLength(100)
    expect(said('store_recovered')).toHaveLength(1)
    expect(sync.notReady()).toEqual([])
    expect(log.offsets('orders', 0).end).toBe(100)
  })

  it('while the store refuses writes alone, which is no better', async () => {
    const { make, put, runtime } = world()
    const { start, sink, sync, said } = make()
    start()
    await runtime.advance(1000)
    sink.fail(down(), { on: 'write' })
    put('a', '1')
    await runtime.advance(60_000)
    expect(sync.notReady()).toContain('store')
    expect(said('store_recovered')).toEqual([])
    expect(said('store_failed').length).toBeGreaterThan(5)
    expect(said('store_failed').at(-1)!.attempt).toBe(said('store_failed').length)
  })

  it('when a write took effect and its answer was lost', async () => {
    const { make, put, runtime, all, store } = world()
    for (let at = 0; at < 10; at++) put(`${at}`, '1')
    const { start, sink, sync } = make()
    sink.fail(down(), { on: 'write', when: 'after', times: 1 })
    start()
    await runtime.advance(1000)
    expect(Object.keys(all())).toHaveLength(10)
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 10]]))
  })

  it('and nothing lives longer for that', async () => {
    const { make, put, runtime, store, text } = world()
    put('long', '1')
    const { start, sink } = make({ ttl: '1h' })
    sink.fail(down(), { on: 'write' })
    start()
    await runtime.advance(20 * 60_000)
    sink.fail()
    await runtime.advance(60_000)
    expect(text('order:long')).toBe('1')
    expect(store.ttl('order:long')).toBe(39 * 60_000)
    put('short', '2')
    sink.fail(down(), { on: 'write' })
    await runtime.advance(61 * 60_000)
    sink.fail()
    await runtime.advance(60_000)
    expect(text('order:short')).toBeUndefined()
  })

  it('when half of a batch was written', async () => {
    const { make, put, runtime, all } = world()
    for (let at = 0; at < 10; at++) put(`${at}`, '1')
    const { start, sink } = make()
    sink.fail(down(), { on: 'write', when: 'midway', times: 3 })
    start()
    await runtime.advance(5000)
    expect(Object.keys(all())).toHaveLength(10)
  })

  it('when the store is silent', async () => {
    const { make, put, runtime, all } = world()
    put('a', '1')
    const { start, sink, said } = make()
    sink.pause()
    start()
    await runtime.advance(70_000)
    expect(said('store_failed').length).toBeGreaterThan(0)
    sink.resume()
    await runtime.advance(5000)
    expect(all()).toEqual({ 'order:a': '1' })
  })

  it('while the log is down', async () => {
    const { make, put, runtime, all } = world()
    const { start, kafka, said, sync } = make()
    start()
    await runtime.advance(1000)
    kafka.fail(down())
    put('a', '1')
    await runtime.advance(20_000)
    put('b', '1')
    await runtime.advance(10_000)
    expect(sync.notReady()).toContain('log')
    kafka.fail()
    await runtime.advance(40_000)
    expect(all()).toEqual({ 'order:a': '1', 'order:b': '1' })
    expect(said('log_recovered').length).toBeGreaterThan(0)
  })

  it('but not what makes no sense to try again', async () => {
    const { make, runtime } = world()
    const refused = new KedgeError('ERR_AUTH', 'WRONGPASS')
    const { start, sink, stop } = make()
    sink.fail(refused)
    start()
    await runtime.advance(1000)
    expect(await stop()).toBe(refused)
    await expect(make({ topic: 'absent' }).sync.run()).rejects.toMatchObject({ code: 'ERR_UNKNOWN_TOPIC' })
  })
})

describe('What was lost is noticed', () => {
  it('a store that was wiped under a write', async () => {
    const { make, put, runtime, all, store } = world()
    put('a', '1')
    const { start, said, sync } = make()
    start()
    await runtime.advance(1000)
    store.wipe()
    put('b', '1')
    await runtime.settle()
    await runtime.advance(100)
    expect(all()).toEqual({ 'order:a': '1', 'order:b': '1' })
    expect(said('begin').map(({ reason }) => reason)).toEqual(['new', 'wiped'])
    expect(sync.stats()).toMatchObject({ wipes: 1, begins: 2 })
  })

  it('a store that was wiped while nothing came', async () => {
    const { make, put, runtime, all, store } = world()
    put('a', '1')
    const { start } = make()
    start()
    await runtime.advance(1000)
    store.wipe()
    await runtime.advance(15_000)
    expect(all()).toEqual({ 'order:a': '1' })
  })

  it('a topic that was recreated', async () => {
    const { make, put, runtime, log, all } = world()
    for (let at = 0; at < 5; at++) put('a', `${at}`)
    const running = make()
    running.start()
    await runtime.advance(1000)
    log.recreateTopic('orders')
    put('a', 'new')
    for (let at = 0; at < 8; at++) put('b', `${at}`)
    await runtime.advance(15_000)
    expect(all()).toEqual({ 'order:a': 'new', 'order:b': '7' })
    expect(running.said('begin').map(({ reason }) => reason)).toEqual(['new', 'replaced'])
  })

  it('a topic that was recreated while no sync ran', async () => {
    const { make, put, log, all } = world()
    for (let at = 0; at < 5; at++) put('a', `${at}`)
    await make().sync.step()
    log.recreateTopic('orders')
    put('a', 'new')
    const { sync, said } = make()
    await sync.step()
    expect(all()).toEqual({ 'order:a': 'new' })
    expect(said('begin')).toMatchObject([{ reason: 'replaced' }])
  })

  it('a log without an identity that ends before the position', async () => {
    const { make, put, log, all } = world()
    const nameless = { kafka: { capabilities: { identity: false } } }
    for (let at = 0; at < 5; at++) put('a', `${at}`)
    await make({}, nameless).sync.step()
    log.recreateTopic('orders')
    put('a', 'new')
    const { sync, said } = make({}, nameless)
    await sync.step()
    expect(all()).toEqual({ 'order:a': 'new' })
    expect(said('begin')).toMatchObject([{ reason: 'rewound' }])
  })

  it('records that retention took', async () => {
    const { make, put, log, all, store } = world()
    put('a', '1')
    await make().sync.step()
    for (let at = 0; at < 5; at++) put('b', `${at}`)
    log.truncate('orders', 0, 4)
    const { sync, said } = make()
    await sync.step()
    expect(all()).toEqual({ 'order:a': '1', 'order:b': '4' })
    expect(said('lost')).toEqual([{ type: 'lost', partition: 0, records: 3, from: 1, to: 4 }])
    expect(sync.stats().lost).toBe(3)
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 6]]))
  })

  it('but nothing is lost of a topic that is read for the first time', async () => {
    const { make, put, log } = world()
    for (let at = 0; at < 5; at++) put('b', `${at}`)
    log.truncate('orders', 0, 3)
    const { sync } = make()
    expect(await sync.step()).toMatchObject({ reached: true, records: 2 })
    expect(sync.stats().lost).toBe(0)
  })

  it('a topic that is away for a while', async () => {
    const { make, put, runtime, log, all } = world()
    put('a', '1')
    const { start } = make()
    start()
    await runtime.advance(1000)
    log.deleteTopic('orders')
    await runtime.advance(30_000)
    log.createTopic('orders')
    put('a', '2')
    await runtime.advance(40_000)
    expect(all()).toEqual({ 'order:a': '2' })
  })
})

describe('Two syncs at once', () => {
  it('agree on one epoch and harm nothing', async () => {
    const { make, put, runtime, all } = world(2)
    for (let at = 0; at < 50; at++) put(`${at % 7}`, `${at}`)
    const [one, other] = [make(), make()]
    one.start()
    other.start()
    await runtime.advance(1000)
    put('0', 'last')
    await runtime.advance(1000)
    expect([...one.said('begin'), ...other.said('begin')]).toHaveLength(2)
    expect(all()['order:0']).toBe('last')
    expect(Object.keys(all())).toHaveLength(7)
    expect([one.sync.stats().wipes, other.sync.stats().wipes]).toEqual([0, 0])
  })
})

describe('An end', () => {
  it('lets the batch in hand be written', async () => {
    const { make, put, runtime, all } = world()
    put('a', '1')
    const { start, stop } = make({}, { sink: { latency: 3000 } })
    start()
    // The state, the beginning, the state again; then the write is under way.
    await runtime.advance(10_000)
    expect(await stop()).toBe('ended')
    expect(all()).toEqual({ 'order:a': '1' })
  })

  it('does not wait for a store that is down longer than `drain`', async () => {
    const { make, put, runtime } = world()
    put('a', '1')
    const { start, stop, sink } = make({ drain: '5s' })
    start()
    await runtime.advance(1000)
    sink.fail(down())
    put('a', '2')
    await runtime.advance(1000)
    const ended = stop()
    await runtime.advance(20_000)
    expect(await ended).toBe('ended')
    expect(runtime.sleeping).toBe(0)
  })

  it('leaves nothing waiting', async () => {
    const { make, runtime, log } = world()
    const { start, stop } = make()
    start()
    await runtime.advance(7000)
    expect(await stop()).toBe('ended')
    expect(runtime.sleeping).toBe(0)
    expect(log.waiting).toBe(0)
  })

  it('of a budget is where a step stops', async () => {
    const { make, put, runtime, all } = world()
    for (let at = 0; at < 100; at++) put(`${at}`, 'x'.repeat(100))
    const { sync } = make({ maxReadBytes: 1000 }, { sink: { latency: 100 } })
    const step = sync.step({ budget: 500 })
    await runtime.advance(5000)
    const { reached, records, lag } = await step
    expect(reached).toBe(false)
    expect(records).toBe(Object.keys(all()).length)
    expect(lag.records).toBe(100 - records)
    expect(records).toBeGreaterThan(0)
  })

  it('of a budget without a store is an error', async () => {
    const { make, runtime } = world()
    const { sync, sink } = make()
    sink.fail(down())
    const step = sync.step({ budget: '5s' }).catch((error: unknown) => error)
    await runtime.advance(20_000)
    expect(await step).toMatchObject({ code: 'ERR_NETWORK' })
  })

  it('that cannot be reached is said', async () => {
    const { make, runtime, log, put, all } = world()
    put('a', '1')
    log.begin().append('orders', { key: null, value: null, partition: 0 })
    const { sync, said } = make()
    const step = sync.step()
    await runtime.advance(60_000)
    expect(await step).toMatchObject({ reached: false })
    expect(said('stalled')).toMatchObject([{ partition: 0, offset: 1, end: 2 }])
    expect(all()).toEqual({ 'order:a': '1' })
  })

  it('does not come twice: a sync does one thing at a time', async () => {
    const { make } = world()
    const { sync, start } = make()
    start()
    await expect(sync.step()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })
})

describe('Progress', () => {
  it('is reported with a rate and a time to go', async () => {
    const { make, put, runtime } = world()
    for (let at = 0; at < 100; at++) put(`${at}`, 'x'.repeat(100))
    const { start, said, sync } = make({ maxReadBytes: 1000 }, { sink: { latency: 1000 } })
    start()
    await runtime.advance(8000)
    expect(sync.lag().rehydrating).toBe(true)
    expect(sync.notReady()).toContain('rehydrating')
    const last = said('progress').at(-1)!
    expect(last.total).toBe(100)
    expect(last.records).toBeGreaterThan(20)
    expect(last.recordsPerSecond).toBeGreaterThan(5)
    expect(last.etaMs).toBeGreaterThan(1000)
    await runtime.advance(30_000)
    expect(said('caught_up')).toHaveLength(1)
  })
})

describe('Lag', () => {
  it('of a quiet topic is none, however old its last record is', async () => {
    const { make, put, runtime } = world()
    put('a', '1')
    const { start, sync } = make()
    start()
    await runtime.advance(3_600_000)
    put('a', '2')
    await runtime.settle()
    expect(sync.lag()).toMatchObject({ records: 0, ms: 0 })
    expect(sync.pressure()).toBe(0)
  })

  it('becomes pressure from half of its limit on', async () => {
    const { make, put, runtime } = world()
    const { start, sync, sink } = make({ maxLag: { time: '100s' } })
    start()
    await runtime.advance(6000)
    sink.fail(down())
    put('a', '1')
    await runtime.advance(45_000)
    expect(sync.pressure()).toBe(0)
    await runtime.advance(30_000)
    expect(sync.pressure()).toBeGreaterThan(0.4)
    expect(sync.pressure()).toBeLessThan(0.7)
    expect(sync.notReady()).toEqual(['store'])
  })

  it('may be limited in records', async () => {
    const { make, put, runtime } = world()
    const { start, sync, sink } = make({ maxLag: { records: 10 } })
    start()
    await runtime.advance(1000)
    sink.fail(down())
    for (let at = 0; at < 20; at++) put(`${at}`, '1')
    await runtime.advance(6000)
    expect(sync.notReady()).toEqual(['lag', 'store'])
    expect(sync.pressure()).toBe(1)
  })
})
