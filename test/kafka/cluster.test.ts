import { Admin, Producer } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClusterRead, ClusterReadOptions, ClusterRecord } from '../../services/gateway/cluster.ts'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import type { KafkaCluster } from '../../services/gateway/kafka/index.ts'
import { Refusal } from '../../services/gateway/refusal.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'
import { produceByJava } from './java.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array | null | undefined): string | null =>
  value ? Buffer.from(value).toString() : null
const valuesOf = ({ records }: ClusterRead): (string | null)[] => records.map(({ value }) => text(value))
/** Longer than any test may take: a poll that does not wake fails. */
const A_LONG_TIME = 120_000
const AT_ONCE: ClusterReadOptions = { maxBytes: 10_000_000, waitMs: 0 }

describe.skipIf(withoutKafka())('A cluster over a real broker', () => {
  let broker: Broker
  let cluster: KafkaCluster
  let admin: Admin
  let topics = 0

  beforeAll(async () => {
    // The broker's default: a client that asks for a topic may create it.
    broker = await startBroker({ properties: { 'auto.create.topics.enable': 'true' } })
    cluster = kafkaCluster({ brokers: [broker.bootstrap] })
    admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker.bootstrap] })
  })

  afterAll(async () => {
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
  const read = (name: string, offset: number, options: Partial<ClusterReadOptions> = {}) =>
    cluster.read([{ topic: name, partition: 0, offset }], { ...AT_ONCE, ...options })
  const reasonOf = (work: Promise<unknown>) =>
    work.then(
      () => 'it resolved',
      (error: unknown) => (error instanceof Refusal ? error.reason : error),
    )
  const reasonsOf = async (name: string, ...records: Parameters<KafkaCluster['append']>[1]) =>
    (await cluster.append(name, records)).map(({ refusal }) => refusal?.reason)

  describe('topics', () => {
    it('names the cluster and its brokers', async () => {
      const [host, port] = broker.bootstrap.split(':')
      expect(await cluster.brokers()).toEqual([{ id: 1, host, port: Number(port) }])
      expect(cluster.id).toHaveLength(22)
    })

    it('creates, describes, lists and removes', async () => {
      const made = await cluster.createTopic('made', { partitions: 3, replicas: 1 })
      expect(made).toMatchObject({ name: 'made', partitions: 3 })
      expect(await cluster.describe('made')).toEqual(made)
      expect(await cluster.topics()).toContainEqual(made)
      await cluster.remove('made')
      expect(await cluster.describe('made')).toBe(undefined)
      expect(await reasonOf(cluster.remove('made'))).toBe('unknown-topic')
    })

    it('returns the settings that a topic was made with, and those of the broker', async () => {
      const name = await topic(1, { 'cleanup.policy': 'compact', 'retention.ms': '123456' })
      const configs = await cluster.configs(name)
      expect(configs.get('cleanup.policy')).toBe('compact')
      expect(configs.get('retention.ms')).toBe('123456')
      expect(configs.get('max.message.bytes')).toBe('1048588')
      expect(await reasonOf(cluster.configs('absent'))).toBe('unknown-topic')
    })

    it('refuses a topic that is there, a name that none has, and settings that are none', async () => {
      const name = await topic()
      expect(await reasonOf(cluster.create(name, 1))).toBe('exists')
      expect(await reasonOf(cluster.create('not a name', 1))).toBe('invalid')
      expect(await reasonOf(cluster.createTopic('bad', { configs: { 'cleanup.policy': 'x' } }))).toBe(
        'invalid',
      )
      expect(await cluster.describe('not a name')).toBe(undefined)
    })

    it('a topic does not come into being by being asked for', async () => {
      expect(await cluster.describe('asked-for')).toBe(undefined)
      expect(await reasonsOf('asked-for', { key: null, value: null })).toEqual(['unknown-topic'])
      expect(await reasonOf(read('asked-for', 0))).toBe('unknown-topic')
      expect(await reasonOf(cluster.offsets('asked-for', 0))).toBe('unknown-topic')
      expect((await cluster.topics()).map(({ name }) => name)).not.toContain('asked-for')
    })

    it('a topic that was deleted and recreated is another log', async () => {
      const name = await topic()
      await write(name, 'old')
      const before = await cluster.offsets(name, 0)
      const reader = kafkaCluster({ brokers: [broker.bootstrap] })
      // It remembers the old topic, and gets no notice of the change.
      expect((await reader.offsets(name, 0)).logId).toBe(before.logId)
      await cluster.remove(name)
      await cluster.create(name, 1)
      const after = await reader.offsets(name, 0)
      expect(after).toMatchObject({ beginning: 0, end: 0 })
      expect(after.logId).not.toBe(before.logId)
      expect(
        (await reader.read([{ topic: name, partition: 0, offset: 1 }], AT_ONCE)).outOfRange,
      ).toHaveLength(1)
      expect(await reader.append(name, [{ key: null, value: bytes('new'), partition: 0 }])).toMatchObject([
        { offset: 0 },
      ])
      await reader.close()
    })

    it('partitions that were added are found', async () => {
      const name = await topic(1)
      await write(name, 'first')
      await admin.createPartitions({ topics: [{ name, count: 3 }] })
      const appended = async () => (await cluster.append(name, [{ key: null, value: null, partition: 2 }]))[0]
      await expect.poll(appended).toMatchObject({ partition: 2, offset: 0 })
      expect(await cluster.offsets(name, 2)).toMatchObject({ beginning: 0, end: 1 })
    })
  })

  describe('writes', () => {
    it('each record gets the position that it asked for, one result each, in order', async () => {
      const name = await topic(3)
      const record = { key: null, value: bytes('v') }
      const appended = await cluster.append(name, [
        { ...record, partition: 2 },
        { ...record, partition: 7 },
        { ...record, partition: 0, timestamp: 5 },
        { ...record, partition: 2 },
      ])
      expect(appended.map((one) => (one.refusal ? one.refusal.reason : [one.partition, one.offset]))).toEqual(
        [[2, 0], 'unknown-partition', [0, 0], [2, 1]],
      )
      expect(appended[2]).toMatchObject({ timestamp: 5 })
    })

    it('keys, values, headers and times come back as they were', async () => {
      const name = await topic()
      const records = [
        { key: bytes('k'), value: null, timestamp: 1, headers: [{ name: 'ü', value: bytes('1') }] },
        { key: new Uint8Array(), value: new Uint8Array(), timestamp: 2, headers: [] },
        {
          key: null,
          value: Uint8Array.from({ length: 256 }, (_, byte) => byte),
          timestamp: 3,
          headers: [
            { name: 'twice', value: null },
            { name: 'twice', value: bytes('2') },
          ],
        },
      ]
      await cluster.append(name, records)
      const found = await read(name, 0)
      expect(found.records).toEqual(
        records.map((record, offset) => ({ ...record, topic: name, partition: 0, offset })),
      )
    })

    it('a key goes where Apache’s own producer puts it, and no key to each partition in turn', async () => {
      const name = await topic(4)
      const key = { key: bytes('kedge'), value: null }
      const places = (await cluster.append(name, [key, key, key])).map((one) => one.refusal ?? one.partition)
      expect(new Set(places).size).toBe(1)
      const turns: unknown[] = []
      for (let n = 0; n < 4; n++) {
        const [one] = await cluster.append(name, [{ key: null, value: null }])
        turns.push(one?.refusal ?? one?.partition)
      }
      expect(new Set(turns)).toEqual(new Set([0, 1, 2, 3]))
    })

    it('a record at the limit is taken, one byte more is refused, and others with it are not', async () => {
      const name = await topic(1, { 'max.message.bytes': '100000' })
      // The batch and the record have 72 bytes of their own here, as the broker counts.
      const most = 100_000 - 72
      const sized = (length: number) => ({
        key: null,
        value: new Uint8Array(length),
        partition: 0,
        timestamp: 0,
      })
      expect(await reasonsOf(name, sized(most))).toEqual([undefined])
      expect(await reasonsOf(name, sized(most + 1))).toEqual(['too-large'])
      const reasons = await reasonsOf(
        name,
        sized(10),
        sized(most + 1),
        sized(60_000),
        sized(60_000),
        sized(10),
      )
      expect(reasons).toEqual([undefined, 'too-large', undefined, undefined, undefined])
      const { records } = await read(name, 1)
      expect(records.map(({ value }) => value?.length)).toEqual([10, 60_000, 60_000, 10])
    })

    it('what a compacted topic does not take is refused for good, and others with it are not', async () => {
      const name = await topic(1, { 'cleanup.policy': 'compact' })
      const keyless = { key: null, value: bytes('v') }
      const keyed = { key: bytes('k'), value: bytes('v') }
      expect(await reasonsOf(name, keyless)).toEqual(['invalid'])
      expect(await reasonsOf(name, keyed, keyless, keyed, keyless)).toEqual([
        undefined,
        'invalid',
        undefined,
        'invalid',
      ])
      expect((await cluster.offsets(name, 0)).end).toBe(2)
    })

    it('a time that is none refuses its own record', async () => {
      const name = await topic()
      const record = { key: null, value: null }
      const times = [1.5, Number.NaN, undefined]
      const reasons = await reasonsOf(name, ...times.map((timestamp) => ({ ...record, timestamp })))
      expect(reasons).toEqual(['invalid', 'invalid', undefined])
    })

    it('thousands at once are each written once, in order for each caller', async () => {
      const name = await topic()
      const values = Array.from({ length: 5000 }, (_, n) => String(n))
      const appended = await Promise.all(values.map(async (value) => (await write(name, value))[0]))
      expect(appended.map((one) => one?.refusal ?? one?.offset)).toEqual(values.map(Number))
      expect(valuesOf(await read(name, 0))).toEqual(values)
    })
  })

  describe('reads', () => {
    it('a read begins at its offset, also in the middle of a batch', async () => {
      const name = await topic()
      await write(name, 'a', 'b', 'c')
      expect(valuesOf(await read(name, 1))).toEqual(['b', 'c'])
      expect(await read(name, 3)).toMatchObject({
        records: [],
        next: [{ topic: name, partition: 0, offset: 3 }],
        outOfRange: [],
      })
    })

    it('a read takes no more than it may, and goes on where it stopped', async () => {
      const name = await topic()
      await write(name, 'aaaa', 'bbbb', 'cccc')
      const first = await read(name, 0, { maxBytes: 8 })
      expect(valuesOf(first)).toEqual(['aaaa', 'bbbb'])
      expect(first.next[0]?.offset).toBe(2)
      expect(valuesOf(await read(name, 2, { maxBytes: 1 }))).toEqual(['cccc'])
    })

    it('a poll ends with the record that it waited for', async () => {
      const name = await topic()
      const polled = read(name, 0, { waitMs: A_LONG_TIME })
      await write(name, 'news')
      expect(valuesOf(await polled)).toEqual(['news'])
    })

    it('a poll ends without a record when its time is up', async () => {
      const name = await topic()
      const began = performance.now()
      expect((await read(name, 0, { waitMs: 300 })).records).toEqual([])
      expect(performance.now() - began).toBeGreaterThanOrEqual(299)
    })

    it('many polls wait beside each other, and none holds up a write or a read', async () => {
      const names = await Promise.all(Array.from({ length: 12 }, () => topic()))
      const polls = names.map((name) => read(name, 0, { waitMs: A_LONG_TIME }))
      for (const name of names.toReversed()) await write(name, name)
      expect((await Promise.all(polls)).map(valuesOf)).toEqual(names.map((name) => [name]))
    })

    it('more polls than may wait at once are served as well', async () => {
      const name = await topic()
      const polls = Array.from({ length: 300 }, () => read(name, 0, { waitMs: A_LONG_TIME }))
      await write(name, 'news')
      const found = await Promise.all(polls)
      expect(found.every((one) => valuesOf(one)[0] === 'news')).toBe(true)
    })

    it('a poll over several partitions ends with the first that has news', async () => {
      const name = await topic(3)
      const positions = [0, 1, 2].map((partition) => ({ topic: name, partition, offset: 0 }))
      const polled = cluster.read(positions, { ...AT_ONCE, waitMs: A_LONG_TIME })
      await cluster.append(name, [{ key: null, value: bytes('x'), partition: 1 }])
      expect((await polled).next.map(({ offset }) => offset)).toEqual([0, 1, 0])
    })

    it('an aborted poll rejects with the reason given, and the next poll works', async () => {
      const name = await topic()
      const controller = new AbortController()
      const polled = read(name, 0, { waitMs: A_LONG_TIME, signal: controller.signal })
      // By then the poll is at the broker as well.
      await cluster.offsets(name, 0)
      const reason = { any: 'value' }
      controller.abort(reason)
      expect(await reasonOf(polled)).toBe(reason)
      const other = await topic()
      const next = read(other, 0, { waitMs: A_LONG_TIME })
      await write(other, 'v')
      expect(valuesOf(await next)).toEqual(['v'])
    })

    it('what retention took is out of range, and so is what is not written yet', async () => {
      const name = await topic()
      await write(name, 'a', 'b', 'c')
      await admin.deleteRecords({ topics: [{ name, partitions: [{ partition: 0, offset: 2n }] }] })
      expect(await cluster.offsets(name, 0)).toMatchObject({ beginning: 2, end: 3 })
      for (const offset of [0, 1, 4]) {
        expect(await read(name, offset)).toMatchObject({
          records: [],
          next: [{ topic: name, partition: 0, offset }],
          outOfRange: [{ topic: name, partition: 0 }],
        })
      }
      expect(valuesOf(await read(name, 2))).toEqual(['c'])
    })

    it('a position out of range does not keep another from being read', async () => {
      const name = await topic(2)
      await cluster.append(name, [{ key: null, value: bytes('v'), partition: 1 }])
      const found = await cluster.read(
        [
          { topic: name, partition: 0, offset: 9 },
          { topic: name, partition: 1, offset: 0 },
        ],
        AT_ONCE,
      )
      expect(found.outOfRange).toEqual([{ topic: name, partition: 0 }])
      expect(valuesOf(found)).toEqual(['v'])
    })

    it('gaps of compaction are passed, and are not loss', async () => {
      const name = await topic(1, {
        'cleanup.policy': 'compact',
        'segment.ms': '1',
        'min.cleanable.dirty.ratio': '0.001',
        'max.compaction.lag.ms': '1',
        'delete.retention.ms': '0',
      })
      const put = (key: string, value: string) =>
        cluster.append(name, [{ key: bytes(key), value: bytes(value) }])
      for (const value of ['1', '2', '3']) await put('a', value)
      await put('b', '1')
      await expect
        .poll(
          async () => {
            // The cleaner takes closed segments only, and each write closes the one before.
            await put('c', 'roll')
            return (await read(name, 0)).records[0]?.offset
          },
          { timeout: 25_000, interval: 200 },
        )
        .toBe(2)
      const { end } = await cluster.offsets(name, 0)
      const seen: ClusterRecord[] = []
      let offset = 0
      while (offset < end) {
        const found = await read(name, offset)
        seen.push(...found.records)
        offset = found.next[0]!.offset
      }
      expect(seen.slice(0, 2).map((record) => [record.offset, text(record.value)])).toEqual([
        [2, '3'],
        [3, '1'],
      ])
      expect(offset).toBeGreaterThanOrEqual(end)
    })

    it('a time is found as the first record that is not older', async () => {
      const name = await topic()
      const at = (timestamp: number) => ({ key: null, value: bytes('v'), partition: 0, timestamp })
      await cluster.append(name, [at(1000), at(2000), at(3000)])
      const found = [0, 1000, 1001, 3000, 3001, -1].map((timestamp) => cluster.offsetAt(name, 0, timestamp))
      expect(await Promise.all(found)).toEqual([0, 0, 1, 2, 3, 0])
    })

    it('bounds are sampled after the question, however many callers ask', async () => {
      const name = await topic()
      for (let n = 1; n <= 20; n++) {
        const early = [cluster.offsets(name, 0), cluster.offsets(name, 0)]
        await write(name, String(n))
        expect((await cluster.offsets(name, 0)).end).toBe(n)
        await Promise.all(early)
      }
    })
  })

  describe('transactions', () => {
    const producer = (id: string) =>
      new Producer({
        clientId: id,
        transactionalId: id,
        idempotent: true,
        bootstrapBrokers: [broker.bootstrap],
      })
    const message = (name: string, value: string) => ({
      acks: -1,
      messages: [{ topic: name, partition: 0, key: Buffer.from('k'), value: Buffer.from(value) }],
    })
    const committed = { isolation: 'committed' } as const

    it('an aborted record is seen only by readers of uncommitted records', async () => {
      const name = await topic()
      const writer = producer('aborts')
      await write(name, 'before')
      const transaction = await writer.beginTransaction()
      await transaction.send(message(name, 'aborted'))
      await transaction.abort()
      // The marker is written after the answer.
      await expect.poll(async () => (await cluster.offsets(name, 0)).end).toBe(3)
      await write(name, 'after')
      const again = await writer.beginTransaction()
      await again.send(message(name, 'committed'))
      await again.commit()
      await expect.poll(async () => (await cluster.offsets(name, 0)).end).toBe(6)
      await writer.close()

      expect(valuesOf(await read(name, 0))).toEqual(['before', 'aborted', 'after', 'committed'])
      const found = await read(name, 0, committed)
      expect(valuesOf(found)).toEqual(['before', 'after', 'committed'])
      // Two markers lie between and after the records; the position passes both.
      expect(found.records.map(({ offset }) => offset)).toEqual([0, 3, 4])
      const { end } = await cluster.offsets(name, 0)
      expect(found.next[0]?.offset).toBe(end)
      expect(valuesOf(await read(name, 1, committed))).toEqual(['after', 'committed'])
    })

    it('an open transaction hides what follows from readers of committed records alone', async () => {
      const name = await topic()
      const writer = producer('opens')
      const transaction = await writer.beginTransaction()
      await transaction.send(message(name, 'open'))
      await write(name, 'behind')
      expect(valuesOf(await read(name, 0))).toEqual(['open', 'behind'])
      expect((await cluster.offsets(name, 0)).end).toBe(2)
      const hidden = await read(name, 0, committed)
      expect([valuesOf(hidden), hidden.next[0]?.offset, hidden.outOfRange]).toEqual([[], 0, []])

      const polled = read(name, 0, { ...committed, waitMs: A_LONG_TIME })
      await transaction.commit()
      expect(valuesOf(await polled)).toEqual(['open', 'behind'])
      await writer.close()
    })
  })

  it('records of Apache’s own producer are read, however they are compressed', async () => {
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
    const targets = await Promise.all(codecs.map(async (codec) => ({ codec, name: await topic() })))
    await produceByJava(
      broker.bootstrap,
      200,
      targets.map(({ codec, name }) => `${name}:${codec}`),
    )
    const expected = Array.from({ length: 200 }, (_, n) => [n, `key-${n}`, `${'value '.repeat(20)}${n}`])
    for (const { name } of targets) {
      const { records } = await read(name, 0)
      expect(records.map(({ offset, key, value }) => [offset, text(key), text(value)])).toEqual(expected)
    }
  })
})
