import process from 'node:process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import { type Broker, kafkaAvailable, startBroker, withoutKafka } from './broker.ts'

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.skipIf(withoutKafka())('The broker of the tests', () => {
  let broker: Broker

  beforeAll(async () => {
    broker = await startBroker()
  })

  afterAll(() => broker?.stop())

  const open = () => kafkaCluster({ brokers: [broker.bootstrap] })

  it('is there whenever nothing is said to be missing', () => {
    expect([kafkaAvailable(), alive(broker.pid)]).toEqual([undefined, true])
  })

  it('keeps its topics, its records and its address over a kill', async () => {
    const before = open()
    const { id } = await before.createTopic('kept', { partitions: 1 })
    await before.append('kept', [{ key: null, value: Uint8Array.of(1), partition: 0 }])
    await before.close()
    const { bootstrap, pid } = broker
    broker.kill()
    await broker.restart()
    expect([broker.bootstrap, alive(pid)]).toEqual([bootstrap, false])
    const after = open()
    expect(await after.offsets('kept', 0)).toMatchObject({ beginning: 0, end: 1, logId: id })
    await after.close()
  })

  it('answers again after a pause', async () => {
    const cluster = open()
    await cluster.topics()
    broker.pause()
    const asked = cluster.topics()
    broker.resume()
    expect(Array.isArray(await asked)).toBe(true)
    await cluster.close()
  })

  it('leaves no process behind when it is stopped, even while it pauses', async () => {
    const other = await startBroker()
    other.pause()
    await other.stop()
    expect(alive(other.pid)).toBe(false)
  })
})
