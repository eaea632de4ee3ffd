/**
 * The contract of a log, kept by each REST proxy that is named.
 *
 * `docker compose up --wait`, then `KEDGE_PROXIES=compose npm run test:kafka`. See docs/adapters.md.
 */
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { kafkaRest } from '../../adapters/kafka/kafka-rest.ts'
import type { LogCapabilities } from '../../src/ports/kafka-log.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { GATEWAY, kindOf, namedProxies } from './proxies.ts'

const PROXIES = namedProxies(process.env['KEDGE_PROXIES'] ?? '')
if (PROXIES.length === 0) {
  process.stderr.write(
    '\nNOT TESTED on any REST proxy but the gateway: none is named. `docker compose up --wait`, then ' +
      '`KEDGE_PROXIES=compose npm run test:kafka`, or name your own (docs/adapters.md).\n',
  )
}

describe('The proxies to be tested', () => {
  it('are named with their addresses, credentials and brokers', () => {
    expect(
      namedProxies('confluent=http://127.0.0.1:8082, strimzi=https://a%40b:c:d@bridge.test/x/#kafka.test:9'),
    ).toEqual([
      { name: 'confluent', url: 'http://127.0.0.1:8082', broker: '127.0.0.1:9092' },
      {
        name: 'strimzi',
        url: 'https://bridge.test/x',
        broker: 'kafka.test:9',
        auth: { username: 'a@b', password: 'c:d' },
      },
    ])
  })

  it('are those of compose.yaml by one word, and none where none is named', () => {
    const names = namedProxies('compose').map(({ name }) => name)
    expect(names).toEqual(['confluent', 'strimzi', 'karapace', 'redpanda'])
    expect(namedProxies('')).toEqual([])
  })

  it.each(['confluent', 'confluent=', 'confluent=127.0.0.1:8082', 'other=http://me:secret@127.0.0.1', ','])(
    'are refused where they are given as %s',
    (given) => {
      expect(() => namedProxies(given)).toThrow(/^KEDGE_PROXIES (?!.*secret)/)
    },
  )
})

describe.each(PROXIES)('$name at $url', { timeout: 120_000 }, ({ name, broker, ...address }) => {
  const { open, capabilities, tombstones, gatewayToo } = kindOf(name)
  let admin: Admin

  beforeAll(() => {
    admin = new Admin({ clientId: 'kedge-test', bootstrapBrokers: [broker], retries: 5 })
  })

  afterAll(() => admin?.close())

  /** Resolves when the proxy knows it as well; another client asks, so that the log under test is new. */
  async function topic(partitions: number): Promise<string> {
    const made = `kedge-suite-${randomUUID()}`
    await admin.createTopics({ topics: [made], partitions, replicas: 1 })
    const other = await open(address)
    await vi.waitFor(() => other.offsets(made), { timeout: 30_000, interval: 200 })
    await other.close?.()
    return made
  }

  async function underTest() {
    const log = await open(address)
    const made: string[] = []
    return {
      log,
      async topic(partitions: number) {
        made.push(await topic(partitions))
        return made.at(-1)!
      },
      async recreate(topicName: string) {
        await admin.deleteTopics({ topics: [topicName] })
        await vi.waitFor(
          () => admin.createTopics({ topics: [topicName], partitions: 1, replicas: 1 }),
          20_000,
        )
      },
      async truncate(topicName: string, partition: number, offset: number) {
        const partitions = [{ partition, offset: BigInt(offset) }]
        await admin.deleteRecords({ topics: [{ name: topicName, partitions }] })
      },
      async close() {
        await log.close?.()
        if (made.length > 0) await admin.deleteTopics({ topics: made })
      },
    }
  }

  /** Those of the adapter; the gateway is recognised as itself, whatever it is tested as. */
  async function expected(): Promise<LogCapabilities> {
    if (!gatewayToo) return capabilities
    const { username, password } = address.auth ?? { username: '', password: '' }
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    const answer = await fetch(address.url, { headers: address.auth ? { authorization } : {} })
    return (await answer.text()).includes('"kedge gateway"') ? GATEWAY : capabilities
  }

  // For Upstash's protocol there is no recognition: its adapter needs a package of its own.
  if (name !== 'upstash') {
    it('is recognised by kafkaRest(), which writes to it and reads from it', async () => {
      const made = await topic(1)
      const log = kafkaRest(address)
      const value = new TextEncoder().encode('v')
      expect(await log.produce(made, [{ key: null, value, partition: 0 }])).toEqual([
        { partition: 0, offset: 0 },
      ])
      const found = []
      for (let reads = 0; reads < 10 && found.length === 0; reads++) {
        const options = { maxBytes: 100_000, waitMs: 0, isolation: 'uncommitted' } as const
        found.push(...(await log.read(made, [{ partition: 0, offset: 0 }], options)).records)
      }
      expect(found.map((record) => [...(record.value ?? [])])).toEqual([[...value]])
      expect(log.capabilities).toEqual(await expected())
      await log.close?.()
      await admin.deleteTopics({ topics: [made] })
    })
  }

  logSuite({
    name: `${name}()`,
    capabilities,
    truncates: true,
    tombstones: tombstones === true,
    create: underTest,
    describe,
    it: (title, body) => {
      if (tombstones !== 'refused' || title !== 'a null value comes back empty') it(title, body)
    },
    expect,
  })
})
