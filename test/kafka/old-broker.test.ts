/** Kafka 2.8, where fetches name topics and not their ids, and 3.9, the last that could do without KRaft. */
import { Admin, Producer } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { kafkaCluster, startGateway } from '../../services/gateway/index.ts'
import type { KafkaCluster, RunningGateway } from '../../services/gateway/index.ts'
import { createCache } from '../../src/index.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { SUITES } from '../conformance/suites.ts'
import { startBroker, withoutKafka } from './broker.ts'
import { Client, eventually } from './instance-client.ts'
import { OLDEST, startOldBroker } from './old-broker.ts'

/** `npm run test:extended` names others. */
const VERSIONS = (process.env['KEDGE_KAFKA'] ?? `${OLDEST},3.9.1`).split(',')
const KAFKAS = VERSIONS.map(
  (version) => [version, () => (version === OLDEST ? startOldBroker() : startBroker({ version }))] as const,
)

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)
const text = ({ value }: { readonly value: Uint8Array | null }): string => Buffer.from(value ?? []).toString()
const AT_ONCE = { maxBytes: 1_000_000, waitMs: 0 }
/** Longer than any test may take: a poll that does not wake fails. */
const A_LONG_TIME = 120_000

describe.skipIf(withoutKafka()).each(KAFKAS)('Kafka %s', (_, start) => {
  let broker: Awaited<ReturnType<typeof start>>
  let cluster: KafkaCluster
  let admin: Admin
  let gateway: Omit<RunningGateway, 'log'> | undefined
  let topics = 0

  beforeAll(async () => {
    broker = await start()
    cluster = kafkaCluster({ brokers: [broker.bootstrap] })
    admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker.bootstrap] })
    gateway = await startGateway({ cluster })
    // Its port is open a moment before the broker is registered.
    await vi.waitFor(async () => expect(await cluster.brokers()).toHaveLength(1), 20_000)
  })

  afterAll(async () => {
    await gateway?.close()
    await admin?.close()
    await cluster?.close()
    await broker?.stop()
  })

  const topic = async (partitions = 1, configs: Record<string, string> = {}) =>
    (await cluster.createTopic(`topic-${topics++}`, { partitions, configs })).name
  const write = (name: string, ...values: string[]) =>
    cluster.append(
      name,
      values.map((value) => ({ key: null, value: bytes(value), partition: 0 })),
    )
  async function recreate(name: string): Promise<void> {
    await cluster.remove(name)
    // ZooKeeper keeps the name of a topic a moment longer than brokers do.
    await vi.waitFor(() => cluster.create(name, 1), 20_000)
  }
  const position = (name: string, offset: number) => [{ topic: name, partition: 0, offset }]

  it('makes topics with settings, describes them with an id, and removes them', async () => {
    const made = await cluster.createTopic('made', {
      partitions: 2,
      replicas: 1,
      configs: { 'cleanup.policy': 'compact' },
    })
    expect(made).toEqual({ name: 'made', partitions: 2, id: expect.stringMatching(/^[\w-]{22}$/) })
    expect(await cluster.topics()).toContainEqual(made)
    expect((await cluster.configs('made')).get('cleanup.policy')).toBe('compact')
    expect((await cluster.configs('made')).get('max.message.bytes')).toBe('1048588')
    await expect(cluster.create('made', 1)).rejects.toMatchObject({ reason: 'exists' })
    await cluster.remove('made')
    expect(await cluster.describe('made')).toBe(undefined)
  })

  it('what is written once is read once, with its key, its headers and its time', async () => {
    const name = await topic()
    const records = [
      { key: bytes('k'), value: bytes('v'), timestamp: 5, headers: [{ name: 'h', value: bytes('1') }] },
      { key: null, value: null, timestamp: 6, headers: [] },
    ]
    await cluster.append(name, records)
    expect((await cluster.read(position(name, 0), AT_ONCE)).records).toEqual(
      records.map((record, offset) => ({ ...record, topic: name, partition: 0, offset })),
    )
    expect(await cluster.offsetAt(name, 0, 6)).toBe(1)
  })

  it('a poll ends with the record that it waited for', async () => {
    const name = await topic()
    const polled = cluster.read(position(name, 0), { ...AT_ONCE, waitMs: A_LONG_TIME })
    await write(name, 'news')
    expect((await polled).records.map(text)).toEqual(['news'])
  })

  it('an aborted transaction is seen only by readers of uncommitted records', async () => {
    const name = await topic()
    const bootstrapBrokers = [broker.bootstrap]
    const writer = new Producer({ clientId: 'tx', transactionalId: 'tx', idempotent: true, bootstrapBrokers })
    const transaction = await writer.beginTransaction()
    const value = Buffer.from('aborted')
    await transaction.send({
      messages: [{ topic: name, partition: 0, key: Buffer.from('k'), value }],
      acks: -1,
    })
    await transaction.abort()
    await expect.poll(async () => (await cluster.offsets(name, 0)).end).toBe(2)
    await writer.close()
    await write(name, 'after')
    const both = await cluster.read(position(name, 0), AT_ONCE)
    expect(both.records.map(text)).toEqual(['aborted', 'after'])
    const committed = await cluster.read(position(name, 0), { ...AT_ONCE, isolation: 'committed' })
    expect(committed.records.map(text)).toEqual(['after'])
  })

  it.each([
    ['empty', 0],
    ['of the same length', 2],
    ['longer', 4],
  ])('a topic that was deleted and recreated, %s, empties the caches above', async (_length, length) => {
    const name = await topic()
    await write(name, '{"key":"a"}', '{"key":"b"}')
    const reanchors: string[] = []
    const cache = createCache({
      kafka: gatewayLog({ url: gateway!.url }),
      topics: { evictions: name },
      evictionPartitions: 1,
      // A broker on a slow machine takes its time.
      pollTimeout: '5s',
      onEvent: (event) => void (event.type === 'reanchor' && reanchors.push(event.reason)),
    })
    const rows = cache.namespace<number>('rows')
    let loads = 0
    const read = () => rows.getOrSet('KEF', () => ++loads)
    expect((await cache.sync()).proved).toBe(true)
    expect([await read(), await read()]).toEqual([1, 1])
    await recreate(name)
    if (length > 0) await write(name, ...Array.from({ length }, () => '{"key":"other"}'))
    expect((await cache.sync()).proved).toBe(true)
    expect([await read(), reanchors]).toEqual([2, ['start', 'replaced']])
    const token = await rows.delete('KEF')
    expect(await cache.sync({ after: token })).toMatchObject({ proved: true })
    expect(await read()).toBe(3)
    await cache.close()
  })

  logSuite({
    ...SUITES.stateless,
    describe,
    it,
    expect,
    create: () => {
      const log = gatewayLog({ url: gateway!.url })
      return {
        log,
        topic,
        recreate,
        async truncate(name, partition, offset) {
          await admin.deleteRecords({
            topics: [{ name, partitions: [{ partition, offset: BigInt(offset) }] }],
          })
        },
        close: async () => log.close?.(),
      }
    },
  })

  it('shares partitions in a group, and keeps what was committed', { timeout: 60_000 }, async () => {
    const { name } = await cluster.createTopic('shared', { partitions: 2 })
    for (const partition of [0, 1]) await cluster.append(name, [{ key: null, value: bytes('a'), partition }])
    const options = { 'auto.commit.enable': 'true' }
    const one = await Client.create(gateway!.url, 'g', 'one', options)
    await one.subscribe(name)
    const seen: string[] = []
    await eventually(async () => {
      seen.push(...(await one.poll()))
      expect(seen.toSorted()).toEqual(['0:0', '1:0'])
    })
    const two = await Client.create(gateway!.url, 'g', 'two', options)
    await two.subscribe(name)
    await eventually(async () => {
      const shares = [await one.partitions(), await two.partitions()]
      expect(shares.toSorted(([a = 0], [b = 0]) => a - b)).toEqual([[0], [1]])
    })
    await one.remove()
    await eventually(async () => expect(await two.partitions()).toEqual([0, 1]))
    expect(await two.call('GET', '/offsets')).toMatchObject([
      200,
      { offsets: [{ offset: 1 }, { offset: 1 }] },
    ])
    await two.remove()
  })
})
