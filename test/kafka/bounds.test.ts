/** The bounds of a partition on a real broker: of the moment, however often they were asked for before. */
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaCluster, type KafkaCluster } from '../../services/gateway/index.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'

describe.skipIf(withoutKafka())('Bounds from a real broker', () => {
  let broker: Broker
  let cluster: KafkaCluster
  let admin: Admin

  beforeAll(async () => {
    broker = await startBroker()
    cluster = kafkaCluster({ brokers: [broker.bootstrap], requestTimeoutMs: 30_000 })
    admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker.bootstrap] })
  })

  afterAll(async () => {
    await admin?.close()
    await cluster?.close()
    await broker?.stop()
  })

  const write = async (topic: string, count = 1) => {
    const value = new Uint8Array(100)
    const records = Array.from({ length: count }, () => ({ key: null, value, partition: 0 }))
    for (const { refusal } of await cluster.append(topic, records)) expect(refusal).toBeUndefined()
  }

  it('hold every record that was acknowledged before they were asked for', async () => {
    const { name } = await cluster.createTopic('ends', { partitions: 1 })
    for (let end = 0; end < 50; end++) {
      expect(await cluster.offsets(name, 0)).toMatchObject({ beginning: 0, end })
      await write(name)
    }
    const many = await Promise.all(
      Array.from({ length: 20 }, async () => {
        await write(name, 5)
        return (await cluster.offsets(name, 0)).end
      }),
    )
    expect(Math.max(...many)).toBe(150)
    expect(Math.min(...many)).toBeGreaterThanOrEqual(55)
  })

  it('follow what is taken from the beginning', async () => {
    const { name } = await cluster.createTopic('beginnings', { partitions: 1 })
    await write(name, 9)
    for (const offset of [2, 5, 9]) {
      await admin.deleteRecords({
        topics: [{ name, partitions: [{ partition: 0, offset: BigInt(offset) }] }],
      })
      expect(await cluster.offsets(name, 0)).toMatchObject({ beginning: offset, end: 9 })
      expect(await cluster.offsets(name, 0)).toMatchObject({ beginning: offset, end: 9 })
    }
  })

  it.each([0, 3, 9])('are those of the new log, of %i records, when a topic was recreated', async (count) => {
    const { name, id } = await cluster.createTopic(`anew-${count}`, { partitions: 1 })
    await write(name, 3)
    for (let asked = 0; asked < 3; asked++) expect((await cluster.offsets(name, 0)).logId).toBe(id)
    await cluster.remove(name)
    const other = await cluster.createTopic(name, { partitions: 1 })
    if (count > 0) await write(name, count)
    for (let asked = 0; asked < 3; asked++) {
      expect(await cluster.offsets(name, 0)).toMatchObject({ beginning: 0, end: count, logId: other.id })
    }
  })

  it('come from the leader after a restart, which is another epoch of the same broker', async () => {
    const { name } = await cluster.createTopic('epochs', { partitions: 1 })
    await write(name, 4)
    const before = await cluster.offsets(name, 0)
    await broker.restart()
    await write(name, 2)
    const after = await cluster.offsets(name, 0)
    expect(after).toMatchObject({ beginning: 0, end: 6, logId: before.logId })
    expect(after.leaderEpoch).toBeGreaterThan(before.leaderEpoch!)
    expect(await cluster.offsets(name, 0)).toEqual(after)
  })
})
