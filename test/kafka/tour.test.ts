/** The tour of the demo, its log in a real Kafka. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readOptions } from '../../examples/tour/options.ts'
import { StartError } from '../../examples/tour/server.ts'
import { TOUR } from '../../examples/tour/tour.ts'
import { kafkaCluster } from '../../services/gateway/index.ts'
import type { KafkaCluster } from '../../services/gateway/index.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'

const TOPIC = 'cache-evictions'
const DEMO = fileURLToPath(new URL('../../examples/tour/start.ts', import.meta.url))
const running = new Set<ChildProcess>()

function start(...args: string[]) {
  const child = spawn(process.execPath, [DEMO, '--port', '0', ...args], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
    })
  }
  const ended = once(child, 'close').then(() => {
    running.delete(child)
    return { code: child.exitCode, ...said }
  })
  const printed = async (text: string) => {
    while (!said.stdout.includes(text)) {
      const more = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)])
      if (more === undefined) throw new Error(`it ended before it printed “${text}”: ${said.stderr}`)
    }
  }
  return { child, ended, printed }
}

// Not killed outright, or workerd would be left behind; it ends by itself within seconds.
afterEach(async () => {
  for (const child of running) {
    const closed = once(child, 'close')
    child.kill('SIGTERM')
    await closed
  }
})

describe('The brokers of the demo', () => {
  it('are one address or several; without them the log is in memory', () => {
    expect(readOptions(['--brokers', 'kafka-1:9092, [::1]:9093']).brokers).toEqual([
      'kafka-1:9092',
      '[::1]:9093',
    ])
    expect(readOptions(['--check', '--brokers=127.0.0.1:9092'])).toMatchObject({
      mode: 'check',
      brokers: ['127.0.0.1:9092'],
    })
    expect(readOptions([])).not.toHaveProperty('brokers')
  })

  it.each(['', 'kafka', 'kafka:', 'kafka:9092,', ',kafka:9092', 'kafka 9092', 'kafka:http'])(
    'are refused where “%s” is given',
    (brokers) => {
      expect(() => readOptions([`--brokers=${brokers}`])).toThrow(StartError)
      expect(() => readOptions([`--brokers=${brokers}`])).toThrow(/`--brokers` must be host:port/)
    },
  )

  it.each([
    ['127.0.0.1:1', 'Kafka at 127.0.0.1:1 cannot be used: '],
    ['127.0.0.1:99999', '`brokers` must be written host:port'],
  ])('of which none is there (%s) end it with 1 and one line', async (brokers, line) => {
    const { code, stdout, stderr } = await start('--brokers', brokers).ended
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.startsWith(line)).toBe(true)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })
})

describe.skipIf(withoutKafka())('The tour on a real broker', () => {
  // Of its own: the topic that the demo uses is deleted here.
  let broker: Broker
  let cluster: KafkaCluster

  beforeAll(async () => {
    broker = await startBroker()
    cluster = kafkaCluster({ brokers: [broker.bootstrap] })
  })

  afterAll(async () => {
    await cluster?.close()
    await broker?.stop()
  })

  it('has a topic made for it where there is none, and is ready', async () => {
    await cluster.describe(TOPIC).then((topic) => topic && cluster.remove(topic.name))
    const { child, ended, printed } = start('--brokers', broker.bootstrap)
    await printed('Ctrl-C stops everything')
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 0, stderr: '' })
    expect(await cluster.describe(TOPIC)).toMatchObject({ partitions: 1 })
  })

  it('goes as foretold, in a topic that others have written to', { timeout: 120_000 }, async () => {
    if ((await cluster.describe(TOPIC)) === undefined) await cluster.create(TOPIC, 1)
    const value = new TextEncoder().encode('{"key":"written by another"}')
    await cluster.append(
      TOPIC,
      Array.from({ length: 12 }, () => ({ key: null, value, partition: 0 })),
    )
    const before = await cluster.offsets(TOPIC, 0)
    const { code, stdout, stderr } = await start('--check', '--brokers', broker.bootstrap).ended
    const steps = TOUR.flatMap((chapter) => chapter.steps).length
    expect({ code, stderr, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({
      code: 0,
      stderr: '',
      last: `${steps} steps: all as foretold.`,
    })
    // Its evictions are in Kafka: three rows that were written, and one tag; the write that failed may be as well.
    const after = await cluster.offsets(TOPIC, 0)
    expect(after.logId).toBe(before.logId)
    expect(after.end - before.end).toBeGreaterThanOrEqual(4)
  })
})
