/** The loader service, the persister and the ways to write, on a real broker behind the gateway. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { kafkaCluster, startGateway } from '../../services/gateway/index.ts'
import type { KafkaCluster, RunningGateway } from '../../services/gateway/index.ts'
import { createLoader } from '../../services/loader/index.ts'
import { createCache } from '../../src/index.ts'
import type { Cache, CacheOptions, NamespaceOptions } from '../../src/index.ts'
import { viaLoader } from '../../src/loader-client/index.ts'
import { prewarm, replicate } from '../../src/replicate/index.ts'
import { setMany, writeBehind, writeIntents, writeThrough } from '../../src/write-paths/index.ts'
import { startService } from '../cli/service-process.ts'
import { withoutKafka } from './broker.ts'
import { sharedBroker } from './shared-broker.ts'

const PARTITIONS = 2

/**
 * Stores that append to files: each delivery to one, and to the other one what was not there by its id. They take their
 * time, so that there is a middle to be killed in: half-way they wait for as long as the file `held` is there.
 */
const stores = (folder: string) => `
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
const [deliveries, rows] = [${JSON.stringify(join(folder, 'deliveries'))}, ${JSON.stringify(join(folder, 'rows'))}]
const line = (each) => JSON.stringify(each) + '\\n'
appendFileSync(rows, '')
const ids = new Set(readFileSync(rows, 'utf8').split('\\n').filter(Boolean).map((each) => JSON.parse(each).id))
export const options = { maxBatch: 3 }
export default {
  orders: async (writes) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40))
    while (ids.size >= 30 && existsSync(${JSON.stringify(join(folder, 'held'))}))
      await new Promise((resolve) => setTimeout(resolve, 5))
    for (const { key, value, id } of writes) {
      appendFileSync(deliveries, line({ key, value, id }))
      if (!ids.has(id)) appendFileSync(rows, line({ key, value, id }))
      ids.add(id)
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40))
  },
}`

interface Row {
  readonly key: string
  readonly value: number
  readonly id: string
}

describe.skipIf(withoutKafka())('On a real broker', () => {
  let cluster: KafkaCluster
  let gateway: Omit<RunningGateway, 'log'>
  let topics: Required<NonNullable<CacheOptions['topics']>>
  let round = 0
  const caches: Cache[] = []

  beforeAll(async () => {
    cluster = kafkaCluster({ brokers: [sharedBroker()] })
    gateway = await startGateway({ cluster })
  })

  beforeEach(async () => {
    const prefix = `round-${round++}`
    topics = {
      evictions: `${prefix}-evictions`,
      updates: `${prefix}-updates`,
      requests: `${prefix}-requests`,
      writes: `${prefix}-writes`,
    }
    const partitions = { evictions: 1, updates: PARTITIONS, requests: PARTITIONS, writes: PARTITIONS }
    for (const [role, name] of Object.entries(topics))
      await cluster.createTopic(name, { partitions: partitions[role as keyof typeof partitions] })
  })

  afterAll(async () => {
    for (const cache of caches) await cache.close()
    await gateway?.close()
    await cluster?.close()
  })

  const kafka = () => gatewayLog({ url: gateway.url })

  /** An isolate that uses a namespace, and knows all evictions. */
  async function isolate<T>(name: string, of: NamespaceOptions<T> = {}, options: Partial<CacheOptions> = {}) {
    const cache = createCache({
      kafka: kafka(),
      topics,
      updatePartitions: PARTITIONS,
      requestPartitions: PARTITIONS,
      writePartitions: PARTITIONS,
      ttl: '1h',
      // A broker on a slow machine takes its time; the promises must still hold.
      pollTimeout: '5s',
      ...options,
    })
    caches.push(cache)
    const space = cache.namespace<T>(name, of)
    expect((await cache.sync()).proved).toBe(true)
    return { cache, space }
  }

  it('a thousand misses of one key in ten isolates are one load of the loader service', async () => {
    const asked: (readonly string[])[] = []
    const service = createLoader({
      kafka: kafka(),
      topics,
      updatePartitions: PARTITIONS,
      loaders: {
        reports: async (keys: readonly string[]) => {
          asked.push(keys)
          await new Promise((resolve) => setTimeout(resolve, 100))
          return new Map(keys.map((key) => [key, `report ${key}`]))
        },
      },
    })
    const stop = new AbortController()
    const over = service.run({ signal: stop.signal })
    onTestFinished(async () => {
      stop.abort()
      await over
      await service.close()
    })
    await expect.poll(() => service.health(), { timeout: 10_000 }).toEqual({ ready: true })
    const isolates = await Promise.all(Array.from({ length: 10 }, () => isolate<string>('reports')))
    const own = viaLoader(() => Promise.reject(new Error('the isolate loads by itself')), { wait: '15s' })
    const found = await Promise.all(
      isolates.flatMap(({ space }) =>
        Array.from({ length: 100 }, () => space.getOrSet('2026', own, { hardTimeout: '30s' })),
      ),
    )
    expect([found.length, ...new Set(found)]).toEqual([1000, 'report 2026'])
    expect(asked).toEqual([['2026']])
    // And each of them holds it.
    expect(isolates.map(({ cache }) => cache.stats().entries)).toEqual(isolates.map(() => 1))
  })

  it('what is written behind reaches the store in order and once, though its persister is killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kedge-services-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const lines = async (name: string): Promise<Row[]> =>
      (await readFile(join(folder, name), 'utf8').catch(() => ''))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Row)
    const load = async (key: string) => (await lines('rows')).findLast((row) => row.key === key)!.value
    const persister = () =>
      startService(
        'persister',
        stores(folder),
        ['--url', gateway.url, '--listen', '0', '--evictions-topic', topics.evictions]
          .concat(['--writes-topic', topics.writes])
          .concat(['--dead-letters-topic', `${topics.writes}-dead`]),
        'writes orders',
      )
    const reader = () => isolate<number>('orders', {}, { use: [writeIntents()] })
    const keys = Array.from({ length: 6 }, (_, at) => `order ${at}`)
    const writer = await reader()
    let token = ''
    for (let value = 1; value <= 10; value++)
      for (const key of keys) token = await writeBehind(writer.space, key, value)

    await writeFile(join(folder, 'held'), '')
    const first = await persister()
    await expect
      .poll(async () => (await lines('deliveries')).length, { timeout: 15_000, interval: 5 })
      .toBeGreaterThan(6)
    first.child.kill('SIGKILL')
    await first.ended
    const early = await lines('rows')
    expect(early.length).toBeLessThan(60)

    // No persister runs at this moment: the source is behind, and the reader asks the log.
    const waiting = keys.filter((key) => early.findLast((row) => row.key === key)?.value !== 10)
    expect(waiting).not.toEqual([])
    const cold = await reader()
    for (const key of waiting) expect(await cold.space.get(key, { after: token })).toBe(10)

    await rm(join(folder, 'held'))
    const second = await persister()
    await expect.poll(async () => (await lines('rows')).length, { timeout: 20_000 }).toBe(60)
    const rows = await lines('rows')
    for (const key of keys)
      expect(rows.filter((row) => row.key === key).map(({ value }) => value)).toEqual(
        Array.from({ length: 10 }, (_, at) => at + 1),
      )
    expect(new Set((await lines('deliveries')).map(({ id }) => id)).size).toBe(60)
    // SIGTERM: the intents of what was persisted are closed, and the position is kept.
    second.child.kill('SIGTERM')
    expect(await second.ended).toMatchObject({ code: 0, err: '' })

    for (const { cache, space } of [writer, cold, await reader()]) {
      expect((await cache.sync()).proved).toBe(true)
      const before = cache.stats().loads
      for (const key of keys) expect(await space.getOrSet(key, () => load(key))).toBe(10)
      expect(cache.stats().loads - before).toBe(keys.length)
    }
    const delivered = (await lines('deliveries')).length
    const third = await persister()
    await expect
      .poll(async () => (await fetch(`${third.listening}/readyz`)).status, { timeout: 10_000 })
      .toBe(200)
    await writeBehind(writer.space, 'order 0', 11)
    await expect.poll(async () => (await lines('rows')).length, { timeout: 10_000 }).toBe(61)
    expect((await lines('deliveries')).length).toBe(delivered + 1)
  })

  it('two isolates that write one row through agree with the source, and each sees its own write', async () => {
    let row = { name: 'none', version: 0 }
    let commits = Promise.resolve()
    // Commits in any order, and answers in any order.
    const commit = async (name: string) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
      commits = commits.then(() => void (row = { name, version: row.version + 1 }))
      await commits
      const { version } = row
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
      return { version }
    }
    const both = [
      await isolate<string>('users', {}, { use: [writeIntents({ max: '5s' }), replicate()] }),
      await isolate<string>('users', {}, { use: [writeIntents({ max: '5s' })] }),
    ]
    const users = both.map(({ space }) => space)
    let loads = 0
    const load = () => {
      loads++
      return row.name
    }
    for (const each of users) expect(await each.getOrSet('7', load)).toBe('none')
    for (let turn = 0; turn < 8; turn++) {
      const tokens = await Promise.all(
        users.map((each, at) => writeThrough(each, '7', `${turn} by ${at}`, (name) => commit(name))),
      )
      for (const each of users)
        for (const after of tokens) expect(await each.getOrSet('7', load, { after })).toBe(row.name)
    }
    expect([row.version, loads > 0]).toEqual([16, true])
    // One after the other: the writer holds what it has written, until the other one writes.
    for (let turn = 0; turn < 6; turn++) {
      const [here, there] = turn % 2 === 0 ? users : users.toReversed()
      const after = await writeThrough(here!, '7', `${turn} alone`, (name) => commit(name))
      const own = () => Promise.reject(new Error('it is not held'))
      expect(await here!.getOrSet('7', own)).toBe(`${turn} alone`)
      expect(await there!.getOrSet('7', load, { after })).toBe(`${turn} alone`)
    }
    // At rest both hold it: no writer runs whose intent keeps the value out.
    for (const each of users) await each.getOrSet('7', load)
    const before = loads
    for (const each of users) expect(await each.getOrSet('7', load)).toBe(row.name)
    expect(loads).toBe(before)
  })

  it('a domain is read whole after compaction, with what was written alone since', async () => {
    const updates = `${topics.updates}-compacted`
    await cluster.createTopic(updates, {
      partitions: 1,
      configs: {
        'cleanup.policy': 'compact',
        'segment.ms': '1',
        'min.cleanable.dirty.ratio': '0.001',
        'max.compaction.lag.ms': '1',
      },
    })
    const options = { use: [replicate()], updatePartitions: 1, topics: { ...topics, updates } }
    const { cache: one, space: team } = await isolate<number>('team', {}, options)
    for (const value of [1, 2, 3]) {
      await setMany(team, { Ada: value, Bob: value, Cid: value }, { domain: 'team:7' })
      if (value === 2) await team.set('Cid', 20)
    }
    await team.set('Bob', 30)
    const left = async () => {
      const first = { topic: updates, partition: 0, offset: 0 }
      const { records } = await cluster.read([first], { maxBytes: 1_000_000, waitMs: 0 })
      return records.map(({ offset }) => offset)
    }
    await expect
      .poll(
        async () => {
          // The cleaner takes closed segments only, and each write closes the one before.
          await one.namespace<number>('other').set('roll', 0)
          return (await left()).slice(0, 3)
        },
        { timeout: 25_000, interval: 200 },
      )
      // Of the domain the last record; of each key that was written alone, its own.
      .toEqual([2, 3, 4])
    const { cache: late, space: members } = await isolate<number>('team', {}, options)
    expect(await prewarm(late)).toMatchObject({ complete: true })
    const own = () => Promise.reject(new Error('it is not held'))
    // Cid was written alone before the domain was, Bob after it.
    expect(await members.getOrSet('Ada', own)).toBe(3)
    expect(await members.getOrSet('Bob', own)).toBe(30)
    expect(await members.getOrSet('Cid', own)).toBe(3)
  })
})
