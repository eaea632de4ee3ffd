/** What a gateway counts for its metrics. */
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryCluster, startGateway } from '../../../services/gateway/index.ts'
import type { StartOptions } from '../../../services/gateway/index.ts'
import { GatewayCounters } from '../../../services/gateway/counters.ts'
import { Refusal } from '../../../services/gateway/refusal.ts'
import type { RefusalReason } from '../../../services/gateway/refusal.ts'
import { MemoryLog } from '../../../src/testing/memory-log.ts'
import { until } from '../../cli/service-process.ts'
import { BINARY, V2 } from './harness.ts'
import { selfSigned } from './self-signed.ts'

type Answer = readonly [method: string, route: string, status: number]
const RECORDS = '/topics/:topic/partitions/:partition/records'
/** The topic `t` as polls name it: plainly, and so that the router reads it. */
const NAMED = ['t', '%74']

async function counted(options: StartOptions = {}, cluster?: ReturnType<typeof memoryCluster>) {
  const counters = new GatewayCounters()
  const answers: Answer[] = []
  const durations: number[] = []
  counters.answered = (method, route, status, ms) => {
    answers.push([method, route, status])
    durations.push(ms)
  }
  const { url, port, close } = await (cluster
    ? startGateway({ counters, cluster })
    : startGateway({ counters, memory: { topics: { t: 1 } }, ...options }))
  onTestFinished(close)
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}${path}`, { headers })
    await answer.arrayBuffer()
    return answer.status
  }
  const poll = (offset: number, timeout: number, topic = 't', signal?: AbortSignal) =>
    fetch(
      `${url}/topics/${topic}/partitions/0/records?offset=${offset}&timeout=${timeout}&max_bytes=100000`,
      { headers: { accept: BINARY }, ...(signal && { signal }) },
    )
  const produce = (records: readonly object[]) =>
    fetch(`${url}/topics/t`, {
      method: 'POST',
      headers: { 'content-type': BINARY },
      body: JSON.stringify({ records }),
    })
  return { counters, answers, durations, get, poll, port, produce, url }
}

const settled = (look: () => unknown, value: unknown) =>
  until(
    async () => look(),
    (found) => JSON.stringify(found) === JSON.stringify(value),
  )

describe('the requests of a gateway', () => {
  it('go by the pattern of their route, and never by their path', async () => {
    const { answers, get } = await counted()
    for (const path of [
      '/topics/t',
      '/topics/a.b',
      '/v3/clusters/c/topics/t/records',
      '/nowhere/at/all',
      '/',
    ])
      await get(path)
    expect(answers.map(([, route]) => route)).toEqual([
      '/topics/:topic',
      '/topics/:topic',
      'other',
      'other',
      '/',
    ])
  })

  it.each(NAMED)(
    'that are polls (of %s) count once they are answered, with all of their wait',
    async (topic) => {
      const { answers, counters, durations, poll, produce } = await counted()
      const waiting = poll(0, 20_000, topic)
      await settled(() => counters.pollsWaiting, 1)
      expect(answers).toEqual([])
      await new Promise((resolve) => setTimeout(resolve, 20))
      await produce([{ value: 'AAAA' }])
      expect((await waiting).status).toBe(200)
      await settled(() => answers.length, 2)
      const at = answers.findIndex(([, route]) => route === RECORDS)
      expect(answers[at]).toEqual(['GET', RECORDS, 200])
      expect(durations[at]).toBeGreaterThan(15)
      expect(counters.pollsWaiting).toBe(0)
    },
  )

  it.each(NAMED)('whose client has gone (of %s) have a status of their own', async (topic) => {
    const { answers, counters, poll } = await counted()
    const gone = new AbortController()
    const waiting = poll(0, 20_000, topic, gone.signal).catch(() => 'gone')
    await settled(() => counters.pollsWaiting, 1)
    gone.abort()
    expect(await waiting).toBe('gone')
    await settled(() => answers, [['GET', RECORDS, 499]])
    await settled(() => counters.pollsWaiting, 0)
  })
})

describe('what a gateway refuses', () => {
  it('is counted by its reason, single records as well', async () => {
    const { counters, get, poll, produce } = await counted()
    for (const topic of NAMED) await poll(99, 0, topic)
    await get('/topics/t/partitions/0/records?offset=x&timeout=0&max_bytes=1', { accept: BINARY })
    await get('/topics/t/partitions/7/offsets', { accept: V2 })
    await produce([{ value: 'AAAA' }, { value: 'AAAA', partition: 9 }])
    expect(Object.fromEntries(counters.refused)).toEqual({
      'out-of-range': 2,
      malformed: 1,
      'unknown-partition': 2,
    })
  })

  it.each<[reason: RefusalReason, count: number, why: string]>([
    ['unavailable', 3, 'for each record that came together with others'],
    ['forbidden', 1, 'once where it ends the request'],
  ])('is counted as %s %i times, %s', async (reason, count) => {
    const cluster = memoryCluster(new MemoryLog({ topics: { t: 1 } }))
    cluster.append = () => Promise.reject(new Refusal(reason, 'No.'))
    const { counters, url } = await counted({}, cluster)
    const body = '{"value":{"type":"BINARY","data":"AA=="}}'.repeat(3)
    const headers = { 'content-type': 'application/json' }
    const path = `${url}/v3/clusters/${cluster.id}/topics/t/records`
    await (await fetch(path, { method: 'POST', headers, body })).text()
    expect(Object.fromEntries(counters.refused)).toEqual({ [reason]: count })
  })

  it.each(NAMED)('of polls (of %s) is counted where too many wait', async (topic) => {
    const { counters, poll } = await counted({ limits: { maxPolls: 4 } })
    // A client has three quarters of what the others leave.
    const waiting = [0, 1, 2].map(() => poll(0, 500, topic))
    await settled(() => counters.pollsWaiting, 3)
    expect((await poll(0, 500, topic)).status).toBe(429)
    expect([counters.pollsWaiting, counters.refused.get('busy')]).toEqual([3, 1])
    for (const answer of waiting) expect((await answer).status).toBe(200)
    expect(counters.pollsWaiting).toBe(0)
  })

  it('of credentials is counted: none, wrong ones, and too many of them', async () => {
    const { counters, get } = await counted({ auth: { tokens: ['secret'] } })
    await get('/topics')
    for (let nth = 0; nth < 12; nth++) await get('/topics', { authorization: 'Bearer wrong' })
    await get('/topics', { authorization: 'Bearer secret' })
    expect(counters.credentials.missing).toBe(1)
    expect(counters.credentials.wrong).toBe(10)
    // The right one too: it can be guessed, and was not seen from there before.
    expect(counters.credentials.limited).toBe(3)
  })

  it('of connections is counted', async () => {
    const { counters, port } = await counted({ maxConnections: 4 })
    const sockets: Socket[] = []
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
    for (let nth = 0; nth < 4; nth++) sockets.push(connect(port, '127.0.0.1'))
    await until(
      async () => [counters.connections, counters.connectionsRefused],
      ([open = 0, refused = 0]) => open + refused === 4,
    )
    // An address has three quarters of what the others leave.
    expect([counters.connections, counters.connectionsRefused]).toEqual([3, 1])
  })
})

it('the limits of a gateway stand beside what they bound', async () => {
  const { counters } = await counted({ limits: { maxPolls: 7 }, maxConnections: 9 })
  expect([counters.maxPolls, counters.maxConnections]).toEqual([7, 9])
  expect([new GatewayCounters().maxPolls, new GatewayCounters().maxConnections]).toEqual([
    undefined,
    undefined,
  ])
  const cluster = memoryCluster(new MemoryLog({ topics: { t: 1 } }))
  expect((await counted({}, cluster)).counters.maxPolls).toBe(1000)
})

describe('the bytes of a gateway', () => {
  it.each(['plain', 'tls'])(
    'are those of connections that are open and of those that were (%s)',
    async (how) => {
      const folder = await mkdtemp(join(tmpdir(), 'kedge-counters-'))
      onTestFinished(() => rm(folder, { recursive: true, force: true }))
      const { cert, key } = how === 'tls' ? await selfSigned(folder, 'localhost') : {}
      const { counters, port } = await counted(cert && key ? { tls: { cert, key } } : {})
      const { request } = how === 'tls' ? await import('node:https') : await import('node:http')
      const ask = (keeps: boolean) =>
        new Promise<void>((resolve, reject) => {
          const options = {
            port,
            host: '127.0.0.1',
            path: '/topics',
            headers: { 'x-long': 'x'.repeat(2000), connection: keeps ? 'keep-alive' : 'close' },
            rejectUnauthorized: false,
          }
          request(options, (answer) => answer.resume().on('end', resolve))
            .on('error', reject)
            .end()
        })
      await ask(true)
      await until(
        async () => counters.receivedBytes,
        (bytes) => bytes > 2000,
      )
      const first = counters.sentBytes
      expect(first).toBeGreaterThan(100)
      await ask(false)
      await until(
        async () => counters.receivedBytes,
        (bytes) => bytes > 4000,
      )
      await until(
        async () => counters.connections,
        (open) => open <= 1,
      )
      expect(counters.receivedBytes).toBeGreaterThan(4000)
      expect(counters.sentBytes).toBeGreaterThan(first)
    },
  )
})

it.each(NAMED)('a shared tail counts what it answers (of %s), and what it hands on', async (topic) => {
  const log = new MemoryLog({ topics: { t: 1 } })
  const { counters, poll } = await counted({}, memoryCluster(log))
  const value = new Uint8Array([1])
  log.append('t', { key: null, value, partition: 0 })
  expect((await poll(0, 0, topic)).status).toBe(200)
  expect([counters.tailHits, counters.tailReads]).toEqual([0, 1])
  const waiting = [poll(1, 20_000, topic), poll(1, 20_000, topic)]
  await settled(() => counters.pollsWaiting, 2)
  log.append('t', { key: null, value, partition: 0 })
  for (const answer of waiting) expect((await (await answer).json()) as unknown[]).toHaveLength(1)
  expect([counters.tailHits, counters.tailReads]).toEqual([2, 1])
})
