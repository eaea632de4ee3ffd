/** `/ui` of gateway, serve and sync over HTTP: who may see what, and what it holds. */
import { get } from 'node:http'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EventParser } from '../../cli/ui/sse.ts'
import { MAX_VIEWERS } from '../../cli/ui/live-feed.ts'
import type { EvictionBatch, LiveState } from '../../cli/ui/state.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { memoryCluster } from '../../services/gateway/index.ts'
import type { KafkaCluster } from '../../services/gateway/index.ts'
import { memorySink } from '../../src/testing/index.ts'
import { MemoryLog } from '../../src/testing/memory-log.ts'
import { kedge } from './harness.ts'
import type { Surroundings } from './harness.ts'

/** What the page may weigh, gzipped. */
const MAX_PAGE_BYTES = 40_000
const READER = 'reader-token-0123456789abcdef'
const WRITER = 'writer-token-0123456789abcdef'
const OTHER = 'other-token-0123456789abcdefg'

/** A command in this process, until the test ends. Resolves with the address that it says. */
async function running(
  args: string[],
  env: Record<string, string> = {},
  said = /listening on (http:\S+)/,
  around: Partial<Surroundings> = {},
) {
  const stop = new AbortController()
  let out = ''
  let err = ''
  const address = await new Promise<string>((resolve, reject) => {
    const ended = kedge(args, {
      env,
      stop: stop.signal,
      runtime: systemRuntime(),
      fetch,
      openStore: async () => ({ sink: memorySink(), tier: undefined, close: async () => undefined }),
      ...around,
      onErr: (text) => (err += text),
      onOut: (text) => {
        out += text
        const found = said.exec(out)?.[1]
        if (found) resolve(found)
      },
    })
    void ended.then(({ code }) => reject(new Error(`ended with ${code}: ${out}${err}`)))
    onTestFinished(async () => {
      stop.abort()
      await ended
    })
  })
  return { address, stop: () => stop.abort(), output: () => out + err }
}

const credentials = JSON.stringify([
  { name: 'reader', token: READER, roles: ['read'], topics: ['cache-*'] },
  { name: 'writer', token: WRITER, roles: ['read', 'write'], topics: ['cache-*'] },
  { name: 'other', token: OTHER, roles: ['read', 'write'], topics: ['orders'] },
  { name: 'mute', token: 'mute-token-0123456789abcdefgh', roles: ['write'] },
])
const gatewayOf = (env: Record<string, string> = { KEDGE_GATEWAY_CREDENTIALS: credentials }) =>
  running(['gateway', '--port', '0', '--topic', 'cache-evictions:3'], env)

const asked = (url: string, token?: string, more: Record<string, string> = {}) =>
  fetch(url, { headers: { ...(token && { authorization: `Bearer ${token}` }), ...more } })

const stateAt = async (address: string, token?: string): Promise<LiveState> =>
  (await (await asked(`${address}/ui/state`, token)).json()) as LiveState

/** Reads events until one satisfies. */
async function until<T>(response: Response, name: string, holds: (data: T) => boolean): Promise<T> {
  const parser = new EventParser()
  const reader = response.body!.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new Error('the stream has ended')
      for (const { event, data } of parser.take(new TextDecoder().decode(value)))
        if (event === name && holds(JSON.parse(data) as T)) return JSON.parse(data) as T
    }
  } finally {
    await reader.cancel()
  }
}

const produce = (address: string, token: string | undefined, value: unknown, partition = 0) =>
  fetch(`${address}/topics/cache-evictions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/vnd.kafka.json.v2+json',
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ records: [{ partition, value }] }),
  })

const statusNamed = (address: string, host: string, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(address)
    get({ port, path, headers: { host } }, (got) => {
      got.resume()
      resolve(got.statusCode!)
    }).on('error', reject)
  })

describe('the page of the gateway', () => {
  it('is one HTML that may ask no other host, and small', async () => {
    const { address } = await gatewayOf()
    const response = await asked(`${address}/ui`)
    const html = await response.text()
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(gzipSync(html, { level: 9 }).length).toBeLessThan(MAX_PAGE_BYTES)
    const policy = response.headers.get('content-security-policy')!
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; /)
    expect(policy).toContain("connect-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(html.match(/(?:src|href)="(?!data:)/g)).toBeNull()
    // The name of XML's SVG is no request, and neither is the notice of a library.
    const code = html.replaceAll(/\/\*![^*]*\*\//g, '')
    const hosts = [...code.matchAll(/https?:\/\/([\w.-]+)/g)].map(([, host]) => host)
    expect(hosts.filter((host) => host !== 'www.w3.org')).toEqual([])
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('goes compressed to who takes that', async () => {
    const { address } = await gatewayOf()
    const body = await new Promise<Buffer>((resolve, reject) => {
      get(`${address}/ui`, { headers: { 'accept-encoding': 'gzip' } }, (got) => {
        const parts: Buffer[] = []
        got.on('data', (part: Buffer) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts)))
      }).on('error', reject)
    })
    expect(body.length).toBeLessThan(MAX_PAGE_BYTES)
    expect(gunzipSync(body).toString()).toContain('<title>kedge</title>')
  })

  it('tells its state to the role read alone, of topics that the credential may see', async () => {
    const { address } = await gatewayOf()
    const statuses = async (token?: string) =>
      Promise.all(
        ['state', 'events'].map(async (path) => (await asked(`${address}/ui/${path}`, token)).status),
      )
    expect(await statuses()).toEqual([401, 401])
    expect(await statuses('wrong')).toEqual([401, 401])
    expect(await statuses('mute-token-0123456789abcdefgh')).toEqual([403, 403])
    const seen = await stateAt(address, READER)
    expect(seen).toMatchObject({
      service: 'gateway',
      verdict: { mood: 'good', says: 'The log answers' },
      topic: { topic: 'cache-evictions', more: 0 },
      gateway: { log: 'memory' },
      showsEvictions: true,
    })
    expect(seen.topic!.partitions).toHaveLength(3)
    expect(seen).not.toHaveProperty('evicts')
    expect(await stateAt(address, WRITER)).toMatchObject({
      evicts: { by: 'gateway', topic: 'cache-evictions', partitions: 3 },
    })
    const other = await stateAt(address, OTHER)
    expect(other.showsEvictions).toBe(false)
    expect(other).not.toHaveProperty('topic')
    expect(other).not.toHaveProperty('evicts')
  })

  it('tells evictions as they come, from any partition, without values', async () => {
    const { address } = await gatewayOf()
    const response = await asked(`${address}/ui/events`, READER)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const coming = until<EvictionBatch>(response, 'evictions', ({ lines }) => lines.length > 0)
    // It tells what comes after the look at the ends.
    await until<LiveState>(await asked(`${address}/ui/events`, READER), 'state', () => true)
    const beginning = performance.now()
    const writing = setInterval(() => {
      void produce(address, WRITER, { v: 1, op: 'evict', ns: 'users', keys: ['7'], note: 'SECRET-VALUE' }, 2)
    }, 100)
    const { lines } = await coming.finally(() => clearInterval(writing))
    expect(lines[0]).toMatchObject({ partition: 2, namespace: 'users', what: 'keys', names: ['7'] })
    expect(JSON.stringify(lines)).not.toContain('SECRET')
    expect(performance.now() - beginning).toBeLessThan(10_000)
  })

  it('tells no evictions to who may not read their topic', async () => {
    const { address } = await gatewayOf()
    const stream = await asked(`${address}/ui/events`, OTHER)
    let seen = 0
    await produce(address, WRITER, { v: 1, op: 'evict', ns: 'users', keys: ['7'] })
    await until<LiveState>(stream, 'state', () => ++seen === 3)
    const again = await asked(`${address}/ui/events`, OTHER)
    await expect(
      Promise.race([
        until<EvictionBatch>(again, 'evictions', () => true),
        new Promise((resolve) => setTimeout(() => resolve('none'), 500)),
      ]),
    ).resolves.toBe('none')
  })

  it('does not make the topic that it looks for', async () => {
    const { address } = await running(['gateway', '--port', '0'])
    expect((await stateAt(address)).verdict).toMatchObject({ mood: 'waiting', says: 'Ready' })
    expect(await (await asked(`${address}/topics`)).json()).toEqual([])
  })

  it('names the brokers of a cluster by their ids alone, and counts its tails', async () => {
    const cluster = Object.assign(memoryCluster(new MemoryLog({ topics: { 'cache-evictions': 2 } })), {
      brokers: async () => [2, 1].map((id) => ({ id, host: `kafka-${id}.internal`, port: 9092 })),
      close: async () => undefined,
    })
    const { address } = await running(
      ['gateway', '--port', '0', '--open', '--brokers', 'kafka-1.internal:9092'],
      {},
      undefined,
      { connect: () => cluster as unknown as KafkaCluster },
    )
    const state = await until<LiveState>(
      await asked(`${address}/ui/events`),
      'state',
      ({ gateway }) => (gateway?.tails ?? 0) === 2,
    )
    expect(state.gateway).toMatchObject({ log: 'kafka', brokers: [1, 2], tails: 2 })
    expect(state.topic!.partitions).toEqual([
      { partition: 0, end: 0 },
      { partition: 1, end: 0 },
    ])
    expect(JSON.stringify(state)).not.toContain('internal')
  })

  it('has so many viewers, and gives their places back', async () => {
    const { address } = await gatewayOf()
    const open: Response[] = []
    for (const token of [READER, WRITER, OTHER])
      for (let each = 0; each < MAX_VIEWERS; each++) {
        const response = await asked(`${address}/ui/events`, token)
        if (response.status === 200) open.push(response)
        else {
          expect(response.status).toBe(503)
          expect(response.headers.get('retry-after')).toBe('5')
          await response.text()
        }
      }
    expect(open).toHaveLength(MAX_VIEWERS)
    await open.pop()!.body!.cancel()
    await expect
      .poll(async () => {
        // The reader has more than its share of what is left.
        const response = await asked(`${address}/ui/events`, OTHER)
        await response.body?.cancel()
        return response.status
      })
      .toBe(200)
    await Promise.all(open.map((each) => each.body!.cancel()))
  })

  it('keeps no place for a HEAD', async () => {
    const { address } = await gatewayOf()
    for (let each = 0; each < MAX_VIEWERS * 2; each++) {
      const response = await fetch(`${address}/ui/events`, {
        method: 'HEAD',
        headers: { authorization: `Bearer ${READER}` },
      })
      expect(response.status).toBe(200)
    }
  })

  it('answers no web page of another origin', async () => {
    const { address } = await running(['gateway', '--port', '0'])
    for (const path of ['/ui/state', '/ui/events'])
      expect((await asked(`${address}${path}`, undefined, { 'sec-fetch-site': 'cross-site' })).status).toBe(
        403,
      )
    expect(await statusNamed(address, 'evil.example', '/ui')).toBe(421)
    expect(await statusNamed(address, 'evil.example', '/ui/state')).toBe(421)
  })

  it('lets the gateway stop while a viewer looks', async () => {
    const { address, stop } = await gatewayOf()
    const response = await asked(`${address}/ui/events`, READER)
    const began = performance.now()
    stop()
    await expect(until(response, 'state', () => false)).rejects.toThrow()
    expect(performance.now() - began).toBeLessThan(4000)
  })
})

describe('the page of serve', () => {
  const tokens = {
    KEDGE_SERVE_READ_TOKENS: `${READER},${WRITER}`,
    KEDGE_SERVE_EVICT_TOKENS: WRITER,
  }
  const serveOf = async (env: Record<string, string> = tokens, more: string[] = []) => {
    const gateway = await running(['gateway', '--port', '0'])
    const args = ['serve', '--port', '0', '--url', gateway.address, '--transport', 'fetch', ...more]
    const serve = await running(args, env, /shows what it does on (http:\S+)\/ui/)
    return { gateway, ...serve }
  }

  it('is for the scope read, and lets the scope evict evict', async () => {
    const { address } = await serveOf()
    expect((await asked(`${address}/ui`)).status).toBe(200)
    expect((await asked(`${address}/ui/state`)).status).toBe(401)
    expect((await asked(`${address}/ui/state`, OTHER)).status).toBe(401)
    expect(await stateAt(address, READER)).not.toHaveProperty('evicts')
    expect(await stateAt(address, WRITER)).toMatchObject({ service: 'serve', evicts: { by: 'serve' } })
  })

  it('says whether freshness is proved, and how old the proof is', async () => {
    const { address, gateway } = await serveOf()
    const stream = () => asked(`${address}/ui/events`, READER)
    const fresh = await until<LiveState>(await stream(), 'state', ({ verdict }) => verdict.mood === 'good')
    expect(fresh.verdict).toMatchObject({ says: 'Fresh', since: { verb: 'proved' } })
    expect(fresh.verdict.since!.ageMs).toBeLessThan(2000)
    expect(fresh.topic).toMatchObject({ topic: 'cache-evictions', partitions: [{ partition: 0 }] })
    gateway.stop()
    const lost = await until<LiveState>(await stream(), 'state', ({ verdict }) => verdict.mood === 'bad')
    expect(lost.verdict).toMatchObject({ says: 'Not proved', since: { verb: 'last proved' } })
    expect(lost.verdict.because).toContain('Held values are served for 30s')
    // Where the log is, is none of a reader's business.
    expect(lost.verdict.because).toContain('connection refused')
    expect(lost.verdict.because).not.toMatch(/127\.0\.0\.1|http:|localhost/)
  })

  it('tells evictions with their names once they are applied', async () => {
    const { address } = await serveOf()
    await until<LiveState>(
      await asked(`${address}/ui/events`, READER),
      'state',
      ({ verdict }) => verdict.mood === 'good',
    )
    const coming = until<EvictionBatch>(
      await asked(`${address}/ui/events`, READER),
      'evictions',
      ({ lines }) => lines.length > 0,
    )
    await fetch(`${address}/evictions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${WRITER}`, 'content-type': 'application/json' },
      body: JSON.stringify({ namespace: 'users', tags: ['team:7', 'team:8'] }),
    })
    expect((await coming).lines[0]).toMatchObject({
      namespace: 'users',
      what: 'tags',
      names: ['team:7', 'team:8'],
    })
  })

  it('writes a wrong credential into the audit, as every route does', async () => {
    const { address, output } = await serveOf(tokens, ['--audit', 'stdout'])
    await asked(`${address}/ui/state`, 'wrong')
    await expect.poll(output).toContain('wrong-credential')
  })

  it('answers no web page of another origin', async () => {
    const { address } = await serveOf({}, ['--open'])
    expect((await asked(`${address}/ui/state`)).status).toBe(200)
    const foreign = await asked(`${address}/ui/events`, undefined, { 'sec-fetch-site': 'cross-site' })
    expect(foreign.status).toBe(403)
    expect(await statusNamed(address, 'evil.example', '/ui/state')).toBe(421)
  })
})

describe('the page of sync', () => {
  const syncOf = async () => {
    const gateway = await running(['gateway', '--port', '0', '--topic', 'orders:2'])
    const args = [
      'sync',
      '--topic',
      'orders',
      '--key',
      'order:{key}',
      '--to',
      'redis://x',
      '--url',
      gateway.address,
    ]
    return { gateway, ...(await running([...args, '--listen', '0'])) }
  }

  it('says how far the store is behind, and what could not be used, without what it says', async () => {
    const { address, gateway } = await syncOf()
    await fetch(`${gateway.address}/topics/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.binary.v2+json' },
      body: JSON.stringify({
        records: [
          { key: btoa('7'), value: btoa('{"a":1}'), partition: 0 },
          { value: btoa('{"secret":"SECRET-VALUE"}'), partition: 1 },
        ],
      }),
    })
    const state = await until<LiveState>(
      await asked(`${address}/ui/events`),
      'state',
      ({ sync }) => (sync?.records ?? 0) >= 2,
    )
    expect(state).toMatchObject({
      service: 'sync',
      verdict: { mood: 'good', says: 'Level' },
      showsEvictions: false,
    })
    expect(state.topic).toMatchObject({
      topic: 'orders',
      partitions: [
        { partition: 0, position: 1, end: 1 },
        { partition: 1, position: 1, end: 1 },
      ],
    })
    expect(state.sync!.lastUnusable).toEqual([{ at: 'orders 1@0', reason: 'missing' }])
    expect(state.sync!.counts).toContainEqual({ name: 'unusable', count: 1 })
    expect(JSON.stringify(state)).not.toContain('SECRET')
  })

  it('is for its own machine alone, by a name of that', async () => {
    const { address } = await syncOf()
    expect(await statusNamed(address, 'localhost', '/ui')).toBe(200)
    for (const path of ['/ui', '/ui/state', '/ui/events'])
      expect(await statusNamed(address, 'sync.example', path)).toBe(403)
    expect((await fetch(`${address}/ui`, { method: 'POST' })).status).toBe(405)
    // What was there before asks nothing.
    expect(await statusNamed(address, 'sync.example', '/healthz')).toBe(200)
  })
})
