/** What the audit of a gateway says, and what it never does; and the ids of requests. */
import { afterEach, describe, expect, it } from 'vitest'
import { createGateway, memoryCluster, startGateway } from '../../../services/gateway/index.ts'
import type { AccessEntry, AuditEntry, RunningGateway } from '../../../services/gateway/index.ts'
import { MemoryLog } from '../../../src/testing/memory-log.ts'
import { BINARY, Clock, JSON_FORMAT } from './harness.ts'

const V3 = '/v3/clusters/kedge-memory/topics'
const JSON_TYPE = 'application/json'
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const ID = 'req-1:a/b'

function audited() {
  const entries: AuditEntry[] = []
  const log = new MemoryLog({ topics: { 'cache-a': 2, payroll: 1 } })
  const app = createGateway({
    cluster: memoryCluster(log),
    upstash: true,
    runtime: new Clock().runtime,
    auth: {
      credentials: [
        { name: 'edge', token: 'edge-token', topics: ['cache-*'] },
        { name: 'boss', token: 'boss-token', roles: ['admin'] },
      ],
    },
    onAudit: (entry) => entries.push(entry),
  })
  const ask = async (method: string, path: string, body?: string, type = JSON_TYPE, token = 'edge-token') => {
    const headers = {
      authorization: `Bearer ${token}`,
      'x-request-id': ID,
      traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
      ...(body !== undefined && { 'content-type': type }),
    }
    return app.request(path, { method, headers, ...(body !== undefined && { body }) })
  }
  return { entries, ask, log, app }
}

const edge = { principal: 'edge', roles: ['read', 'write'], remote: '', requestId: ID, traceId: TRACE }

describe('the audit', () => {
  it('has an entry for each partition that a request has written, with its offsets', async () => {
    const { entries, ask } = audited()
    const records = [0, 1, 1].map((partition) => ({ key: 'a-key', value: 'a-value', partition }))
    await ask('POST', '/topics/cache-a', JSON.stringify({ records }), JSON_FORMAT)
    await ask('POST', '/topics/cache-a/partitions/1', '{"records":[{"value":"a-value"}]}', JSON_FORMAT)
    await ask(
      'POST',
      `${V3}/cache-a/records`,
      '{"partition_id":0,"value":{"type":"STRING","data":"a-value"}}',
    )
    await ask('POST', '/produce', '{"topic":"cache-a","partition":0,"key":"a-key","value":"a-value"}')
    const write = { ...edge, act: 'write', topic: 'cache-a', outcome: 'ok' }
    expect(entries).toEqual([
      { ...write, partition: 0, offsets: [0, 0], count: 1 },
      { ...write, partition: 1, offsets: [0, 1], count: 2 },
      { ...write, partition: 1, offsets: [2, 2], count: 1 },
      { ...write, partition: 0, offsets: [1, 1], count: 1 },
      { ...write, partition: 0, offsets: [2, 2], count: 1 },
    ])
    expect(JSON.stringify(entries)).not.toMatch(/a-key|a-value|edge-token/)
  })

  it('has one for what was refused, and why', async () => {
    const { entries, ask } = audited()
    const records = '{"records":[{"value":1},{"value":2,"partition":9}]}'
    await ask('POST', '/topics/payroll', records, JSON_FORMAT)
    await ask('POST', '/topics/cache-a', records, JSON_FORMAT)
    await ask('DELETE', `${V3}/cache-a`)
    await ask('POST', V3, '{"topic_name":"evil"}')
    await ask('POST', V3, '{"topic_name":"cache-b"}', JSON_TYPE, 'boss-token')
    await ask('POST', V3, '{"topic_name":"cache-b"}', JSON_TYPE, 'boss-token')
    await ask('DELETE', `${V3}/cache-b`, undefined, JSON_TYPE, 'boss-token')
    expect(
      entries.map(({ act, principal, topic, count, outcome }) => [act, principal, topic, count, outcome]),
    ).toEqual([
      ['write', 'edge', 'payroll', 2, 'forbidden'],
      ['write', 'edge', 'cache-a', 1, 'ok'],
      ['write', 'edge', 'cache-a', 1, 'unknown-partition'],
      ['delete-topic', 'edge', 'cache-a', undefined, 'forbidden'],
      ['create-topic', 'edge', 'evil', undefined, 'forbidden'],
      ['create-topic', 'boss', 'cache-b', undefined, 'ok'],
      ['create-topic', 'boss', 'cache-b', undefined, 'exists'],
      ['delete-topic', 'boss', 'cache-b', undefined, 'ok'],
    ])
  })

  it('has none for reads', async () => {
    const { entries, ask, app } = audited()
    await ask('GET', '/topics')
    await ask('GET', '/topics/cache-a')
    await ask('GET', '/topics/payroll/partitions/0/offsets')
    await app.request('/topics')
    expect(entries).toEqual([])
  })

  it('has one for a wrong credential, without it, and counts those of an address that guesses', async () => {
    const { entries, ask } = audited()
    for (let at = 0; at < 25; at++) await ask('GET', '/topics', undefined, JSON_TYPE, `guess-${at}`)
    expect(entries).toHaveLength(10)
    expect(entries[0]).toEqual({
      ...edge,
      act: 'show-credential',
      outcome: 'wrong-credential',
      principal: '',
      roles: [],
      unsaid: 0,
    })
    expect(JSON.stringify(entries)).not.toContain('guess')
  })

  it('says how many it has left out in the next', async () => {
    const entries: AuditEntry[] = []
    const clock = new Clock()
    const cluster = memoryCluster(new MemoryLog())
    const auth = { tokens: ['right'] }
    const app = createGateway({
      cluster,
      auth,
      runtime: clock.runtime,
      onAudit: (entry) => entries.push(entry),
    })
    const guess = () => app.request('/topics', { headers: { authorization: 'Bearer wrong' } })
    for (let at = 0; at < 25; at++) await guess()
    for (let wait = 0; wait < 2; wait++) {
      clock.advance(6000)
      await guess()
    }
    expect(entries.map(({ unsaid }) => unsaid)).toEqual([...Array.from({ length: 10 }, () => 0), 15, 0])
  })
})

describe('a request id', () => {
  let gateway: RunningGateway | undefined
  afterEach(() => gateway?.close())

  it('comes back as it was given, on every answer, and stands in the access log', async () => {
    const access: AccessEntry[] = []
    gateway = await startGateway({ memory: { topics: { t: 1 } }, onRequest: (entry) => access.push(entry) })
    const records = '/topics/t/partitions/0/records?offset=0&timeout=0&max_bytes=9'
    const paths = ['/', '/healthz', '/topics', records, '/topics/t/partitions/9/offsets', '/nowhere']
    for (const [at, path] of paths.entries()) {
      const headers = { accept: `${BINARY}, */*`, 'x-request-id': `id-${at}` }
      expect((await fetch(gateway.url + path, { headers })).headers.get('x-request-id')).toBe(`id-${at}`)
    }
    expect(access.map(({ requestId }) => requestId)).toEqual(paths.map((_, at) => `id-${at}`))
  })

  it.each(['', 'a b', 'x'.repeat(129), '"quoted"', '{"forged":1}'])(
    'is made where %j was given',
    async (given) => {
      const { app } = audited()
      const ids = new Set<string>()
      for (let at = 0; at < 2; at++) {
        const got = await app.request('/healthz', { headers: { 'x-request-id': given } })
        ids.add(got.headers.get('x-request-id')!)
      }
      expect(ids.size).toBe(2)
      for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/)
    },
  )

  it.each(['', '00-xyz-1-01', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`])(
    'comes without a trace where traceparent is %j',
    async (traceparent) => {
      const { app, entries } = audited()
      await app.request('/topics', { headers: { authorization: 'Bearer wrong', traceparent } })
      expect(entries[0]?.traceId).toBeUndefined()
    },
  )
})
