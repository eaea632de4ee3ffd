/** What others do to the topic of evictions on a real broker, and what a cache makes of it. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/confluent.ts'
import { kafkaCluster, startGateway } from '../../gateway/index.ts'
import type { KafkaCluster, RunningGateway } from '../../gateway/index.ts'
import { createCache } from '../../src/index.ts'
import type { Cache, KedgeEvent } from '../../src/index.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'
import { JVM } from './jars.ts'

const SOURCE = fileURLToPath(new URL('ProduceLines.java', import.meta.url))
const run = promisify(execFile)

describe.skipIf(withoutKafka())('On a real broker, a topic that others write to and change', () => {
  let broker: Broker
  let cluster: KafkaCluster
  let admin: Admin
  let gateway: Omit<RunningGateway, 'log'> | undefined
  let topic = ''
  let topics = 0
  const caches: Cache[] = []

  beforeAll(async () => {
    broker = await startBroker()
    cluster = kafkaCluster({ brokers: [broker.bootstrap] })
    admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker.bootstrap] })
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
    await broker?.stop()
  })

  /** An isolate with a cache of its own, and a source that counts how often each key was read. */
  function isolate() {
    const events: KedgeEvent[] = []
    const cache = createCache({
      kafka: confluent({ url: gateway!.url, gateway: true }),
      topics: { evictions: topic },
      evictionPartitions: 1,
      ttl: '1h',
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
    const producing = run('java', [...JVM, SOURCE, broker.bootstrap, topic])
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
    // What it held is good still, and evictions go where caches read them.
    for (const key of ['KEF', 'JFK']) {
      const token = await one.rows.delete(key)
      expect(token).toMatch(/^k1\.0-\d+$/)
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
  ])('a topic that was deleted and made anew as %s empties the cache, once', async (_, length) => {
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
})
