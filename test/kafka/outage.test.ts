import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import type { KafkaCluster } from '../../services/gateway/kafka/index.ts'
import { Refusal } from '../../services/gateway/refusal.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'
import { type LossyProxy, lossyProxy } from './lossy-proxy.ts'

const AT_ONCE = { maxBytes: 10_000_000, waitMs: 0 }
const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'it resolved',
    (error: unknown) => (error instanceof Refusal ? error.reason : error),
  )

describe.skipIf(withoutKafka())('A cluster whose broker fails', () => {
  let broker: Broker
  let proxy: LossyProxy
  let cluster: KafkaCluster
  let hasty: KafkaCluster
  let topics = 0

  beforeAll(async () => {
    proxy = await lossyProxy(() => broker.bootstrap)
    // A client that asks for the brokers gets the proxy's address.
    broker = await startBroker({ properties: { 'advertised.listeners': `PLAINTEXT://${proxy.address}` } })
    cluster = kafkaCluster({ brokers: [proxy.address], requestTimeoutMs: 20_000 })
    hasty = kafkaCluster({ brokers: [proxy.address], requestTimeoutMs: 500 })
  })

  afterAll(async () => {
    await cluster?.close()
    await hasty?.close()
    await proxy?.close()
    await broker?.stop()
  })

  const topic = async () => (await cluster.createTopic(`topic-${topics++}`, { partitions: 1 })).name
  const write = async (by: KafkaCluster, name: string, value: number) => {
    const [one] = await by.append(name, [{ key: null, value: Uint8Array.of(value), partition: 0 }])
    return one?.refusal?.reason ?? one
  }
  const read = async (name: string, offset: number, waitMs = 0) => {
    const { records } = await cluster.read([{ topic: name, partition: 0, offset }], { ...AT_ONCE, waitMs })
    return records.map(({ value }) => value?.[0])
  }

  it('a write whose answer is lost is written once, and resolves with its offset', async () => {
    const name = await topic()
    await write(cluster, name, 1)
    for (let value = 2; value <= 4; value++) {
      proxy.loseNextAnswer()
      expect(await write(cluster, name, value)).toMatchObject({ offset: value - 1 })
    }
    expect(proxy.lost).toBe(3)
    expect(await read(name, 0)).toEqual([1, 2, 3, 4])
  })

  it('bounds and reads whose answer is lost are asked for again', async () => {
    const name = await topic()
    await write(cluster, name, 1)
    proxy.loseNextAnswer()
    expect(await cluster.offsets(name, 0)).toMatchObject({ beginning: 0, end: 1 })
    proxy.loseNextAnswer()
    expect(await read(name, 0)).toEqual([1])
  })

  it('while the broker is dead every call is refused as unavailable; afterwards each works', async () => {
    const name = await topic()
    expect(await write(hasty, name, 1)).toMatchObject({ offset: 0 })
    const position = [{ topic: name, partition: 0, offset: 0 }]
    broker.kill()
    const calls = [
      hasty.read(position, AT_ONCE),
      hasty.read(position, { ...AT_ONCE, waitMs: 100 }),
      hasty.offsets(name, 0),
      hasty.offsetAt(name, 0, 1),
      hasty.topics(),
      hasty.brokers(),
      hasty.describe('another'),
      hasty.create('another', 1),
      hasty.remove(name),
      hasty.configs(name),
    ]
    expect(new Set(await Promise.all(calls.map(reasonOf)))).toEqual(new Set(['unavailable']))
    expect(await write(hasty, name, 9)).toBe('unavailable')
    await broker.restart()
    await expect.poll(() => write(hasty, name, 2), { timeout: 20_000 }).toMatchObject({ offset: 1 })
    expect((await hasty.read(position, AT_ONCE)).records.map(({ value }) => value?.[0])).toEqual([1, 2])
    expect(await hasty.offsets(name, 0)).toMatchObject({ beginning: 0, end: 2 })
  })

  it('a poll and a write outlast a kill and a restart, if they have the time', async () => {
    const name = await topic()
    await write(cluster, name, 1)
    const polled = read(name, 1, 120_000)
    broker.kill()
    const written = write(cluster, name, 2)
    await broker.restart()
    expect(await written).toMatchObject({ offset: 1 })
    expect(await polled).toEqual([2])
  })

  it('while the broker hangs calls are refused in time; afterwards each works', async () => {
    const name = await topic()
    await write(hasty, name, 1)
    broker.pause()
    try {
      const began = performance.now()
      expect(await reasonOf(hasty.offsets(name, 0))).toBe('unavailable')
      expect(await write(hasty, name, 2)).toBe('unavailable')
      expect(performance.now() - began).toBeLessThan(5000)
    } finally {
      broker.resume()
    }
    await expect.poll(() => write(hasty, name, 3), { timeout: 20_000 }).toMatchObject({ partition: 0 })
    // What was refused may have been written, and if so, once.
    expect([
      [1, 3],
      [1, 2, 3],
    ]).toContainEqual(await read(name, 0))
  })

  it('a server that is no broker is refused as unavailable', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    )
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const none = kafkaCluster({ brokers: [`127.0.0.1:${port}`], requestTimeoutMs: 500 })
    expect(await reasonOf(none.topics())).toBe('unavailable')
    await none.close()
    server.close()
  })

  it('the first broker that answers is enough', async () => {
    const some = kafkaCluster({ brokers: ['127.0.0.1:1', proxy.address] })
    expect(await some.brokers()).toHaveLength(1)
    await some.close()
  })

  it('a closed cluster refuses, also what was under way', async () => {
    const name = await topic()
    const closing = kafkaCluster({ brokers: [proxy.address] })
    await closing.offsets(name, 0)
    const polled = closing.read([{ topic: name, partition: 0, offset: 0 }], { ...AT_ONCE, waitMs: 120_000 })
    await closing.close()
    expect(await reasonOf(polled)).toBe('unavailable')
    expect(await reasonOf(closing.topics())).toBe('unavailable')
    expect(await write(closing, name, 1)).toBe('unavailable')
  })
})
