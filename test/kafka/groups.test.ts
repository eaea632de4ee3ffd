/** The life of v2 consumers on a real broker: groups that share, commit, and hand on. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { Admin } from '@platformatic/kafka'
import * as fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { kafkaCluster, startGateway } from '../../services/gateway/index.ts'
import type { KafkaCluster, RunningGateway } from '../../services/gateway/index.ts'
import { BINARY, JSON_FORMAT } from '../services/gateway/harness.ts'
import { expectExact, records as documents, routes } from '../services/gateway/json-documents.ts'
import { freePorts } from '../store-servers/ports.ts'
import { startBroker, withoutKafka } from './broker.ts'
import { Client, eventually } from './instance-client.ts'
import { JVM } from './jars.ts'
import { sharedBroker } from './shared-broker.ts'

const PROCESS = fileURLToPath(new URL('gateway-process.ts', import.meta.url))
const JAVA = fileURLToPath(new URL('ReadInGroup.java', import.meta.url))

describe.skipIf(withoutKafka())('On a real broker, v2 consumers', { timeout: 90_000 }, () => {
  const clusters: KafkaCluster[] = []
  const gateways: Omit<RunningGateway, 'log'>[] = []
  const children: ChildProcess[] = []
  let admin: Admin
  let urls: string[] = []
  let topic = ''
  let group = ''
  let count = 0

  beforeAll(async () => {
    admin = new Admin({ clientId: 'test', bootstrapBrokers: [sharedBroker()] })
    for (const _ of [0, 1]) {
      const cluster = kafkaCluster({ brokers: [sharedBroker()] })
      clusters.push(cluster)
      gateways.push(await startGateway({ cluster }))
    }
    urls = gateways.map(({ url }) => url)
  })

  beforeEach(async () => {
    group = `group-${process.pid}-${count++}`
    topic = (await clusters[0]!.createTopic(`${group}-topic`, { partitions: 2 })).name
  })

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  afterAll(async () => {
    for (const gateway of gateways) await gateway.close()
    for (const cluster of clusters) await cluster.close()
    await admin?.close()
  })

  const write = async (partition: number, ...values: readonly (string | Uint8Array)[]) => {
    const records = values.map((one) => ({ key: null, value: Buffer.from(one), partition }))
    for (const result of await clusters[0]!.append(topic, records))
      expect(result).not.toHaveProperty('refusal')
  }
  const committed = async (client: Client) =>
    (await client.call('GET', `/offsets?partitions=${topic}:0,${topic}:1`))[1]

  it('subscribe, read, commit, and are followed by another gateway where they stopped', async () => {
    await write(0, 'a', 'b')
    await write(1, 'c')
    const one = await Client.create(urls[0]!, group, 'one')
    await one.subscribe(topic)
    const seen: string[] = []
    await eventually(async () => {
      seen.push(...(await one.poll()))
      expect(seen.toSorted()).toEqual(['0:0', '0:1', '1:0'])
    })
    expect(await one.partitions()).toEqual([0, 1])
    expect(await one.call('POST', '/offsets')).toEqual([200, []])
    expect(await committed(one)).toEqual({
      offsets: [
        { topic, partition: 0, offset: 2, metadata: '' },
        { topic, partition: 1, offset: 1, metadata: '' },
      ],
    })
    const offsets = [{ topic, partition: 0, offset: 0, metadata: 'again' }]
    expect(await one.call('POST', '/offsets', { offsets })).toEqual([200, []])
    await one.remove()
    // The group is empty at once: it has been left, not lost.
    const described = await admin.describeGroups({ groups: [group] })
    expect(described.get(group)?.members.size).toBe(0)
    const two = await Client.create(urls[1]!, group, 'two')
    await two.subscribe(topic)
    await eventually(async () => expect(await two.poll()).toEqual(['0:1']))
    expect(await committed(two)).toMatchObject({ offsets: [{ offset: 1, metadata: 'again' }, { offset: 1 }] })
    await two.remove()
  })

  it('share the partitions over two gateways, and take over what another leaves', async () => {
    const one = await Client.create(urls[0]!, group, 'one', { 'auto.commit.enable': 'true' })
    await one.subscribe(topic)
    await eventually(async () => expect(await one.partitions()).toEqual([0, 1]))
    const two = await Client.create(urls[1]!, group, 'two', { 'auto.commit.enable': 'true' })
    await two.subscribe(topic)
    await eventually(async () => {
      const shares = [...(await one.partitions()), ...(await two.partitions())]
      expect([(await one.partitions()).length, new Set(shares)]).toEqual([1, new Set([0, 1])])
    })
    await write(0, 'a')
    await write(1, 'b')
    const seen: string[] = []
    await eventually(async () => {
      for (const client of [one, two]) seen.push(...(await client.poll()))
      expect(seen.toSorted()).toEqual(['0:0', '1:0'])
    })
    await one.remove()
    await write(0, 'c')
    await write(1, 'd')
    await eventually(async () => {
      seen.push(...(await two.poll()))
      // Nothing twice: the member that left has committed what it had returned.
      expect(seen.toSorted()).toEqual(['0:0', '0:1', '1:0', '1:1'])
    })
    await two.remove()
  })

  it('take over what a gateway that was killed has held', async () => {
    const [port = 0] = await freePorts(1)
    const child = spawn(process.execPath, [...process.execArgv, PROCESS, String(port), sharedBroker()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    await once(child.stdout, 'data')
    const doomed = await Client.create(`http://127.0.0.1:${port}`, group, 'doomed')
    await doomed.subscribe(topic)
    await eventually(async () => expect(await doomed.partitions()).toEqual([0, 1]))
    await write(0, 'a')
    await write(1, 'b')
    const heir = await Client.create(urls[0]!, group, 'heir')
    await heir.subscribe(topic)
    await eventually(async () => expect(await heir.partitions()).toHaveLength(1))
    child.kill('SIGKILL')
    const seen: string[] = []
    await eventually(async () => {
      seen.push(...(await heir.poll()))
      expect([...new Set(seen)].toSorted()).toEqual(['0:0', '1:0'])
    })
    await heir.remove()
  })

  it('are waited for when they are about to commit what they were given', async () => {
    await write(0, 'a')
    await write(1, 'b')
    const one = await Client.create(urls[0]!, group, 'one')
    await one.subscribe(topic)
    const seen: string[] = []
    await eventually(async () => {
      seen.push(...(await one.poll()))
      expect(seen.toSorted()).toEqual(['0:0', '1:0'])
    })
    const two = await Client.create(urls[1]!, group, 'two')
    await two.subscribe(topic)
    // A heartbeat or two: the first knows that it has to join again by then.
    await new Promise((resolve) => setTimeout(resolve, 5000))
    expect(await one.call('POST', '/offsets')).toEqual([200, []])
    await eventually(async () => {
      expect([await one.partitions(), await two.partitions()]).toEqual([
        [expect.any(Number)],
        [expect.any(Number)],
      ])
    })
    expect([...(await one.poll()), ...(await two.poll())]).toEqual([])
    await one.remove()
    await two.remove()
  })

  it('leave their groups at once when their gateway stops', async () => {
    const gateway = await startGateway({ cluster: clusters[0]! })
    const one = await Client.create(gateway.url, group, 'one', { 'auto.commit.enable': 'true' })
    await one.subscribe(topic)
    await write(0, 'a')
    await eventually(async () => expect(await one.poll()).toEqual(['0:0']))
    await gateway.close()
    await expect
      .poll(async () => (await admin.describeGroups({ groups: [group] })).get(group)?.members.size, {
        timeout: 3000,
      })
      .toBe(0)
    const two = await Client.create(urls[1]!, group, 'two')
    expect(await committed(two)).toMatchObject({ offsets: [{ partition: 0, offset: 1 }, { partition: 1 }] })
    await two.remove()
  })

  it('go on after their gateway stood still for longer than a session', async () => {
    const [port = 0] = await freePorts(1)
    const child = spawn(process.execPath, [...process.execArgv, PROCESS, String(port), sharedBroker()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    await once(child.stdout, 'data')
    const frozen = await Client.create(`http://127.0.0.1:${port}`, group, 'frozen')
    await frozen.subscribe(topic)
    await eventually(async () => expect(await frozen.partitions()).toEqual([0, 1]))
    child.kill('SIGSTOP')
    const heir = await Client.create(urls[0]!, group, 'heir')
    await heir.subscribe(topic)
    await eventually(async () => expect(await heir.partitions()).toEqual([0, 1]))
    child.kill('SIGCONT')
    await eventually(async () => {
      const shares = [...(await frozen.partitions()), ...(await heir.partitions())]
      expect([shares.length, new Set(shares)]).toEqual([2, new Set([0, 1])])
    })
    await heir.remove()
  })

  it('get partitions that are added, and a topic that is made later', async () => {
    const later = `${topic}-later`
    const one = await Client.create(urls[0]!, group, 'one')
    await one.subscribe(topic, later)
    await eventually(async () => expect(await one.partitions()).toEqual([0, 1]))
    await admin.createPartitions({ topics: [{ name: topic, count: 3, assignments: null }] as never })
    await clusters[1]!.createTopic(later, { partitions: 1 })
    await eventually(async () => expect(await one.partitions()).toEqual([0, 1, 2, 0]))
    await one.remove()
  })

  it("share with Apache's own consumer", async () => {
    const java = spawn('java', [...JVM, JAVA, sharedBroker(), topic, group], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    children.push(java)
    let printed = ''
    java.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
    await write(0, 'a')
    await write(1, 'b')
    await eventually(async () => expect(printed.match(/[ab]$/gm)).toHaveLength(2))
    const one = await Client.create(urls[0]!, group, 'one')
    await one.subscribe(topic)
    await eventually(async () => expect(await one.partitions()).toHaveLength(1))
    await write(0, 'c')
    await write(1, 'd')
    const seen: string[] = []
    await eventually(async () => {
      seen.push(...(await one.poll()))
      const theirs = [...printed.matchAll(/^(\d:1) [cd]$/gm)].map(([, place]) => place!)
      expect([...new Set([...seen.filter((place) => place.endsWith(':1')), ...theirs])].toSorted()).toEqual([
        '0:1',
        '1:1',
      ])
      expect(seen.length > 0 && theirs.length > 0).toBe(true)
    })
    java.stdin.write('.')
    await once(java, 'exit')
    await eventually(async () => expect(await one.partitions()).toEqual([0, 1]))
    await one.remove()
  })

  it('are not stopped by a record larger than an answer, nor without a word by one that is not JSON', async () => {
    const large = (
      await clusters[0]!.createTopic(`${topic}-large`, {
        partitions: 1,
        configs: { 'max.message.bytes': '30000000' },
      })
    ).name
    const [appended] = await clusters[0]!.append(large, [
      { key: null, value: Buffer.alloc(9_000_000, '1'), partition: 0 },
      { key: null, value: Buffer.from('not json'), partition: 0 },
      { key: null, value: Buffer.from('2'), partition: 0 },
    ])
    expect(appended).not.toHaveProperty('refusal')
    const one = await Client.create(urls[0]!, group, 'one', { format: 'json' })
    await one.subscribe(large)
    await eventually(async () => expect(await one.poll(JSON_FORMAT)).toEqual(['0:0']))
    for (let turn = 0; turn < 2; turn++) {
      const [status, refused] = await one.call('GET', '/records', undefined, JSON_FORMAT)
      expect([status, refused]).toMatchObject([
        408,
        {
          message: expect.stringContaining(`The value of topic ${large}, partition 0, offset 1 is not JSON.`),
        },
      ])
    }
    await one.call('POST', '/positions', { offsets: [{ topic: large, partition: 0, offset: 2 }] })
    expect(await one.poll(JSON_FORMAT)).toEqual(['0:2'])
    await one.remove()
  })

  it('go on after the coordinator of their group was away', async () => {
    const broker = await startBroker()
    const cluster = kafkaCluster({ brokers: [broker.bootstrap] })
    const gateway = await startGateway({ cluster })
    try {
      await cluster.createTopic('t', { partitions: 1 })
      const one = await Client.create(gateway.url, group, 'one')
      await one.subscribe('t')
      // The first of all groups makes Kafka's topic of groups: no client sees an error for it.
      const answers: number[] = []
      await eventually(async () => {
        answers.push((await one.call('GET', '/records', undefined, BINARY))[0])
        expect(await one.partitions()).toEqual([0])
      })
      expect(new Set(answers)).toEqual(new Set([200]))
      await one.call('POST', '/offsets', { offsets: [{ topic: 't', partition: 0, offset: 0 }] })
      broker.kill()
      const away = await one.call('POST', '/offsets', { offsets: [{ topic: 't', partition: 0, offset: 1 }] })
      expect(away).toMatchObject([503, { error_code: 50302 }])
      await broker.restart()
      await eventually(async () => expect(await one.partitions()).toEqual([0]))
      await cluster.append('t', [
        { key: null, value: Buffer.from('a'), partition: 0 },
        { key: null, value: Buffer.from('b'), partition: 0 },
      ])
      await eventually(async () => expect(await one.poll()).toEqual(['0:1']))
      expect(await one.call('POST', '/offsets')).toEqual([200, []])
    } finally {
      await gateway.close()
      await cluster.close()
      await broker.stop()
    }
  })

  it('commit by hand for a group without members, and begin there', async () => {
    await write(0, 'a', 'b')
    const partitions = [{ topic, partition: 0 }]
    const one = await Client.create(urls[0]!, group, 'one', { 'auto.commit.enable': 'true' })
    await one.call('POST', '/assignments', { partitions })
    expect(await one.poll()).toEqual(['0:0', '0:1'])
    await one.remove()
    await write(0, 'c')
    const two = await Client.create(urls[1]!, group, 'two')
    await two.call('POST', '/assignments', { partitions })
    expect(await two.poll()).toEqual(['0:2'])
    const three = await Client.create(urls[0]!, group, 'three')
    await three.subscribe(topic)
    await eventually(async () => expect(await three.partitions()).toEqual([0, 1]))
    const message = expect.stringContaining('the group has members')
    expect(await two.call('POST', '/offsets')).toEqual([409, { error_code: 40903, message }])
    await three.remove()
    await two.remove()
  })

  it.each(routes)('find each digit of a number where %s put it', async (route) => {
    const single = (await clusters[0]!.createTopic(`${topic}-numbers`, { partitions: 1 })).name
    await fc.assert(
      fc.asyncProperty(documents, async (sent) => {
        const { end } = await clusters[0]!.offsets(single, 0)
        await expectExact((path, init) => fetch(`${urls[0]}${path}`, init), single, route, sent, end)
      }),
      { numRuns: 15 },
    )
    expect((await clusters[0]!.offsets(single, 0)).end).toBeGreaterThan(0)
  })
})
