/** What others do to the topics on a real broker, and what a cache makes of it. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Admin, Producer } from '@platformatic/kafka'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { kafkaCluster, startGateway } from '../../services/gateway/index.ts'
import type { KafkaCluster, RunningGateway } from '../../services/gateway/index.ts'
import { createCache } from '../../src/index.ts'
import type { Cache, CacheOptions, KedgeEvent } from '../../src/index.ts'
import { withoutKafka } from './broker.ts'
import { JVM } from './jars.ts'
import { sharedBroker } from './shared-broker.ts'
import { prewarm, replicate } from '../../src/replicate/index.ts'

const SOURCE = fileURLToPath(new URL('ProduceLines.java', import.meta.url))
const run = promisify(execFile)

describe.skipIf(withoutKafka())('On a real broker, a topic that others write to and change', () => {
  let cluster: KafkaCluster
  let admin: Admin
  let gateway: Omit<RunningGateway, 'log'> | undefined
  let topic = ''
  let topics = 0
  const caches: Cache[] = []

  beforeAll(async () => {
    cluster = kafkaCluster({ brokers: [sharedBroker()] })
    admin = new Admin({ clientId: 'test', bootstrapBrokers: [sharedBroker()] })
    gateway = await startGateway({ cluster })
  })

  beforeEach(async () => {
    topic = (await cluster.createTopic(`evictions-${topics++}`, { partitions: 1 })).name
  })

  afterAll(async () => {
    for (const cache of caches) await cache.close()
    await gateway?.close()
    await admin?.close()
    await cluster?.close()
  })

  /** An isolate with a cache of its own, and a source that counts how often each key was read. */
  function isolate(options: Partial<CacheOptions> = {}) {
    const events: KedgeEvent[] = []
    const cache = createCache({
      kafka: gatewayLog({ url: gateway!.url }),
      topics: { evictions: topic, updates: `${topic}-updates` },
      evictionPartitions: 1,
      ttl: '1h',
      // A broker on a slow machine takes its time.
      pollTimeout: '5s',
      ...options,
      onEvent: (event) => void events.push(event),
    })
    caches.push(cache)
    const rows = cache.namespace<number>('rows')
    const loads = new Map<string, number>()
    return {
      cache,
      rows,
      /** How often the source was asked for this key once the cache has answered. */
      read: (key: string) =>
        rows.getOrSet(key, () => {
          const count = (loads.get(key) ?? 0) + 1
          loads.set(key, count)
          return count
        }),
      prove: async () => expect((await cache.sync()).proved).toBe(true),
      reanchors: () => events.flatMap((event) => (event.type === 'reanchor' ? [event.reason] : [])),
      drops: () =>
        events.flatMap((event) => (event.type === 'drop' ? [`${event.key}: ${event.reason}`] : [])),
      unreadable: () => events.filter(({ type }) => type === 'unreadable').length,
    }
  }

  async function produceByJava(...values: readonly string[]): Promise<void> {
    const producing = run('java', [...JVM, SOURCE, sharedBroker(), topic])
    producing.child.stdin?.end(values.map((value) => `${value}\n`).join(''))
    await producing
  }

  async function holding(...keys: readonly string[]) {
    const one = isolate()
    await one.prove()
    for (const key of keys) expect(await one.read(key)).toBe(1)
    for (const key of keys) expect(await one.read(key)).toBe(1)
    return one
  }

  it('a record in the simple form, written by Apache’s own producer, evicts its key and no other', async () => {
    const one = await holding('KEF', 'JFK', 'Zürich – ☃')
    await produceByJava('{"key":"KEF"}', '{"key":"Zürich – ☃"}')
    await one.prove()
    expect(one.drops()).toEqual(['KEF: evicted', 'Zürich – ☃: evicted'])
    expect(one.unreadable()).toBe(0)
    expect(one.reanchors()).toEqual(['start'])
    expect([await one.read('KEF'), await one.read('JFK'), await one.read('Zürich – ☃')]).toEqual([2, 1, 2])
  })

  it('partitions that are added leave a cache of one partition as it was', async () => {
    const [one, other] = [await holding('KEF', 'JFK'), await holding('KEF', 'JFK')]
    await admin.createPartitions({ topics: [{ name: topic, count: 3 }] })
    await expect.poll(async () => (await cluster.describe(topic))?.partitions, { timeout: 20_000 }).toBe(3)
    // Its held values are still valid, and evictions go where caches read them.
    for (const key of ['KEF', 'JFK']) {
      const token = await one.rows.delete(key)
      expect(token).toMatch(/^k1\.0-\d+~[0-9a-z]+$/)
      expect(await other.cache.sync({ after: token })).toMatchObject({ proved: true })
      expect(await other.read(key)).toBe(2)
    }
    expect((await cluster.offsets(topic, 0)).end).toBe(2)
    const late = await holding('KEF')
    await one.rows.delete('KEF')
    for (const reader of [other, late]) {
      await reader.prove()
      expect(reader.drops().at(-1)).toBe('KEF: evicted')
      expect(reader.reanchors()).toEqual(['start'])
    }
  })

  it.each([
    ['an empty one', 0],
    ['one of the same length', 3],
    ['a longer one', 5],
  ])('a topic that was deleted and recreated as %s empties the cache, once', async (_, length) => {
    const value = new TextEncoder().encode('{"key":"another"}')
    const write = (count: number) =>
      cluster.append(
        topic,
        Array.from({ length: count }, () => ({ key: null, value, partition: 0 })),
      )
    await write(3)
    const one = await holding('KEF', 'JFK')
    await cluster.remove(topic)
    await cluster.create(topic, 1)
    if (length > 0) await write(length)
    await one.prove()
    expect(one.reanchors()).toEqual(['start', 'replaced'])
    expect(one.drops()).toEqual(['KEF: reanchor', 'JFK: reanchor'])
    expect(await one.read('KEF')).toBe(2)
    // It goes on in the new topic.
    expect(await one.read('KEF')).toBe(2)
    const other = await holding('KEF')
    const token = await other.rows.delete('KEF')
    expect(await one.cache.sync({ after: token })).toMatchObject({ proved: true })
    expect(await one.read('KEF')).toBe(3)
    expect(one.reanchors()).toEqual(['start', 'replaced'])
  })

  it('retention that took what a cache had not read empties it, once', async () => {
    const short = { 'retention.ms': '1', 'segment.ms': '1' }
    topic = (await cluster.createTopic(`evictions-${topics++}`, { partitions: 1, configs: short })).name
    const one = await holding('KEF', 'JFK')
    const other = await holding('LHR')
    for (const key of ['KEF', 'a', 'b']) await other.rows.delete(key)
    await expect.poll(async () => (await cluster.offsets(topic, 0)).beginning, { timeout: 20_000 }).toBe(3)
    await one.prove()
    expect(one.reanchors()).toEqual(['start', 'truncated'])
    expect(one.drops()).toEqual(['KEF: reanchor', 'JFK: reanchor'])
    expect([await one.read('KEF'), await one.read('KEF')]).toEqual([2, 2])
    await one.prove()
    expect(one.reanchors()).toEqual(['start', 'truncated'])
  })

  describe('an eviction as large as a record may be', () => {
    /** Bytes that a batch of one record has beside the value, without a key, as the broker counts. */
    const OVERHEAD = 72
    const padded = (bytes: number) => {
      const start = '{"key":"KEF","note":"'
      return new TextEncoder().encode(`${start}${'x'.repeat(bytes - start.length - 2)}"}`)
    }
    const append = async (value: Uint8Array) => {
      const [appended] = await cluster.append(topic, [{ key: null, value, partition: 0, timestamp: 0 }])
      return appended?.refusal ? appended.refusal.reason : 'written'
    }

    it('evicts its key and no other; a byte more is refused', async () => {
      const configs = { 'max.message.bytes': '100000' }
      topic = (await cluster.createTopic(`evictions-${topics++}`, { partitions: 1, configs })).name
      const one = await holding('KEF', 'JFK')
      expect(await append(padded(100_000 - OVERHEAD + 1))).toBe('too-large')
      await one.prove()
      expect(one.drops()).toEqual([])
      expect(await append(padded(100_000 - OVERHEAD))).toBe('written')
      await one.prove()
      expect([one.drops(), one.unreadable(), one.reanchors()]).toEqual([['KEF: evicted'], 0, ['start']])
    })

    it('that is larger than a cache reads evicts more than it says, never less, and does not hold it up', async () => {
      const one = await holding('KEF', 'JFK')
      expect(await append(padded(1_048_588 - OVERHEAD))).toBe('written')
      await one.prove()
      expect(one.drops()).toContain('KEF: evicted')
      expect([await one.read('KEF'), one.unreadable(), one.reanchors()]).toEqual([2, 1, ['start']])
      const token = await one.rows.delete('KEF')
      expect(await one.cache.sync({ after: token })).toMatchObject({ proved: true })
      expect(await one.read('KEF')).toBe(3)
    })

    it('that the topic does not take is reported; in parts it is taken', async () => {
      const configs = { 'max.message.bytes': '10000' }
      topic = (await cluster.createTopic(`evictions-${topics++}`, { partitions: 1, configs })).name
      const one = await holding()
      // Names that do not become short when they are packed.
      const names = Array.from({ length: 200 }, () => randomBytes(100).toString('base64url'))
      const other = await holding(...names.slice(0, 3))
      await expect(one.rows.delete(names)).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' })
      let token = ''
      for (let at = 0; at < names.length; at += 50) token = await one.rows.delete(names.slice(at, at + 50))
      expect(await other.cache.sync({ after: token })).toMatchObject({ proved: true })
      for (const name of names.slice(0, 3)) expect(await other.read(name)).toBe(2)
    })
  })

  describe('transactions', () => {
    const writer = (id: string) =>
      new Producer({
        clientId: id,
        transactionalId: id,
        idempotent: true,
        bootstrapBrokers: [sharedBroker()],
      })
    const message = (to: string, value: object, key?: string) => ({
      acks: -1,
      messages: [
        {
          topic: to,
          partition: 0,
          ...(key !== undefined && { key: Buffer.from(key) }),
          value: Buffer.from(JSON.stringify(value)),
        },
      ],
    })

    it('an eviction counts before it is committed, and when it is aborted; none hides another', async () => {
      const [one, other] = [await holding('KEF', 'JFK', 'LHR'), await holding('AMS')]
      const producer = writer('evictions')
      const transaction = await producer.beginTransaction()
      await transaction.send(message(topic, { key: 'KEF' }))
      await other.rows.delete('JFK')
      await one.prove()
      expect(one.drops()).toEqual(['KEF: evicted', 'JFK: evicted'])
      expect([await one.read('KEF'), await one.read('JFK')]).toEqual([2, 2])
      await transaction.abort()
      // The marker is written after the answer.
      await expect.poll(async () => (await cluster.offsets(topic, 0)).end).toBe(3)
      const token = await other.rows.delete('LHR')
      expect(await one.cache.sync({ after: token })).toMatchObject({ proved: true })
      expect([await one.read('KEF'), await one.read('LHR')]).toEqual([2, 2])
      expect(one.reanchors()).toEqual(['start'])
      await producer.close()
    })

    it('a value is served when it is committed, and never when it is aborted', async () => {
      const updates = (await cluster.createTopic(`${topic}-updates`, { partitions: 1 })).name
      const one = isolate({ use: [replicate()] })
      await one.prove()
      const put = (key: string, value: number) =>
        message(
          updates,
          { v: 1, op: 'put', ns: 'rows', key, value, ttl: 3_600_000, at: Date.now(), asOf: 0 },
          `rows/${key}`,
        )
      const producer = writer('updates')
      const aborted = await producer.beginTransaction()
      await aborted.send(put('KEF', 77))
      await one.prove()
      await aborted.abort()
      await expect.poll(async () => (await cluster.offsets(updates, 0)).end).toBe(2)
      const committed = await producer.beginTransaction()
      await committed.send(put('JFK', 88))
      await committed.commit()
      await expect.poll(async () => (await cluster.offsets(updates, 0)).end).toBe(4)
      await producer.close()
      // What is read of the values too late for one proof is applied after the next one.
      await expect
        .poll(async () => {
          await one.prove()
          return one.rows.peek('JFK')
        })
        .toBe(88)
      expect([await one.read('KEF'), await one.read('JFK')]).toEqual([1, 88])
    })
  })

  it('what compaction left of the values is what a new cache begins with', async () => {
    const updates = `${topic}-updates`
    await cluster.createTopic(updates, {
      partitions: 1,
      configs: {
        'cleanup.policy': 'compact',
        'segment.ms': '1',
        'min.cleanable.dirty.ratio': '0.001',
        'max.compaction.lag.ms': '1',
      },
    })
    const one = isolate({ use: [replicate()] })
    await one.prove()
    for (const value of [10, 20, 30]) await one.rows.set('KEF', value)
    await one.rows.set('JFK', 5)
    const first = { topic: updates, partition: 0, offset: 0 }
    await expect
      .poll(
        async () => {
          // The cleaner takes closed segments only, and each write closes the one before.
          await one.rows.set('roll', 0)
          return (await cluster.read([first], { maxBytes: 100_000, waitMs: 0 })).records[0]?.offset
        },
        { timeout: 25_000, interval: 200 },
      )
      .toBe(2)
    const late = isolate({ use: [replicate()] })
    expect(await prewarm(late.cache)).toMatchObject({ complete: true })
    expect([await late.read('KEF'), await late.read('JFK')]).toEqual([30, 5])
    // Both go on behind the gaps.
    await one.rows.set('KEF', 40)
    await late.prove()
    expect(await late.read('KEF')).toBe(40)
    expect([one.reanchors(), late.reanchors()]).toEqual([['start'], ['start']])
  })
})
