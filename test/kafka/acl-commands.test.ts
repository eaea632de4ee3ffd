/** The commands of docs/security.md, run by Kafka's own tool on a broker with ACLs: each principal may what the page says. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import type { KafkaCluster } from '../../services/gateway/kafka/index.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'
import { kafkaTools } from './jars.ts'

const run = promisify(execFile)
const PAGE = new URL('../../docs/security.md', import.meta.url)
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'

const TOPICS = ['cache-evictions', 'cache-updates', 'cache-requests', 'cache-writes', 'cache-audit'] as const
/** By the topics above: `r` may read, `w` may write. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  'kedge-gateway': ['rw', 'rw', 'w', 'w', 'w'],
  'orders-service': ['w', '', '', '', ''],
  'kedge-sync': ['r', 'r', '', '', ''],
  'kedge-loader': ['r', 'w', 'r', '', ''],
  'kedge-persister': ['w', '', '', 'r', ''],
  'kedge-ops': ['', '', '', '', ''],
  stranger: ['', '', '', '', ''],
}

/** What stands after `kafka-acls.sh`. */
const commands = readFileSync(PAGE, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('kafka-acls.sh '))
  .map((line) => line.split(/\s+/).slice(1))

describe.skipIf(withoutKafka())('The ACLs of the security page', () => {
  let broker: Broker
  const clusters: KafkaCluster[] = []

  beforeAll(async () => {
    const users = Object.keys(MAY).map((name) => `user_${name}="${name}-secret"`)
    broker = await startBroker({
      listeners: { SASL: 'SASL_PLAINTEXT' },
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        // The broker itself and the tool come without credentials.
        'super.users': 'User:ANONYMOUS',
        'sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.sasl.plain.sasl.jaas.config': `${PLAIN} required ${users.join(' ')};`,
      },
    })
    const admin = kafkaCluster({ brokers: [broker.bootstrap] })
    clusters.push(admin)
    for (const name of [...TOPICS, 'payroll']) {
      await admin.create(name, 1)
      await admin.append(name, [{ key: null, value: Uint8Array.of(7), partition: 0 }])
    }
    const tools = await kafkaTools()
    for (const command of commands) {
      const here = command.filter(
        (word, at) => word !== '--command-config' && command[at - 1] !== '--command-config',
      )
      const args = here.map((word) => (word === 'kafka-1:9093' ? broker.bootstrap : word))
      const { stdout } = await run('java', [...tools, 'org.apache.kafka.tools.AclCommand', ...args])
      expect(stdout).toContain('Adding ACLs for resource')
    }
  }, 300_000)

  afterAll(async () => {
    for (const cluster of clusters) await cluster.close()
    await broker?.stop()
  })

  function as(username: string): KafkaCluster {
    const cluster = kafkaCluster({
      brokers: [broker.listeners['SASL'] ?? ''],
      sasl: { mechanism: 'PLAIN', username, password: `${username}-secret` },
    })
    clusters.push(cluster)
    return cluster
  }

  const isForbidden = (error: unknown): false => {
    expect(error).toMatchObject({ reason: 'forbidden' })
    return false
  }
  const mayRead = (cluster: KafkaCluster, topic: string) =>
    cluster
      .read([{ topic, partition: 0, offset: 0 }], { maxBytes: 1000, waitMs: 0 })
      .then(({ records }) => records.length > 0, isForbidden)
  const mayWrite = (cluster: KafkaCluster, topic: string) =>
    cluster
      .append(topic, [{ key: null, value: Uint8Array.of(1), partition: 0 }])
      .then(([result]) => (result!.refusal ? isForbidden(result!.refusal) : true), isForbidden)

  it('are commands of the page, for every principal that it names', () => {
    const principals = commands.map((words) =>
      words[words.indexOf('--allow-principal') + 1]!.slice('User:'.length),
    )
    expect(new Set([...principals, 'stranger'])).toEqual(new Set(Object.keys(MAY)))
  })

  it.each(Object.entries(MAY))('let %s do what the page says, and no more', async (who, expected) => {
    const cluster = as(who)
    const found: string[] = []
    for (const topic of [...TOPICS, 'payroll'])
      found.push(
        `${(await mayRead(cluster, topic)) ? 'r' : ''}${(await mayWrite(cluster, topic)) ? 'w' : ''}`,
      )
    expect(found).toEqual([...expected, ''])
  })

  it('let the gateway commit for the group of the page, and for no other', async () => {
    const cluster = as('kedge-gateway')
    const offset = { topic: 'cache-evictions', partition: 0, offset: 1 }
    await cluster.groups!.commit('billing', [offset])
    await expect(cluster.groups!.commit('payroll', [offset])).rejects.toMatchObject({ reason: 'forbidden' })
    await expect(as('kedge-sync').groups!.commit('billing', [offset])).rejects.toMatchObject({
      reason: 'forbidden',
    })
  })

  it('let the one who makes topics make those of caches, and no others', async () => {
    const cluster = as('kedge-ops')
    await cluster.create('cache-evictions-eu', 1)
    await expect(cluster.create('orders', 1)).rejects.toMatchObject({ reason: 'forbidden' })
    await expect(cluster.remove('cache-evictions-eu')).rejects.toMatchObject({ reason: 'forbidden' })
    await expect(as('kedge-gateway').create('cache-more', 1)).rejects.toMatchObject({ reason: 'forbidden' })
  })
})
