/** A broker with ACLs: what it refuses is 403, names the right that lacks, and is not tried again. */
import {
  AclOperations,
  AclPermissionTypes,
  Connection,
  createAclsV3,
  ResourcePatternTypes,
  ResourceTypes,
} from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { confluent } from '../../adapters/kafka/confluent.ts'
import { clusterLog } from '../../services/gateway/cluster-log.ts'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import type { KafkaCluster } from '../../services/gateway/kafka/index.ts'
import { startGateway } from '../../services/gateway/index.ts'
import { kedge } from '../cli/harness.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const TOPIC = 'cache-evictions'
const BINARY = 'application/vnd.kafka.binary.v2+json'
const V2 = 'application/vnd.kafka.v2+json'
const V3 = 'application/json'
/** What each principal is given on the topic, and on all groups. */
const PRINCIPALS = {
  reader: { topic: ['READ'], group: ['READ'] },
  writer: { topic: ['WRITE'], group: [] },
  both: { topic: ['READ', 'WRITE'], group: [] },
  watcher: { topic: ['DESCRIBE'], group: [] },
  nothing: { topic: [], group: [] },
} as const
type Principal = keyof typeof PRINCIPALS
type Operation = keyof typeof AclOperations

describe.skipIf(withoutKafka())('A cluster with StandardAuthorizer', () => {
  let broker: Broker
  const clusters: KafkaCluster[] = []

  beforeAll(async () => {
    const users = Object.keys(PRINCIPALS)
      .map((name) => `user_${name}="${name}-secret"`)
      .join(' ')
    broker = await startBroker({
      listeners: { SASL: 'SASL_PLAINTEXT' },
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        // The broker itself and the test come without credentials.
        'super.users': 'User:ANONYMOUS',
        'sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.sasl.plain.sasl.jaas.config': `${PLAIN} required ${users};`,
      },
    })
    const admin = kafkaCluster({ brokers: [broker.bootstrap] })
    clusters.push(admin)
    for (const name of [TOPIC, 'cache-updates', 'payroll']) await admin.create(name, 1)
    await admin.append(TOPIC, [{ key: null, value: Uint8Array.of(7), partition: 0 }])
    await allow()
  })

  afterAll(async () => {
    for (const cluster of clusters) await cluster.close()
    await broker?.stop()
  })

  async function allow(): Promise<void> {
    const connection = new Connection('test')
    const [host = '', port] = broker.bootstrap.split(':')
    await connection.connect(host, Number(port))
    const rules = Object.entries(PRINCIPALS).flatMap(([name, { topic, group }]) => [
      ...topic.map((operation: Operation) => rule(name, ResourceTypes.TOPIC, TOPIC, operation)),
      ...group.map((operation: Operation) => rule(name, ResourceTypes.GROUP, '*', operation)),
    ])
    await createAclsV3.api.async(connection, rules)
    await connection.close()
  }

  const rule = (name: string, resourceType: 2 | 3, resourceName: string, operation: Operation) => ({
    resourceType,
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: `User:${name}`,
    host: '*',
    operation: AclOperations[operation],
    permissionType: AclPermissionTypes.ALLOW,
  })

  function as(
    username: Principal,
    password = `${username}-secret`,
    onErrorCode?: (name: string) => void,
  ): KafkaCluster {
    const cluster = kafkaCluster({
      ...(onErrorCode && { onErrorCode }),
      brokers: [broker.listeners['SASL'] ?? ''],
      sasl: { mechanism: 'PLAIN', username, password },
    })
    clusters.push(cluster)
    return cluster
  }

  /** What comes of it: `may`, or the refusal's words; and whether it came without tries until the deadline. */
  async function outcome(work: (cluster: KafkaCluster) => Promise<unknown>, who: Principal): Promise<string> {
    const began = performance.now()
    try {
      await work(as(who))
      return 'may'
    } catch (error) {
      expect(error).toMatchObject({ reason: 'forbidden' })
      // `requestTimeoutMs` is 10 s by default.
      expect(performance.now() - began).toBeLessThan(8000)
      return (error as Error).message
    }
  }

  const position = { topic: TOPIC, partition: 0, offset: 0 }
  const offsets = (cluster: KafkaCluster) => cluster.offsets(TOPIC, 0)
  const read = (cluster: KafkaCluster) => cluster.read([position], { maxBytes: 1000, waitMs: 0 })
  const write = async (cluster: KafkaCluster) => {
    const [result] = await cluster.append(TOPIC, [{ key: null, value: Uint8Array.of(1), partition: 0 }])
    if (result!.refusal) throw result!.refusal
  }
  const commit = (cluster: KafkaCluster) => cluster.groups!.commit('billing', [position])
  const create = (cluster: KafkaCluster) => cluster.create('new', 1)
  const remove = (cluster: KafkaCluster) => cluster.remove(TOPIC)
  const refuses = (what: string, code = 'TOPIC') => `Kafka refuses ${what}: ${code}_AUTHORIZATION_FAILED.`
  const on = (operation: string) => refuses(`${operation} on the topic ${TOPIC}`)

  it.each<[Principal, string, string, string, string]>([
    ['reader', 'may', 'may', on('Write'), 'may'],
    ['writer', 'may', on('Read'), 'may', refuses('Read on the group billing', 'GROUP')],
    ['both', 'may', 'may', 'may', refuses('Read on the group billing', 'GROUP')],
    ['watcher', 'may', on('Read'), on('Write'), refuses('Read on the group billing', 'GROUP')],
    ['nothing', on('Describe'), on('Read'), on('Write'), refuses('Read on the group billing', 'GROUP')],
  ])('tells %s at once what it may, and the right that lacks', async (who, sees, reads, writes, commits) => {
    expect(await outcome(offsets, who)).toBe(sees)
    expect(await outcome(read, who)).toBe(reads)
    expect(await outcome(write, who)).toBe(writes)
    expect(await outcome(commit, who)).toBe(commits)
    expect(await outcome(create, who)).toMatch(/^Kafka refuses Create on the (topic new|cluster)/)
    expect(await outcome(remove, who)).toMatch(/^Kafka refuses Delete on the topic cache-evictions/)
  })

  it('keeps out a wrong password for good', async () => {
    const wrong = as('both', 'wrong-secret')
    const refusal: unknown = await wrong.topics().catch((error: unknown) => error)
    expect(refusal).toMatchObject({
      reason: 'forbidden',
      message: 'Kafka refuses the credentials: SASL_AUTHENTICATION_FAILED.',
    })
    expect(JSON.stringify(refusal)).not.toContain('wrong-secret')
  })

  it('tells each code of its answers by its name in Kafka, of fetches as well', async () => {
    const codes: string[] = []
    const told = () => codes.splice(0)
    const watched = as('watcher', undefined, (code) => codes.push(code))
    await offsets(watched)
    expect(told()).toEqual([])
    await expect(read(watched)).rejects.toThrow()
    expect(told()).toContain('TOPIC_AUTHORIZATION_FAILED')
    await expect(write(watched)).rejects.toThrow()
    expect(told()).toContain('TOPIC_AUTHORIZATION_FAILED')
    const reading = as('reader', undefined, (code) => codes.push(code))
    told()
    await reading.read([{ ...position, offset: 99 }], { maxBytes: 1000, waitMs: 0 })
    expect(told()).toContain('OFFSET_OUT_OF_RANGE')
    await expect(offsets(as('both', 'wrong', (code) => codes.push(code)))).rejects.toThrow()
    expect(new Set(told())).toEqual(new Set(['SASL_AUTHENTICATION_FAILED']))
  })

  it('is 403 with the code of each protocol through the gateway', async () => {
    const running = await startGateway({ cluster: as('nothing'), upstash: true })
    try {
      const ask = async (path: string, type?: string, body?: unknown) => {
        const headers = { accept: `${BINARY}, ${V2}`, ...(type && { 'content-type': type }) }
        const post = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
        const got = await fetch(running.url + path, { headers, ...post })
        return [got.status, got.headers.get('retry-after'), await got.json()]
      }
      const said = {
        error_code: 40301,
        message: expect.stringMatching(
          /^Kafka refuses \w+ on the topic cache-evictions: TOPIC_AUTHORIZATION_FAILED/,
        ),
      }
      const records = `/topics/${TOPIC}/partitions/0/records?offset=0&timeout=0&max_bytes=100`
      const { cluster: id } = (await (await fetch(running.url)).json()) as { cluster: string }
      expect(await ask(`/topics/${TOPIC}/partitions/0/offsets`)).toEqual([403, null, said])
      expect(await ask(records)).toEqual([403, null, said])
      expect(await ask(`/topics/${TOPIC}`, BINARY, { records: [{ value: 'eA==' }] })).toEqual([
        403,
        null,
        said,
      ])
      expect(
        await ask(`/v3/clusters/${id}/topics/${TOPIC}/records`, V3, { value: { type: 'STRING', data: 'x' } }),
      ).toEqual([403, null, said])
      expect(await ask('/produce', V3, { topic: TOPIC, value: 'x' })).toEqual([
        403,
        null,
        { error: said.message, status: 403 },
      ])
    } finally {
      await running.close()
    }
  })

  it('is ERR_AUTH in the adapters, and not retryable', async () => {
    const running = await startGateway({ cluster: as('watcher') })
    try {
      const refused = { code: 'ERR_AUTH', retryable: false }
      for (const log of [
        gatewayLog({ url: running.url }),
        confluent({ url: running.url }),
        clusterLog(as('watcher')),
      ]) {
        const options = { maxBytes: 1000, waitMs: 0, isolation: 'uncommitted' as const }
        await expect(log.read(TOPIC, [{ partition: 0, offset: 0 }], options)).rejects.toMatchObject(refused)
        const record = { key: null, value: Uint8Array.of(1), partition: 0 }
        const failed: unknown = await log.produce(TOPIC, [record]).catch((error: unknown) => error)
        expect([failed, (failed as Error).cause]).toContainEqual(expect.objectContaining(refused))
        expect(failed).toMatchObject({ retryable: false })
        await log.close?.()
      }
    } finally {
      await running.close()
    }
  })

  it.each<[Principal, RegExp]>([
    [
      'nothing',
      /rights .*403.*Kafka refuses Describe on the topic cache-evictions[^]*--operation Describe --topic cache-evictions/,
    ],
    [
      'writer',
      /PROBLEM {2}read .*Kafka refuses Read on the topic cache-evictions[^]*--operation Read --topic cache-evictions/,
    ],
    [
      'reader',
      /PROBLEM {2}write .*Kafka refuses Write on the topic cache-evictions[^]*--operation Write --topic cache-evictions/,
    ],
  ])('lets the doctor name what %s lacks, over the gateway', async (who, says) => {
    const running = await startGateway({ cluster: as(who) })
    try {
      const { out, code } = await kedge(['doctor', '--url', running.url], { fetch })
      expect(out).toMatch(says)
      expect(code).toBe(1)
    } finally {
      await running.close()
    }
  })

  it('lets the doctor name what a principal lacks at the brokers', async () => {
    const { out, code } = await kedge(['doctor', '--brokers', 'a:1'], { connect: () => as('reader') })
    expect(out).toContain('Kafka refuses DescribeConfigs on the topic cache-evictions')
    expect(out).toContain('--operation DescribeConfigs --topic cache-evictions')
    expect(out).toContain('Kafka refuses Describe on the topic cache-updates')
    expect(code).toBe(1)
  })

  it('reaches with the rights that the docs name for an isolate', async () => {
    const running = await startGateway({ cluster: as('both') })
    try {
      const log = gatewayLog({ url: running.url })
      const [at] = await log.produce(TOPIC, [{ key: null, value: Uint8Array.of(9), partition: 0 }])
      const options = { maxBytes: 1000, waitMs: 0, isolation: 'uncommitted' as const }
      const { records } = await log.read(TOPIC, [{ partition: 0, offset: at!.offset }], options)
      expect(records[0]?.value).toEqual(Uint8Array.of(9))
    } finally {
      await running.close()
    }
  })
})
