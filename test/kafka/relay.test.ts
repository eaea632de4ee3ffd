/** A relay before a REST proxy on a real broker: what many clients cost the proxy, and what they notice of its topics. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/kafka/confluent.ts'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { kafkaCluster, startGateway, upstreamCluster } from '../../services/gateway/index.ts'
import type { KafkaCluster } from '../../services/gateway/index.ts'
import { createCache } from '../../src/index.ts'
import { withoutIdentity } from '../conformance/without-identity.ts'
import { withoutKafka } from './broker.ts'
import { sharedBroker } from './shared-broker.ts'

const TOPIC = 'relayed-evictions'
const CLIENTS = 20

describe.skipIf(withoutKafka())('A relay before a proxy on a real broker', () => {
  let cluster: KafkaCluster
  const closing: (() => Promise<unknown>)[] = []
  const asked: string[] = []
  let url = ''

  beforeAll(async () => {
    cluster = kafkaCluster({ brokers: [sharedBroker()] })
    closing.push(() => cluster.close())
    const proxy = await startGateway({
      cluster,
      onRequest: ({ method, path }) => void asked.push(`${method} ${path}`),
    })
    closing.push(() => proxy.close())
    const upstream = upstreamCluster(confluent({ url: proxy.url, fetch: withoutIdentity }), { topic: TOPIC })
    closing.push(() => upstream.close())
    const relay = await startGateway({ cluster: upstream })
    closing.push(() => relay.close())
    url = relay.url
  })

  afterAll(async () => {
    for (const close of closing.toReversed()) await close()
  })

  const caches = () =>
    Array.from({ length: CLIENTS }, () => {
      const kafka = gateway({ url })
      const cache = createCache({ kafka, topics: { evictions: TOPIC }, maxStaleness: '2s' })
      closing.unshift(() => cache.close())
      return cache
    })

  it('holds one consumer instance for all of them, and brings each eviction to each', async () => {
    await cluster.createTopic(TOPIC, { partitions: 1 })
    const all = caches()
    await Promise.all(all.map((cache) => cache.sync()))
    asked.length = 0
    const [writer, ...readers] = all.map((cache) => cache.namespace('users', { ttl: '1m' }))
    for (let round = 0; round < 5; round++) {
      await Promise.all(readers.map((users) => users.getOrSet('7', async () => round)))
      const token = await writer!.delete('7')
      const seen = readers.map((users) => users.getOrSet('7', async () => round + 1, { after: token }))
      expect(new Set(await Promise.all(seen))).toEqual(new Set([round + 1]))
    }
    const made = asked.filter((one) => one === 'POST /consumers/kedge').length
    const read = asked.filter((one) => one.endsWith('/records')).length
    expect(made).toBe(1)
    // A read for an eviction, and one more where it came too early: not one for each client.
    expect(read).toBeGreaterThanOrEqual(5)
    expect(read).toBeLessThanOrEqual(15)
  })

  it('does not hide from them that the topic was created anew', async () => {
    const [cache] = caches()
    const users = cache!.namespace('users', { ttl: '1m' })
    for (let key = 0; key < 3; key++) await users.delete(String(key))
    await cache!.sync()
    await users.getOrSet('7', async () => 'old')
    await cluster.remove(TOPIC)
    await expect
      .poll(
        () =>
          cluster.createTopic(TOPIC, { partitions: 1 }).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true)
    // More than there were before, and none of them says a word of the key.
    const value = new TextEncoder().encode('{"v":1,"op":"beat"}')
    await cluster.append(
      TOPIC,
      Array.from({ length: 20 }, () => ({ key: null, value, partition: 0 })),
    )
    await expect
      .poll(
        async () => {
          await cache!.sync().catch(() => undefined)
          return users.getOrSet('7', async () => 'new')
        },
        { timeout: 30_000 },
      )
      .toBe('new')
  })
})
