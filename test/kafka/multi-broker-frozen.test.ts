/** Which ends the gateway answers when a leader stood still while another took its place, and what knowing it costs. */
import { performance } from 'node:perf_hooks'
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { kafkaCluster } from '../../services/gateway/index.ts'
import type { KafkaCluster } from '../../services/gateway/index.ts'
import { LIST_OFFSETS, METADATA } from '../../services/gateway/kafka/requests.ts'
import { FETCH } from '../../services/gateway/kafka/fetch.ts'
import { BrokerConnection } from '../../services/gateway/kafka/broker-connection.ts'
import { withoutKafka } from './broker.ts'
import { type Brokers, startBrokers } from './brokers.ts'
import { createPlaced } from './placed-topic.ts'

const PATIENT = { timeout: 30_000, interval: 20 }
/** That of the brokers for tests. */
const SESSION_MS = 2000

describe.skipIf(withoutKafka())(
  'A leader that was frozen while another took over',
  { timeout: 90_000 },
  () => {
    let brokers: Brokers
    let admin: Admin
    let topics = 0
    const clusters: KafkaCluster[] = []

    beforeAll(async () => {
      brokers = await startBrokers(3)
      admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers.ids.map(brokers.address), retries: 20 })
    }, 180_000)

    afterAll(async () => {
      await Promise.all(clusters.map((cluster) => cluster.close()))
      await admin?.close()
      await brokers?.stop()
    })

    const over = (ids: readonly number[], requestTimeoutMs = 20_000): KafkaCluster => {
      const options = { requestTimeoutMs, sessionTimeoutMs: SESSION_MS }
      const cluster = kafkaCluster({ brokers: ids.map(brokers.address), ...options })
      clusters.push(cluster)
      return cluster
    }

    /** A topic that a broker leads which is not the active controller, and a writer of it that gives up soon. */
    async function begin() {
      const writer = over(brokers.ids, 2000)
      const controller = await brokers.controller()
      const [leader = 0, other = 0] = brokers.ids.filter((id) => id !== controller)
      const name = await createPlaced(admin, {
        name: `frozen-${topics++}`,
        on: [leader, other, controller],
        configs: { 'min.insync.replicas': '2' },
      })
      const acknowledged: { readonly at: number; readonly end: number }[] = []
      const write = async () => {
        const [one] = await writer.append(name, [{ key: null, value: Uint8Array.of(1), partition: 0 }])
        if (one && !one.refusal) acknowledged.push({ at: performance.now(), end: one.offset + 1 })
        return one
      }
      await expect.poll(write, PATIENT).toHaveProperty('offset')
      const inSync = () =>
        expect
          .poll(async () => {
            const found = await admin.metadata({ topics: [name], forceUpdate: true })
            return found.topics.get(name)?.partitions[0]?.isr.length
          }, PATIENT)
          .toBe(3)
      return { name, leader, acknowledged, write, inSync }
    }

    it('is not used by a client that meets it first when it wakes', async () => {
      const { name, leader, acknowledged, write, inSync } = await begin()
      brokers.pause(leader)
      await expect.poll(write, PATIENT).toHaveProperty('offset')
      await write()
      // The old leader describes the cluster to it, as to a client that has looked within two seconds.
      const asked = over([leader]).offsets(name, 0)
      brokers.resume(leader)
      const { end } = await asked
      expect(end).toBeGreaterThanOrEqual(acknowledged.at(-1)!.end)
      await inSync()
    })

    it('is not used by clients that have followed it all along, polling and reading; they go on', async () => {
      const { name, leader, acknowledged, write, inSync } = await begin()
      const told: { readonly asked: number; readonly end: number }[] = []
      const failures: unknown[] = []
      let stopped = false
      const follow = async (ask: () => Promise<number | undefined>) => {
        while (!stopped) {
          const asked = performance.now()
          try {
            const end = await ask()
            if (end !== undefined) told.push({ asked, end })
          } catch (error) {
            failures.push(error)
          }
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      }
      const poller = over(brokers.ids)
      const reader = over(brokers.ids)
      const readerOf = (cluster: KafkaCluster, waitMs: number) => async () => {
        const position = { topic: name, partition: 0, offset: acknowledged.at(-1)?.end ?? 0 }
        const { bounds, outOfRange } = await cluster.read([position], { maxBytes: 1000, waitMs })
        // A position that was acknowledged is never out of range.
        return outOfRange.length > 0 ? -1 : bounds?.[0]?.end
      }
      const following = [
        follow(async () => (await poller.offsets(name, 0)).end),
        follow(readerOf(poller, 0)),
        follow(readerOf(reader, 300)),
        follow(async () => (await reader.offsets(name, 0)).end),
      ]
      await expect.poll(() => told.length, PATIENT).toBeGreaterThan(100)
      brokers.pause(leader)
      await expect.poll(write, PATIENT).toHaveProperty('offset')
      await write()
      const woken = performance.now()
      brokers.resume(leader)
      // Some meet it now.
      const late = Array.from({ length: 5 }, () => over([leader]))
      following.push(...late.map((cluster) => follow(async () => (await cluster.offsets(name, 0)).end)))
      await inSync()
      for (let n = 0; n < 20; n++) await write()
      const { end } = acknowledged.at(-1)!
      await expect.poll(() => told.filter((one) => one.end >= end).length, PATIENT).toBeGreaterThan(50)
      stopped = true
      await Promise.all(following)
      expect(told.filter(({ asked }) => asked > woken).length).toBeGreaterThan(50)
      const low = told.filter(({ asked, end: seen }) =>
        acknowledged.some((one) => one.at < asked && one.end > seen),
      )
      expect(low).toEqual([])
      expect(failures).toEqual([])
    })

    it('and was the active controller as well holds no writer up that has written before', async () => {
      const controller = await brokers.controller()
      const on = [controller, ...brokers.ids.filter((id) => id !== controller)]
      const name = await createPlaced(admin, { name: `frozen-${topics++}`, on })
      const writer = over(brokers.ids, 2000)
      const write = async () => (await writer.append(name, [{ key: null, value: null, partition: 0 }]))[0]
      await expect.poll(write, PATIENT).toHaveProperty('offset')
      await write()
      brokers.pause(controller)
      try {
        // It is always a broker, also while the others elect one.
        let next = controller
        while (next === controller) next = await brokers.controller()
        expect(brokers.ids).toContain(next)
        // The others wait half a minute for it before they give out ids.
        await expect.poll(write, { timeout: 20_000, interval: 20 }).toHaveProperty('offset')
      } finally {
        brokers.resume(controller)
      }
    })

    it('costs polls nothing while no broker is silent: one request each, and one look in two seconds', async () => {
      const { name } = await begin()
      const cluster = over(brokers.ids)
      await cluster.offsets(name, 0)
      await cluster.offsets(name, 0)
      const request = vi.spyOn(BrokerConnection.prototype, 'request')
      const began = performance.now()
      for (let n = 0; n < 100; n++) {
        await cluster.offsets(name, 0)
        await cluster.read([{ topic: name, partition: 0, offset: 1 }], { maxBytes: 1, waitMs: 40 })
      }
      const looks = Math.ceil((performance.now() - began) / 2000)
      const count = (key: number | undefined) =>
        request.mock.calls.filter(([versions]) => versions[0]?.key === key).length
      expect(count(FETCH[0]?.key)).toBe(200)
      expect(count(LIST_OFFSETS[0]?.key)).toBe(0)
      expect(count(METADATA[0]?.key)).toBeLessThanOrEqual(looks)
      expect(request.mock.calls.length).toBeLessThanOrEqual(200 + looks)
    })
  },
)
