/** Clients, a relay, and behind it a proxy: each a process of its own in life, and a server of its own here. */
import { afterEach, describe, expect, it } from 'vitest'
import { confluent } from '../../../../adapters/kafka/confluent.ts'
import { gateway } from '../../../../adapters/kafka/gateway.ts'
import { tail } from '../../../../adapters/sharing/tail.ts'
import { startGateway, upstreamCluster } from '../../../../services/gateway/index.ts'
import type { GatewayOptions } from '../../../../services/gateway/index.ts'
import { createCache } from '../../../../src/index.ts'
import type { KafkaLog } from '../../../../src/ports/kafka-log.ts'
import { withoutIdentity } from '../../../conformance/without-identity.ts'

const BINARY = 'application/vnd.kafka.binary.v2+json'
const V2 = 'application/vnd.kafka.v2+json'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** Confluent's, of which none tells the identity of a log. */
const proxy = (url: string) => confluent({ url, fetch: withoutIdentity })

async function relayed(
  connect: (url: string) => KafkaLog = (url) => gateway({ url }),
  options: Partial<GatewayOptions> = {},
) {
  const asked: string[] = []
  const origin = await startGateway({
    memory: { topics: { 'cache-evictions': 1 }, autoCreate: false },
    onRequest: ({ method, path }) => void asked.push(`${method} ${path}`),
  })
  const cluster = upstreamCluster(connect(origin.url))
  const relay = await startGateway({ cluster, problem: () => cluster.problem(), ...options })
  closing.push(
    () => origin.close(),
    () => cluster.close(),
    () => relay.close(),
  )
  const get = (path: string, accept = V2) => fetch(`${relay.url}${path}`, { headers: { accept } })
  const append = (value: string) =>
    origin.log.append('cache-evictions', { key: null, value: new TextEncoder().encode(value) })
  return { append, asked, cluster, get, origin, relay }
}

const OFFSETS = '/topics/cache-evictions/partitions/0/offsets'
const RECORDS = '/topics/cache-evictions/partitions/0/records?timeout=0&max_bytes=100000&offset='

describe('A relay', () => {
  it('tells the identity of its log, by each way that a gateway has for it', async () => {
    const { append, get, origin } = await relayed()
    append('1')
    const { logId } = origin.log.offsets('cache-evictions', 0)
    const offsets = await get(OFFSETS)
    expect([offsets.headers.get('kedge-log-id'), await offsets.json()]).toEqual([
      logId,
      { beginning_offset: 0, end_offset: 1 },
    ])
    expect((await get('/topics/cache-evictions')).headers.get('kedge-log-id')).toBe(logId)
    expect((await get(`${RECORDS}0`, BINARY)).headers.get('kedge-log-id')).toBe(logId)
    expect(await (await get('/tail/cache-evictions/0')).text()).toContain(logId)
  })

  it('tells no identity over REST where the proxy has none, and a lineage with shared proofs', async () => {
    const { append, get } = await relayed(proxy)
    for (let value = 0; value < 3; value++) append(String(value))
    for (const [path, accept] of [[OFFSETS], ['/topics/cache-evictions'], [`${RECORDS}0`, BINARY]] as const) {
      const { status, headers } = await get(path, accept)
      expect([path, status, headers.has('kedge-log-id'), headers.has('etag')]).toEqual([
        path,
        200,
        false,
        false,
      ])
    }
    const proofOf = async () =>
      ((await (await get('/tail/cache-evictions/0')).text()).match(/"log":"[^"]+"/) ?? [])[0]
    const proof = await proofOf()
    expect(proof).toMatch(/"log":"[0-9a-f]{32}"/)
    expect(await proofOf()).toBe(proof)
  })

  it('refuses in the words of each protocol what its upstream cannot do', async () => {
    const { append, cluster, get, relay } = await relayed(proxy)
    append('1')
    const base = `/v3/clusters/${cluster.id}/topics`
    const post = (path: string, body: unknown, type = 'application/json') =>
      fetch(`${relay.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: JSON.stringify(body),
      })
    const refused = [
      await get('/topics'),
      await get(base, 'application/json'),
      await get(`${RECORDS}0&isolation_level=read_committed`, BINARY),
    ]
    for (const answer of refused) {
      expect(answer.status).toBe(501)
      expect(await answer.json()).toEqual({ error_code: 501, message: expect.stringContaining('upstream') })
    }
    const headers = [{ name: 'trace', value: 'MQ==' }]
    const record = (more: object) => ({ value: { type: 'STRING', data: 'v' }, ...more })
    const written = await post(`${base}/cache-evictions/records`, record({ headers }))
    expect(await written.json()).toMatchObject({
      error_code: 501,
      message: expect.stringContaining('headers'),
    })
    const plain = await post(`${base}/cache-evictions/records`, record({}))
    const report = await plain.json()
    expect(report).toMatchObject({ error_code: 200, partition_id: 0, offset: 1 })
    expect(report).not.toHaveProperty('timestamp')
  })

  it('says to probes why it serves no client, and serves again by itself', async () => {
    const { get, origin } = await relayed()
    await get(OFFSETS)
    expect((await get('/readyz')).status).toBe(200)
    await origin.pause()
    const away = await get(OFFSETS)
    expect([away.status, away.headers.get('retry-after'), await away.json()]).toEqual([
      503,
      '1',
      { error_code: 50302, message: 'The upstream does not answer.' },
    ])
    const ready = await get('/readyz')
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'waiting', problem: 'the upstream does not answer' },
    ])
    expect((await get('/healthz')).status).toBe(200)
    await origin.resume()
    await expect.poll(async () => (await get('/readyz')).status, { timeout: 15_000 }).toBe(200)
  })

  it('answers a long poll when a record comes, behind a proxy that has none', async () => {
    const { append, get } = await relayed(proxy)
    append('a')
    const poll = get(RECORDS.replace('timeout=0', 'timeout=20000') + '1', BINARY)
    await new Promise((resolve) => setTimeout(resolve, 300))
    append('b')
    expect(await (await poll).json()).toMatchObject([{ offset: 1 }])
  })

  it('is not seen by caches when the topic is created anew behind it: they drop what they hold', async () => {
    const { origin, relay } = await relayed(proxy)
    const reasons: string[] = []
    const cache = createCache({
      kafka: gateway({ url: relay.url }),
      refreshAfter: '50ms',
      onEvent: (event) => void (event.type === 'reanchor' && reasons.push(event.reason)),
    })
    const users = cache.namespace('users', { ttl: '1m' })
    for (let key = 0; key < 5; key++) await users.delete(String(key))
    await cache.sync()
    await users.getOrSet('7', async () => 'old')
    origin.log.recreateTopic('cache-evictions')
    for (let key = 0; key < 6; key++)
      origin.log.append('cache-evictions', {
        key: null,
        value: new TextEncoder().encode(`{"v":1,"op":"x${key}"}`),
      })
    await expect
      .poll(
        async () => {
          await cache.sync().catch(() => undefined)
          return reasons
        },
        { timeout: 15_000 },
      )
      .toContain('replaced')
    expect(await users.getOrSet('7', async () => 'new')).toBe('new')
    await cache.close()
  })
})

type Connect = (url: string) => KafkaLog

/** Requests a second at the upstream of N busy caches, with five evictions a second, until each cache knows all of them. */
async function costOf(count: number, connect: Connect, client: Connect) {
  const { append, asked, relay } = await relayed(connect)
  const caches = Array.from({ length: count }, () =>
    createCache({ kafka: client(relay.url), maxStaleness: '1s', refreshAfter: '100ms' }),
  )
  const spaces = caches.map((cache) => cache.namespace('users', { ttl: '1m' }))
  const busy = async () => {
    await Promise.all(spaces.map((users) => users.getOrSet('7', async () => 'value')))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const knowAll = () => caches.every((cache) => cache.stats().evictionsApplied >= 10)
  await busy()
  // One that has not found the end yet would begin after the first of them.
  while (!caches.every((cache) => cache.stats().reanchors > 0)) await busy()
  const before = asked.length
  const began = performance.now()
  const passed = () => (performance.now() - began) / 1000
  for (let evictions = 0; !knowAll() && passed() < 20;) {
    if (evictions < 10 && passed() > evictions / 5) append(`{"v":1,"ns":"users","keys":["${evictions++}"]}`)
    await busy()
  }
  const perSecond = (asked.length - before) / passed()
  const instances = asked.filter((one) => one === 'POST /consumers/kedge').length
  const isDone = knowAll()
  await Promise.all(caches.map((cache) => cache.close()))
  return { perSecond, instances, isDone }
}

describe('What N caches behind a relay cost its upstream', () => {
  const toGateway: Connect = (url) => gateway({ url })
  const toTail: Connect = (url) => tail({ origin: gateway({ url }), url })

  it.each([
    ['a gateway', toGateway, toGateway, 0],
    ['a proxy with consumer instances', proxy, toGateway, 1],
    ['a proxy with consumer instances, by shared proofs', proxy, toTail, 1],
  ])('does not grow with N: %s', async (_, connect, client, instances) => {
    const one = await costOf(1, connect, client)
    const fifty = await costOf(50, connect, client)
    // Ten a second for the end; for each eviction a read, which at an instance takes two requests.
    for (const cost of [one, fifty]) {
      expect(cost.perSecond).toBeLessThanOrEqual(30)
      expect(cost).toMatchObject({ instances, isDone: true })
    }
  })
})
