/** Listeners of a program that throw, or are `async` and reject: nothing that they listen to may notice. */
import { describe, expect, it } from 'vitest'
import { logEvents } from '../../adapters/logs/log-events.ts'
import { AuditLines } from '../../services/audit/audit-lines.ts'
import { createGateway, memoryCluster } from '../../services/gateway/index.ts'
import { createPersister } from '../../services/persister/index.ts'
import { createTierFollower } from '../../services/sync/tier-follower.ts'
import { createCache } from '../../src/index.ts'
import { memory, MemoryLog, memoryTier } from '../../src/testing/index.ts'
import { createApp } from '../../worker/app.ts'
import { bearerAuth, openToAll } from '../../worker/auth.ts'
import { createDeployment } from '../../worker/deployment.ts'
import { applyEvictions } from '../../worker/lambda/topics.ts'
import { serve } from '../../worker/node.ts'

const TOKEN = 'evicter-token-0123456789abcdef'
const bytes = (text: string) => new TextEncoder().encode(text)
const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
const bindings = { KAFKA_REST_URL: 'http://127.0.0.1:1', KAFKA_FLAVOR: 'gateway', AUTH: 'open' }

type Listener = () => never

/** An app whose tags have a fault of the program in them, which its `onError` gets. */
const faulty = (onError: Listener) =>
  createApp({
    cache: createCache({ kafka: memory() }),
    auth: { authorize: () => Promise.reject(new Error('a fault of the program')) },
    onError,
  })

/** What each gives the listener to, and what has to come of its work all the same. */
const LISTENED: Readonly<Record<string, (listener: Listener) => Promise<unknown>>> = {
  'a cache, to its reads': async (onRead) =>
    expect(
      await createCache({ kafka: memory() })
        .for(context, { onRead })
        .namespace<string>('users')
        .getOrSet('7', () => 'Ada'),
    ).toBe('Ada'),

  'a persister': async (onEvent) => {
    const log = new MemoryLog()
    log.append('cache-writes', { key: null, value: bytes('garbage') })
    const persister = createPersister({
      kafka: memory({ on: log }),
      stores: { users: () => Promise.resolve() },
      onEvent,
    })
    await persister.step({ budget: '5s' })
    expect((await persister.lag()).records).toBe(0)
    await persister.close()
  },

  'the applier of a tier': async (onEvent) => {
    const [log, tier] = [new MemoryLog(), memoryTier()]
    log.append('cache-evictions', { key: null, value: bytes('{"v":1,"op":"clear","ns":"users"}') })
    await createTierFollower({ kafka: memory({ on: log }), tier, onEvent }).step()
    expect((await tier.applier.position(0))?.position).toBe(1)
  },

  'the applier of a tier in Lambda': async (onEvent) => {
    const [log, tier] = [new MemoryLog(), memoryTier()]
    const value = bytes('{"v":1,"op":"clear","ns":"users"}')
    log.append('cache-evictions', { key: null, value })
    const take = applyEvictions({ kafka: memory({ on: log }), tier, onEvent })
    const record = { partition: 0, offset: 0, key: null, value, timestamp: 0, headers: [] }
    await take([record] as never, { signal: new AbortController().signal } as never)
    expect((await tier.applier.position(0))?.position).toBe(1)
  },

  'the gateway, to its requests': async (onRequest) => {
    const app = createGateway({ cluster: memoryCluster(new MemoryLog()), onRequest })
    expect((await app.request('/')).status).toBe(200)
  },

  'the gateway, to its audit': async (onAudit) => {
    const cluster = memoryCluster(new MemoryLog({ topics: { t: 1 } }))
    const app = createGateway({ cluster, auth: { tokens: [TOKEN] }, onAudit })
    const wrong = await app.request('/', { headers: { authorization: 'Bearer wrong' } })
    expect(wrong.status).toBe(401)
    const answer = await app.request('/topics/t', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'application/vnd.kafka.json.v2+json',
      },
      body: JSON.stringify({ records: [{ value: 1 }] }),
    })
    expect(answer.status).toBe(200)
  },

  'the gateway, to its errors': async (onError) => {
    const cluster = memoryCluster(new MemoryLog())
    cluster.topics = () => Promise.reject(new Error('a fault of the program'))
    expect((await createGateway({ cluster, onError }).request('/topics')).status).toBe(500)
  },

  'an app, to its errors': async (onError) =>
    expect((await faulty(onError).request('/cache/users/7')).status).toBe(500),

  'an app, to its audit': async (tell) => {
    const app = createApp({
      cache: createCache({ kafka: memory() }),
      auth: bearerAuth({ evict: [TOKEN] }),
      audit: { tell },
    })
    const ask = (token: string) =>
      app.request('/cache/users/7', { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
    expect((await ask('a-wrong-token-0123456789abcdef')).status).toBe(401)
    expect((await ask(TOKEN)).status).toBe(200)
  },

  'an app, to what counts its requests': async (begin) => {
    const app = createApp({
      cache: createCache({ kafka: memory() }),
      auth: openToAll,
      metrics: { begin },
    })
    expect((await app.request('/healthz')).status).toBe(200)
    const counting = createApp({
      cache: createCache({ kafka: memory() }),
      auth: openToAll,
      metrics: { begin: () => begin },
    })
    expect((await counting.request('/healthz')).status).toBe(200)
  },

  'the ready worker, to its errors': async (onError) => {
    const worker = createDeployment({ onError })
    const request = new Request('http://worker.test/healthz')
    expect((await worker.fetch(request, { ...bindings, KAFKA_REST_URL: 'no URL' }, context)).status).toBe(500)
  },

  'audit lines, to those that are lost': async (onLost) => {
    const lines = new AuditLines({ send: () => Promise.resolve(), onLost })
    await lines.tell({ text: 'x'.repeat(9_000_000) })
  },

  'a logger of events': async (log) => {
    const listener = logEvents({ log })
    listener({ type: 'background_error', error: new Error('x') } as never)
    listener.flush()
  },

  'a server of Node, to its errors': async (onError) => {
    const cache = createCache({ kafka: memory() })
    cache.follow = () => Promise.reject(new Error('a fault of the program'))
    const server = await serve({ app: faulty(onError), cache, port: 0, onError })
    await server.close()
  },
}

/** What was rejected while this ran, without a handler. */
async function unheardIn(work: () => Promise<unknown>): Promise<unknown[]> {
  const unheard: unknown[] = []
  const note = (reason: unknown) => void unheard.push(reason)
  process.on('unhandledRejection', note)
  try {
    await work()
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('unhandledRejection', note)
  }
  return unheard
}

describe.each(Object.entries(LISTENED))('a broken listener of %s', (_of, given) => {
  it.each([
    ['throws', () => raise()],
    // Not a function of Vitest's: that hears the rejection itself.
    ['rejects', () => Promise.reject(new Error('mine')) as never],
  ])('that %s disturbs nothing', async (_how, fails) => {
    let calls = 0
    const listener = () => (calls++, fails())
    expect(await unheardIn(() => given(listener))).toEqual([])
    expect(calls).toBeGreaterThan(0)
  })
})

function raise(): never {
  throw new Error('mine')
}
