/** `kedge sync` by its command line, from a real Kafka into a real Redis. */
import process from 'node:process'
import { Admin } from '@platformatic/kafka'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import type { KafkaCluster } from '../../services/gateway/kafka/index.ts'
import { partitionOf } from '../../src/wire/partitioner.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { kedge as run } from '../cli/harness.ts'
import type { Surroundings } from '../cli/harness.ts'
import { startRedis, withoutRedis } from '../store-servers/redis.ts'
import type { RedisServer } from '../store-servers/redis.ts'
import { withoutKafka } from './broker.ts'
import { sharedBroker } from './shared-broker.ts'

const SEED = Number(process.env['KEDGE_SEED'] ?? Math.floor(Math.random() * 1e9))
const utf8 = (text: string) => new TextEncoder().encode(text)

const kedge = (args: readonly string[], around: Surroundings = {}) =>
  run(args, { runtime: systemRuntime(), fetch, connect: kafkaCluster, ...around })

describe.skipIf((withoutKafka() ?? withoutRedis()) !== undefined)(
  'kedge sync from a real Kafka into a real Redis',
  () => {
    let cluster: KafkaCluster
    let redis: RedisServer
    let brokers: string
    beforeAll(async () => {
      brokers = sharedBroker()
      cluster = kafkaCluster({ brokers: [brokers] })
      redis = await startRedis()
    })
    afterAll(async () => {
      await cluster?.close()
      await redis?.stop()
    })

    let databases = 0
    function into() {
      const to = `redis://127.0.0.1:${redis.port}/${databases++}`
      const client = new Redis(to)
      onTestFinished(() => client.disconnect())
      const all = async (pattern: string) => {
        const keys = await client.keys(pattern)
        const values = keys.length === 0 ? [] : await client.mget(keys)
        return Object.fromEntries(keys.map((key, n) => [key, values[n]]))
      }
      return { args: ['--brokers', brokers, '--to', to], all }
    }

    async function produced(topic: string, partition: number, key: string, value: string | null) {
      const record = { key: utf8(key), value: value === null ? null : utf8(value), partition }
      const [appended] = await cluster.append(topic, [record])
      expect(appended!.refusal).toBe(undefined)
    }

    it('names a topic that is not there, and what makes it', async () => {
      const { args } = into()
      const { code, err } = await kedge(['sync', '--topic', 'nope', '--key', '{key}', '--once', ...args])
      expect(code).toBe(1)
      expect(err).toMatch(
        /^kedge: the topic nope does not exist: .*kedge topics create --only updates --updates-topic nope/,
      )
      expect(err.split('\n')).toHaveLength(2)
    })

    it.each([false, true])(
      `equals the table whose events Debezium writes (schema: %s, seed ${SEED})`,
      async (withSchema) => {
        const topic = `shop.public.orders.${withSchema}`
        await cluster.createTopic(topic, { partitions: 3 })
        const random = seededRandom(SEED)
        const below = (most: number) => Math.floor(random() * most)
        const schema = (name: string) => ({
          type: 'struct',
          fields: [],
          optional: false,
          name: `shop.public.orders.${name}`,
        })
        const wrapped = (name: string, payload: string) =>
          withSchema ? `{"schema":${JSON.stringify(schema(name))},"payload":${payload}}` : payload
        const source =
          '{"version":"3.3.1.Final","connector":"postgresql","name":"shop","ts_ms":1700000000000,"table":"orders"}'
        const table = new Map<string, string>()
        const emit = async (id: string, op: string, after: string | null) => {
          const before = table.get(id) ?? null
          const key = wrapped('Key', `{"shop":"eu:1","id":${id}}`)
          const event = `{"before":${before},"after":${after},"source":${source},"op":"${op}","ts_ms":1700000000142}`
          const partition = partitionOf(utf8(key), 3)
          await produced(topic, partition, key, wrapped('Envelope', event))
          if (after !== null) table.set(id, after)
          else if (table.delete(id) && random() < 0.5) await produced(topic, partition, key, null)
        }
        const row = (id: string, n: number) => `{"shop":"eu:1","id":${id},"total":${n}.10}`
        for (let n = 0; n < 300; n++) {
          const id = `9007199254740${below(30) + 970}`
          const what = random()
          if (!table.has(id)) await emit(id, 'c', row(id, n))
          else if (what < 0.6) await emit(id, 'u', row(id, n))
          else if (what < 0.8) await emit(id, 'd', null)
          else {
            // Its key changes: Debezium deletes the one row, and makes the other.
            await emit(id, 'd', null)
            const other = `8${id}`
            await emit(other, table.has(other) ? 'u' : 'c', row(other, n))
          }
        }
        await produced(topic, 0, '{"serverName":"shop"}', wrapped('Heartbeat', '{"ts_ms":1700000000000}'))
        const { args, all } = into()
        const told = ['sync', '--topic', topic, '--format', 'debezium', '--once', '--max-batch', '9']
        const { code, err, out } = await kedge([...told, ...args])
        expect([code, err]).toEqual([0, ''])
        expect(out).toContain('at the end: ')
        expect(await all(`${topic}:*`)).toEqual(
          Object.fromEntries([...table].map(([id, value]) => [`${topic}:eu%3A1:${id}`, value])),
        )
        expect(table.size).toBeGreaterThan(5)
      },
      60_000,
    )

    it('says once that the topic grew, and that keys are met in two partitions', async () => {
      const topic = 'growing'
      await cluster.createTopic(topic, { partitions: 1 })
      const keys = Array.from({ length: 20 }, (_, n) => `key-${n}`)
      const older = (key: string) => ({ key: utf8(key), value: utf8('older'), partition: 0 })
      await cluster.append(topic, [...keys, ...keys].map(older))
      const { args, all } = into()
      const stop = new AbortController()
      let told = ''
      const running = kedge(
        ['sync', '--topic', topic, '--key', 'c:{key}', '--listen', '127.0.0.1:0', ...args],
        {
          stop: stop.signal,
          onOut: (text) => (told += text),
        },
      )
      onTestFinished(() => stop.abort())
      await expect.poll(() => told, { timeout: 30_000 }).toContain('at the end: 40 records')
      const admin = new Admin({ clientId: 'test', bootstrapBrokers: [brokers] })
      onTestFinished(() => admin.close())
      await admin.createPartitions({ topics: [{ name: topic, count: 3 }] })
      const newer = (key: string) => ({
        key: utf8(key),
        value: utf8('newer'),
        partition: partitionOf(utf8(key), 3),
      })
      await expect
        .poll(async () => (await cluster.append(topic, keys.map(newer))).every(({ refusal }) => !refusal), {
          timeout: 30_000,
          interval: 1000,
        })
        .toBe(true)
      const url = /http:\/\/\S+/.exec(told)![0]
      const moved = async () =>
        /^kedge_sync_moved_keys_total\{.*\} (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]
      await expect.poll(async () => Number(await moved()), { timeout: 40_000 }).toBeGreaterThan(5)
      expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
        /^kedge_sync_topic_growths_total\{.*\} 1$/m,
      )
      stop.abort()
      const { code, err } = await running
      expect(code).toBe(0)
      const lines = err.trim().split('\n')
      expect(lines).toHaveLength(2)
      expect(lines.join('\n')).toMatch(/the topic has 3 partitions now, after 1: .*--version-by timestamp/)
      expect(lines.join('\n')).toMatch(
        /c:key-\d+ came in partition 0 and in [12] .*default partitioner puts it into [12] of 3/,
      )
      // The warning is right, and its advice helps.
      expect(new Set(Object.values(await all('c:*')))).toEqual(new Set(['older', 'newer']))
      const again = into()
      const by = ['--version-by', 'timestamp', '--once', ...again.args]
      const advised = await kedge(['sync', '--topic', topic, '--key', 'c:{key}', ...by])
      expect([advised.code, advised.err]).toEqual([0, ''])
      expect(new Set(Object.values(await again.all('c:*')))).toEqual(new Set(['newer']))
    }, 120_000)
  },
)
