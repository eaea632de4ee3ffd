import { beforeEach, describe, expect, it } from 'vitest'
import { createPersister, kafkaEventRecords } from '../../../services/persister/index.ts'
import type {
  PersisterEvent,
  PersisterOptions,
  PersistWrites,
  StoredWrite,
} from '../../../services/persister/index.ts'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions } from '../../../src/index.ts'
import { memory } from '../../../src/testing/index.ts'
import { source, world } from '../world.ts'
import type { World } from '../world.ts'
import { writeBehind, writeIntents } from '../../../src/write-paths/index.ts'

const decoder = new TextDecoder()
const encode = (said: object) => new TextEncoder().encode(JSON.stringify(said))

let at: World
beforeEach(() => {
  at = world()
})

async function ready(options: Partial<CacheOptions> = {}) {
  const isolate = at.isolate({ ttl: '1h', use: [writeIntents()], ...options })
  const users = isolate.cache.namespace<string>('users')
  await at.run(isolate.cache.sync())
  await at.runtime.advance(60_100)
  await at.run(isolate.cache.sync())
  return { ...isolate, users }
}

const written = (topic: string) =>
  (
    at.log.read(topic, { partition: 0, offset: 0 }, { maxBytes: 1e6, isolation: 'uncommitted' })?.records ??
    []
  ).map(({ value }) => JSON.parse(decoder.decode(value!)) as Record<string, unknown>)

/** A store that keeps the row of the write with the highest offset, and writes down every call. */
function store() {
  const rows = new Map<string, { value: unknown; offset: number }>()
  const calls: StoredWrite[][] = []
  return {
    rows,
    calls,
    value: (key: string) => rows.get(key)?.value as string,
    persist: async (writes: readonly StoredWrite[]) => {
      calls.push([...writes])
      for (const { key, value, offset } of writes)
        if (offset > (rows.get(key)?.offset ?? -1)) rows.set(key, { value, offset })
    },
  }
}

function persister(stores: PersisterOptions['stores'], options: Partial<PersisterOptions> = {}) {
  const events: PersisterEvent[] = []
  const kafka = memory({ on: at.log, runtime: at.runtime })
  const made = createPersister({
    kafka,
    stores,
    runtime: at.runtime,
    gzipAboveBytes: Infinity,
    onEvent: (event) => void events.push(event),
    ...options,
  })
  return { ...made, step: () => at.run(made.step({ budget: '1m' })), made, kafka, events }
}

describe('a write behind', () => {
  it('stands in the log, then an intent that points to it', async () => {
    const { users } = await ready()
    expect(await writeBehind(users, '7', 'new')).toMatch(/^k1\.0-1~/)
    const [write] = written('cache-writes')
    expect(write).toMatchObject({ v: 1, op: 'write', ns: 'users', key: '7', value: 'new' })
    expect(written('cache-evictions')).toEqual([
      {
        v: 1,
        op: 'intent',
        from: expect.any(String),
        ns: 'users',
        keys: ['7'],
        id: write!['id'],
        ttl: 60_000,
        write: { partition: 0, offset: 0 },
      },
    ])
  })

  it('is seen by each reader past its token, with and without a loader, before the source has it', async () => {
    const [here, there, third] = [await ready(), await ready(), await ready()]
    const db = source({ '7': 'old' })
    await there.users.getOrSet('7', db.load)
    const token = await writeBehind(here.users, '7', 'new')
    const before = db.reads
    expect(await here.users.getOrSet('7', db.load)).toBe('new')
    expect(await at.run(there.users.getOrSet('7', db.load, { after: token }))).toBe('new')
    expect(await at.run(third.users.get('7', { after: token }))).toBe('new')
    expect(db.reads).toBe(before)
    // Held, and read from the log once.
    const { read } = there.kafka.calls
    expect(await there.users.getOrSet('7', db.load)).toBe('new')
    expect(there.kafka.calls.read).toBe(read)
    const many = await at.run(third.users.getOrSetMany(['7', '8'], () => ({ '8': 'loaded' })))
    expect([...many]).toEqual([
      ['7', 'new'],
      ['8', 'loaded'],
    ])
  })

  it('may delete', async () => {
    const [here, there] = [await ready(), await ready()]
    const db = source({ '7': 'old' })
    await there.users.getOrSet('7', db.load)
    const after = await writeBehind(here.users, '7', undefined)
    expect(written('cache-writes')).toMatchObject([{ deleted: true }])
    for (const { users } of [here, there])
      expect(await at.run(users.getOrSet('7', db.load, { after }))).toBeUndefined()
  })

  it('is asked of the source again once it is persisted', async () => {
    const [here, there] = [await ready(), await ready()]
    const db = store()
    const after = await writeBehind(here.users, '7', 'new')
    await at.run(there.users.get('7', { after }))
    const service = persister({ users: db.persist })
    expect(await service.step()).toEqual({ persisted: 1, repeated: 0, dead: 0 })
    expect(db.value('7')).toBe('new')
    await at.run(there.cache.sync())
    let loads = 0
    const load = () => {
      loads++
      return db.value('7')
    }
    expect(await there.users.getOrSet('7', load)).toBe('new')
    expect(loads).toBe(1)
    expect(there.users.peek('7')).toBe('new')
  })

  it('gives way to a later one of its key; persisting the earlier one does not end the later one', async () => {
    const [here, there] = [await ready(), await ready()]
    await writeBehind(here.users, '7', 'first')
    const after = await writeBehind(here.users, '7', 'second')
    expect(await at.run(there.users.get('7', { after }))).toBe('second')
    const [first] = written('cache-writes')
    at.log.append('cache-evictions', {
      key: null,
      value: encode({ v: 1, op: 'evict', ns: 'users', keys: ['7'], closes: [first!['id']] }),
    })
    await at.run(there.cache.sync())
    expect(await at.run(there.users.getOrSet('7', () => 'of the source'))).toBe('second')
  })

  it('wins by its place in the topic of writes, whatever the order of the intents', async () => {
    const there = await ready()
    for (const [offset, value] of ['first', 'second'].entries()) {
      const write = { v: 1, op: 'write', ns: 'users', key: '7', value, id: `w${offset}`, at: 0 }
      at.log.append('cache-writes', { key: null, value: encode(write) })
    }
    for (const offset of [1, 0]) {
      const intent = { v: 1, op: 'intent', ns: 'users', keys: ['7'], id: `w${offset}`, ttl: 60_000 }
      at.log.append('cache-evictions', {
        key: null,
        value: encode({ ...intent, write: { partition: 0, offset } }),
      })
    }
    await at.run(there.cache.sync())
    expect(await at.run(there.users.get('7'))).toBe('second')
  })

  it('that the log has lost, or that is another one, is asked of the source and not held', async () => {
    const there = await ready()
    at.log.append('cache-writes', { key: null, value: encode({ v: 1, op: 'beat' }) })
    for (const [id, offset] of [0, 5].entries()) {
      const intent = { v: 1, op: 'intent', ns: 'users', keys: [`${id}`], id: `w${id}`, ttl: 60_000 }
      at.log.append('cache-evictions', {
        key: null,
        value: encode({ ...intent, write: { partition: 0, offset } }),
      })
    }
    await at.run(there.cache.sync())
    for (const key of ['0', '1']) {
      expect(await at.run(there.users.getOrSet(key, () => 'of the source'))).toBe('of the source')
      expect(there.users.peek(key)).toBeUndefined()
    }
  })

  it('that cannot be read from the log just now fails the read: the source is known to lag', async () => {
    const [here, there] = [await ready(), await ready()]
    await writeBehind(here.users, '7', 'new')
    await at.run(there.cache.sync())
    there.kafka.fail(new KedgeError('ERR_NETWORK', 'reset'), { on: 'read', times: 1 })
    await expect(at.run(there.users.getOrSet('7', () => 'old'))).rejects.toMatchObject({
      code: 'ERR_NETWORK',
    })
    expect(await at.run(there.users.getOrSet('7', () => 'old'))).toBe('new')
  })

  it('is read from the log for `maxPending`; after that the source is asked', async () => {
    const [here, there] = [await ready(), await ready()]
    await writeBehind(here.users, '7', 'new', { maxPending: '5s' })
    await at.runtime.advance(5100)
    await at.run(there.cache.sync())
    await at.runtime.advance(5100)
    await at.run(there.cache.sync())
    expect(await at.run(there.users.getOrSet('7', () => 'old'))).toBe('old')
    // Now the persister stores it: values that were loaded meanwhile are dropped.
    await persister({ users: store().persist }).step()
    await at.run(there.cache.sync())
    expect(there.users.peek('7')).toBeUndefined()
  })

  it('is refused while too many wait, or one waits for too long, also those of other writers', async () => {
    const [here, there] = [await ready(), await ready()]
    await Promise.all(Array.from({ length: 512 }, (_, key) => writeBehind(here.users, `${key}`, 'new')))
    await expect(writeBehind(here.users, '7', 'new')).rejects.toMatchObject({ code: 'ERR_OVERLOADED' })
    await at.run(there.cache.sync())
    await expect(writeBehind(there.users, '7', 'new')).rejects.toMatchObject({
      code: 'ERR_OVERLOADED',
      retryable: true,
    })
    await at.runtime.advance(61_000)
    await expect(writeBehind(there.users, '7', 'new')).rejects.toThrow('for longer than `maxPending`')
    await persister({ users: store().persist }).step()
    await at.run(there.cache.sync())
    await expect(writeBehind(there.users, '7', 'new')).resolves.toMatch(/^k1/)
  })

  it('is not repeated where it may be in the log: its token could name the wrong one of two', async () => {
    const { users, kafka } = await ready()
    const lost = new KedgeError('ERR_NETWORK', 'reset', { retryable: true })
    kafka.fail(lost, { on: 'produce', when: 'after', times: 1 })
    await expect(writeBehind(users, '7', 'new')).rejects.toMatchObject({
      code: 'ERR_PUBLISH',
      retryable: true,
    })
    expect(written('cache-writes')).toHaveLength(1)
    expect(written('cache-evictions')).toEqual([])
  })

  it('refuses what it cannot keep', async () => {
    const { users, cache } = await ready({ use: [writeIntents({ namespaces: ['users'] })] })
    await expect(writeBehind(users, '7', 'a', { maxPending: '2m' })).rejects.toThrow('`maxPending`')
    await expect(writeBehind(users, '', 'a')).rejects.toThrow('key')
    const plain = cache.namespace<string>('plain')
    await expect(writeBehind(plain, '7', 'a')).rejects.toThrow('writeIntents()')
    expect(written('cache-evictions')).toEqual([])
  })

  it('that a read without a loader looks for is not shared as a load with a reader that has one', async () => {
    const [here, there] = [await ready(), await ready()]
    await writeBehind(here.users, '7', 'new')
    await at.run(there.cache.sync())
    at.log.truncate('cache-writes', 0, 1)
    const [found, loaded] = [there.users.get('7'), there.users.getOrSet('7', () => 'loaded')]
    expect([await at.run(found), await at.run(loaded)]).toEqual([undefined, 'loaded'])
  })

  it('fails the read where the log returns nothing, and does not say that it is gone', async () => {
    const [here, there] = [await ready(), await ready()]
    await writeBehind(here.users, '7', 'new')
    await at.run(there.cache.sync())
    const read = there.kafka.read.bind(there.kafka)
    let empty = 2
    Object.assign(there.kafka, {
      read: (...args: Parameters<typeof read>) =>
        empty-- > 0 ? Promise.resolve({ records: [], next: args[1], outOfRange: [] }) : read(...args),
    })
    await expect(at.run(there.users.getOrSet('7', () => 'old'))).rejects.toMatchObject({
      code: 'ERR_PROTOCOL',
      retryable: true,
    })
    expect(await at.run(there.users.getOrSet('7', () => 'old'))).toBe('new')
  })

  it('has no position in a log that was recreated: any eviction there takes its held value', async () => {
    for (let beats = 0; beats < 50; beats++)
      at.log.append('cache-evictions', { key: null, value: encode({ v: 1, op: 'beat' }) })
    const { cache, users } = await ready()
    await writeBehind(users, '7', 'new')
    at.log.recreateTopic('cache-evictions')
    await at.run(cache.sync())
    expect(await at.run(users.getOrSet('7', () => 'old'))).toBe('new')
    at.log.append('cache-evictions', {
      key: null,
      value: encode({ v: 1, op: 'evict', ns: 'users', keys: ['7'] }),
    })
    await at.run(cache.sync())
    expect(users.peek('7')).toBeUndefined()
    await at.runtime.advance(61_000)
    await at.run(cache.sync())
    expect(await at.run(users.getOrSet('7', () => 'newer'))).toBe('newer')
  })
})

describe('a persister', () => {
  const writes = async (...values: [key: string, value: string][]) => {
    const { users } = await ready()
    for (const [key, value] of values) await writeBehind(users, key, value)
    return users
  }

  it('gives a store the writes of a key one after the other, of different keys together', async () => {
    await writes(['a', 'a1'], ['b', 'b1'], ['a', 'a2'], ['c', 'c1'], ['a', 'a3'])
    const db = store()
    const { step, events } = persister({ users: db.persist })
    expect(await step()).toEqual({ persisted: 5, repeated: 0, dead: 0 })
    expect(db.calls.map((call) => call.map(({ value }) => value))).toEqual([
      ['a1', 'b1', 'c1'],
      ['a2'],
      ['a3'],
    ])
    expect(db.calls[0]![1]).toMatchObject({ key: 'b', deleted: false, partition: 0, offset: 1 })
    expect(events.every(({ type }) => type === 'persisted')).toBe(true)
    // In few records: one closes many.
    const closing = written('cache-evictions').filter(({ op }) => op === 'evict')
    expect(closing.map(({ keys }) => keys)).toEqual([['a', 'b', 'c'], ['a'], ['a']])
    expect((closing[0]!['closes'] as string[]).length).toBe(3)
  })

  it('goes on where another one has ended', async () => {
    const users = await writes(['a', 'a1'], ['b', 'b1'])
    await persister({ users: store().persist }).step()
    await writeBehind(users, 'a', 'a2')
    const db = store()
    expect(await persister({ users: db.persist }).step()).toEqual({ persisted: 1, repeated: 0, dead: 0 })
    expect(db.calls.flat().map(({ value }) => value)).toEqual(['a2'])
    // The next persister finds a marker far back.
    for (let nth = 0; nth < 300; nth++)
      at.log.append('cache-writes', { key: null, value: encode({ v: 1, op: 'written', next: 4 }) })
    expect(await persister({ users: db.persist }).step()).toEqual({ persisted: 0, repeated: 0, dead: 0 })
  })

  it('does not move past what its store has not taken: the next one begins there again', async () => {
    await writes(['a', 'a1'], ['b', 'b1'])
    const killed = persister({ users: () => new Promise(() => undefined) }, { storeTimeout: '10m' })
    void killed.made.step({ budget: '1m' }).catch(() => undefined)
    await at.runtime.advance(1000)
    killed.kafka.pause()
    const db = store()
    expect(await persister({ users: db.persist }).step()).toMatchObject({ persisted: 2 })
    expect([db.value('a'), db.value('b')]).toEqual(['a1', 'b1'])
  })

  it('keeps its position in the `positions` that are given', async () => {
    await writes(['a', 'a1'])
    const kept = new Map<number, number>()
    const positions = {
      load: async (partition: number) => kept.get(partition),
      save: async (partition: number, next: number) => void kept.set(partition, next),
    }
    await persister({ users: store().persist }, { positions }).step()
    expect([...kept]).toEqual([[0, 1]])
    expect(written('cache-writes')).toHaveLength(1)
    expect(await persister({ users: store().persist }, { positions }).step()).toMatchObject({ persisted: 0 })
  })

  it('persists a write that stands in the log twice once', async () => {
    await writes(['a', 'a1'])
    const [first] = written('cache-writes')
    at.log.append('cache-writes', { key: null, value: encode(first!) })
    const db = store()
    expect(await persister({ users: db.persist }).step()).toEqual({ persisted: 1, repeated: 1, dead: 0 })
    expect(db.calls).toHaveLength(1)
  })

  it('tries again, with pauses, and one at a time', async () => {
    await writes(['a', 'a1'], ['b', 'b1'])
    const db = store()
    const seen: string[] = []
    let left = 3
    const { step, events } = persister({
      users: async (batch) => {
        seen.push(batch.map(({ key }) => key).join(''))
        if (left-- > 0) throw new Error('down')
        await db.persist(batch)
      },
    })
    const since = at.runtime.monotonic()
    expect(await step()).toEqual({ persisted: 2, repeated: 0, dead: 0 })
    expect(seen).toEqual(['ab', 'a', 'b', expect.anything(), expect.anything()])
    expect(at.runtime.monotonic() - since).toBeGreaterThan(99)
    expect(events.filter(({ type }) => type === 'persist_failed')).toHaveLength(3)
  })

  it('gives up on a write that its store never takes: a dead letter, an event, and the key is loaded again', async () => {
    const users = await writes(['a', 'poison'], ['b', 'b1'], ['a', 'a2'])
    const db = store()
    const { step, events } = persister(
      {
        users: async (batch) => {
          if (batch.some(({ value }) => value === 'poison')) throw new Error('does not fit the column')
          await db.persist(batch)
        },
      },
      { retries: 2 },
    )
    expect(await step()).toEqual({ persisted: 2, repeated: 0, dead: 1 })
    expect([db.value('a'), db.value('b')]).toEqual(['a2', 'b1'])
    expect(written('cache-writes-dead')).toMatchObject([
      {
        op: 'dead',
        tries: 3,
        offset: 0,
        reason: 'Error: does not fit the column',
        write: { key: 'a', value: 'poison' },
      },
    ])
    expect(events.find(({ type }) => type === 'dead_letter')).toMatchObject({ namespace: 'users', offset: 0 })
    expect(await at.run(users.getOrSet('a', () => db.value('a')))).toBe('a2')
  })

  it('buries a write so large that no letter has room for its value: without it, and says how large it was', async () => {
    const { users } = await ready()
    // The record of the write just fits; what a letter adds does not.
    const value = 'x'.repeat(999_880)
    await writeBehind(users, '7', value)
    await writeBehind(users, '8', 'small')
    const { step, events } = persister({ users: () => Promise.reject(new Error('no')) }, { retries: 0 })
    expect(await step()).toEqual({ persisted: 0, repeated: 0, dead: 2 })
    const [letter, other] = written('cache-writes-dead')
    expect(letter).toMatchObject({
      op: 'dead',
      partition: 0,
      offset: 0,
      write: { key: '7' },
      omittedBytes: 999_882,
    })
    expect(letter!['write']).not.toHaveProperty('value')
    expect(other).toMatchObject({ offset: 1, write: { key: '8', value: 'small' } })
    expect(events.filter(({ type }) => type === 'dead_letter')).toHaveLength(2)
    expect(await step()).toEqual({ persisted: 0, repeated: 0, dead: 0 })
  })

  it('buries a write so large that the broker refuses its letter, without its value', async () => {
    const { users } = await ready()
    await writeBehind(users, '7', 'x'.repeat(1000))
    const kafka = memory({ on: at.log, runtime: at.runtime })
    const produce = kafka.produce.bind(kafka)
    kafka.produce = async (topic, records, options) => {
      const isLarge = records.some(({ value }) => (value?.length ?? 0) > 1000)
      if (isLarge) throw new KedgeError('ERR_TOO_LARGE', 'larger than `max.message.bytes`')
      return produce(topic, records, options)
    }
    const { step } = persister({ users: () => Promise.reject(new Error('no')) }, { retries: 0, kafka })
    expect(await step()).toEqual({ persisted: 0, repeated: 0, dead: 1 })
    expect(written('cache-writes-dead')).toMatchObject([{ write: { key: '7' }, omittedBytes: 1002 }])
  })

  it('buries what is no write, and writes of namespaces that it has no store for', async () => {
    await writes(['a', 'a1'])
    at.log.append('cache-writes', { key: null, value: encode({ key: 'a' }) })
    at.log.append('cache-writes', { key: null, value: null })
    const { step } = persister({ orders: store().persist })
    expect(await step()).toEqual({ persisted: 0, repeated: 0, dead: 3 })
    expect(await step()).toEqual({ persisted: 0, repeated: 0, dead: 0 })
  })

  it('says how late it is, and how much is too much', async () => {
    await writes(['a', 'a1'], ['b', 'b1'])
    await at.runtime.advance(15_000)
    let pressure = 0
    const service = persister({ users: async () => void (pressure = service.made.pressure()) })
    expect(await at.run(service.made.lag())).toMatchObject({ records: 2, seconds: 15 })
    await service.step()
    expect(pressure).toBe(0.5)
    expect(await at.run(service.made.lag())).toMatchObject({ records: 0, seconds: 0 })
    expect(service.made.pressure()).toBe(0)
  })

  it('persists records that another consumer has read', async () => {
    await writes(['a', 'a1'])
    const { records } = at.log.read(
      'cache-writes',
      { partition: 0, offset: 0 },
      { maxBytes: 1e6, isolation: 'uncommitted' },
    )!
    const db = store()
    const { made } = persister({ users: db.persist })
    const given = records.map(({ key, value, offset }) => ({ key, value, offset, partition: 0 }))
    expect(await at.run(made.apply(given))).toMatchObject({ persisted: 1 })
    expect(db.value('a')).toBe('a1')
    expect(written('cache-writes')).toHaveLength(1)
  })

  it('persists what Lambda hands over of its topic, and leaves the rest of the event', async () => {
    const users = await writes(['a', 'a1'])
    await writeBehind(users, 'b', undefined)
    const records = at.log
      .read('cache-writes', { partition: 0, offset: 0 }, { maxBytes: 1e6, isolation: 'uncommitted' })!
      .records.map(({ offset, value }) => ({
        topic: 'cache-writes',
        partition: 0,
        offset,
        timestamp: at.runtime.now(),
        timestampType: 'CREATE_TIME',
        value: btoa(decoder.decode(value!)),
        headers: [{ traceparent: [48, -48] }],
      }))
    const event = {
      eventSource: 'SelfManagedKafka',
      bootstrapServers: 'kafka-1:9092',
      records: {
        'cache-writes-0': records,
        'other-0': [{ topic: 'other', partition: 0, offset: 0, key: null, value: btoa('{}') }],
      },
    }
    const db = store()
    const { made } = persister({ users: db.persist })
    expect(await at.run(made.apply(kafkaEventRecords(event, 'cache-writes')))).toEqual({
      persisted: 2,
      repeated: 0,
      dead: 0,
    })
    expect([db.value('a'), db.rows.get('b')]).toEqual(['a1', { value: undefined, offset: 1 }])
    expect(() => kafkaEventRecords({ Records: [] }, 'cache-writes')).toThrow('not a Kafka event of Lambda')
  })

  it('goes on without a request that vanished in the middle of a call', async () => {
    await writes(['a', 'a1'])
    const db = store()
    let vanished = true
    const never = new Promise<never>(() => undefined)
    const runtime = {
      ...at.runtime,
      sleep: (ms: number, signal?: AbortSignal) => (vanished ? never : at.runtime.sleep(ms, signal)),
    }
    const users = async (given: readonly StoredWrite[]) => (vanished ? never : db.persist(given))
    const { made } = persister({ users }, { runtime, concurrency: 1, storeTimeout: '5s' })
    void made.step({ budget: '1m' })
    await at.runtime.settle()
    vanished = false
    await at.runtime.advance(6000)
    expect(await at.run(made.step({ budget: '1m' }))).toMatchObject({ persisted: 1 })
    expect(db.value('a')).toBe('a1')
  })

  it('runs until its signal aborts, through failures of the log', async () => {
    const users = await writes(['a', 'a1'])
    const db = store()
    const { made, kafka, events } = persister({ users: db.persist })
    kafka.fail(new KedgeError('ERR_NETWORK', 'reset'), { times: 3 })
    const stop = new AbortController()
    const run = made.run({ signal: stop.signal })
    await at.runtime.advance(5000)
    expect(db.value('a')).toBe('a1')
    expect(events.some(({ type }) => type === 'step_failed')).toBe(true)
    await writeBehind(users, 'a', 'a2')
    await at.runtime.advance(100)
    expect(db.value('a')).toBe('a2')
    stop.abort()
    await at.run(run)
    await made.close()
  })

  it('finishes what it has read when its signal aborts, for at most `drain`', async () => {
    for (const [takesMs, rows] of [
      [4000, 1],
      [6000, 0],
    ] as const) {
      at = world()
      const { users } = await ready()
      await writeBehind(users, '7', 'slow')
      await writeBehind(users, '7', 'later')
      const db = store()
      const slow: PersistWrites = async (given, { signal }) => {
        await at.runtime.sleep(takesMs, signal)
        await db.persist(given)
      }
      const { made } = persister({ users: slow }, { drain: '10s', storeTimeout: '20s' })
      const stop = new AbortController()
      const run = made.run({ signal: stop.signal })
      await at.runtime.advance(100)
      await writeBehind(users, '8', 'not read any more')
      stop.abort()
      await at.run(run)
      expect(db.rows.size).toBe(1)
      // Two writes of a key are two calls: both are done by then, or the second one is left to the next persister.
      expect(db.value('7')).toBe(rows === 1 ? 'later' : 'slow')
      const next = await persister({ users: db.persist }).step()
      expect(next.persisted).toBe(rows === 1 ? 1 : 3)
    }
  })

  it('reports its state: whether it reads, and which store has failed since it last took something', async () => {
    const { users } = await ready()
    const fails = new Error('out of order')
    let failing: Error | undefined = fails
    const { made } = persister(
      {
        users: async () => {
          if (failing) throw failing
        },
      },
      { retries: Infinity },
    )
    expect(made.health()).toEqual({ ready: false })
    const stop = new AbortController()
    const run = made.run({ signal: stop.signal })
    await at.runtime.advance(300)
    expect(made.health()).toEqual({ ready: true })
    await writeBehind(users, '7', 'new')
    await at.runtime.advance(6000)
    expect(made.health()).toEqual({ ready: false, namespace: 'users', error: fails })
    failing = undefined
    await at.runtime.advance(20_000)
    expect(made.health()).toEqual({ ready: true })
    const { storeFailures, ...stats } = made.stats()
    expect(stats).toEqual({ persisted: 1, dead: 0, lost: 0, logFailures: 0 })
    expect(storeFailures).toBeGreaterThan(2)
    stop.abort()
    await at.run(run)
  })

  it('goes on, and says so, where retention has taken what was not persisted', async () => {
    const users = await writes(['a', 'a1'], ['b', 'b1'])
    const db = store()
    const { step, events } = persister({ users: db.persist })
    await step()
    await writeBehind(users, 'a', 'a2')
    await writeBehind(users, 'b', 'b2')
    at.log.truncate('cache-writes', 0, 5)
    await step()
    await step()
    expect(events.find(({ type }) => type === 'writes_lost')).toMatchObject({ partition: 0, to: 5 })
    expect([db.value('a'), db.value('b')]).toEqual(['a1', expect.anything()])
  })

  it('refuses wrong options', () => {
    const kafka = memory()
    const stores = { users: async () => undefined }
    expect(() => createPersister({ kafka, stores: {} })).toThrow('`stores`')
    expect(() => createPersister({ kafka, stores: { 'a/b': stores.users } })).toThrow('`stores')
    expect(() => createPersister({ kafka, stores, maxBatch: 0 })).toThrow('`maxBatch`')
    expect(() => createPersister({ kafka, stores, odd: 1 } as never)).toThrow('`odd`')
    expect(() => createPersister({ kafka, stores, topics: { deadLetters: 'cache-writes' } })).toThrow(
      'deadLetters',
    )
  })
})
