/** What the audit of the worker says, and what it never does; and the ids of requests. */
import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createCache } from '../../src/index.ts'
import { memory, MemoryLog } from '../../src/testing/index.ts'
import { createApp } from '../../worker/app.ts'
import type { AuditEntry, AuditOptions } from '../../worker/audit-options.ts'
import { auditTopic } from '../../worker/audit-sinks.ts'
import { bearerAuth, openToAll } from '../../worker/auth.ts'
import { createDeployment } from '../../worker/deployment.ts'
import { fakeOrigin } from './fake-origin.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SECRET = 'sixteen-letters!sixteen-letters!'
const NAMED = expect.stringMatching(/^token-[0-9a-f]{8}$/) as string

function audited(options: Partial<AuditOptions> = {}, origin?: ReturnType<typeof fakeOrigin>['origin']) {
  const entries: AuditEntry[] = []
  const log = new MemoryLog()
  const kafka = memory({ on: log })
  const waiting: Promise<unknown>[] = []
  const app = createApp({
    cache: createCache({ kafka }),
    auth: bearerAuth({ read: ['a-reader'], write: ['a-writer'], evict: ['a-writer'] }),
    namespaces: ['users'],
    audit: { tell: (entry) => entries.push(entry), ...options },
    context: () => ({ waitUntil: (work) => void waiting.push(work) }),
    ...(origin && { origin }),
  })
  const ask = async (method: string, path: string, body?: object, token = 'a-writer') => {
    const answer = await app.request(path, {
      method,
      headers: {
        'x-request-id': 'r-1',
        traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
        ...(token !== '' && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    await Promise.all(waiting)
    return answer
  }
  return { entries, ask, app, log, kafka }
}

const writer = { principal: NAMED, roles: ['write', 'evict'], remote: '', requestId: 'r-1', traceId: TRACE }

describe('the audit of the worker', () => {
  it('has an entry for each partition that a request has written', async () => {
    const { entries, ask } = audited()
    await ask('PUT', '/cache/users/a-key', { value: 'a-value' })
    await ask('DELETE', '/cache/users/a-key')
    const evict = { ...writer, act: 'evict', topic: 'cache-evictions', partition: 0, outcome: 'ok' }
    expect(entries).toEqual([
      {
        ...writer,
        act: 'write',
        namespace: 'users',
        count: 1,
        topic: 'cache-evictions',
        partition: 0,
        lastOffset: 0,
        outcome: 'ok',
      },
      { ...evict, namespace: 'users', what: 'keys', count: 1, lastOffset: 1 },
    ])
    expect(JSON.stringify(entries)).not.toMatch(/a-key|a-value|a-writer/)
  })

  it.each([
    [
      { namespace: 'users', keys: ['a-key', 'b-key'] },
      { namespace: 'users', what: 'keys', count: 2 },
    ],
    [
      { namespace: 'users', tags: ['a-tag'] },
      { namespace: 'users', what: 'tags', count: 1 },
    ],
    [
      { namespace: 'users', prefix: 'a-pre' },
      { namespace: 'users', what: 'prefix' },
    ],
    [
      { namespace: 'users', all: true },
      { namespace: 'users', what: 'namespace' },
    ],
    [{ all: true }, { what: 'all' }],
  ])('says what %j has evicted, and no key or tag', async (body, says) => {
    const { entries, ask } = audited({ topics: { evictions: 'shop.evictions' } })
    await ask('POST', '/evictions', body)
    const place = { topic: 'shop.evictions', partition: 0, outcome: 'ok' }
    expect(entries[0]).toEqual({ ...writer, act: 'evict', ...place, lastOffset: expect.any(Number), ...says })
    expect(JSON.stringify(entries)).not.toMatch(/[ab]-(?:key|tag|pre)/)
  })

  it('shows keys as hashes by a secret, a hundred at most', async () => {
    const { entries, ask } = audited({ keysHash: SECRET })
    await ask('PUT', '/cache/users/a-key', { value: 1 })
    await ask('POST', '/evictions', {
      namespace: 'users',
      keys: Array.from({ length: 100 }, (_, at) => `k${at}`),
    })
    const hash = createHmac('sha256', SECRET).update('a-key').digest('hex').slice(0, 32)
    expect(entries[0]?.keys).toEqual([hash])
    expect(new Set(entries[1]?.keys).size).toBe(100)
    expect(() => audited({ keysHash: 'short' })).toThrow('`audit.keysHash`')
  })

  it('says why a write has failed', async () => {
    const { entries, ask, kafka } = audited()
    kafka.produce = () => Promise.reject(new Error('away'))
    expect((await ask('DELETE', '/cache/users/a')).status).toBe(503)
    const refusing = fakeOrigin(() => new Response('', { status: 409 }))
    const at = audited({}, refusing.origin)
    await at.ask('PUT', '/cache/users/a', { value: 1 })
    expect([entries[0]?.outcome, at.entries[0]?.outcome]).toEqual(['ERR_PUBLISH', 'ERR_ORIGIN_REFUSED'])
    expect(at.entries[0]).not.toHaveProperty('topic')
  })

  it('has one for a refused credential, without it, and none for a missing one or for reads', async () => {
    const { entries, ask } = audited()
    await ask('GET', '/cache/users/a', undefined, 'wrong-token')
    await ask('DELETE', '/cache/users/a', undefined, 'a-reader')
    await ask('DELETE', '/cache/users/a', undefined, '')
    await ask('GET', '/cache/users/a', undefined, 'a-reader')
    const sent = { remote: '', requestId: 'r-1', traceId: TRACE, unsaid: 0 }
    expect(entries).toEqual([
      { ...sent, act: 'show-credential', outcome: 'wrong-credential', principal: '', roles: [] },
      { ...sent, act: 'evict', outcome: 'forbidden', principal: NAMED, roles: ['read'] },
    ])
    expect(JSON.stringify(entries)).not.toMatch(/wrong-token|a-reader/)
  })

  it('has entries without an address, and the answers stay, where the function for it throws', async () => {
    const { entries, ask } = audited({
      remote: () => {
        throw new Error('no such header')
      },
    })
    const answers = [
      await ask('DELETE', '/cache/users/a'),
      await ask('GET', '/cache/users/a', undefined, 'wrong-token'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 401])
    expect(entries).toMatchObject([
      { act: 'evict', outcome: 'ok', remote: '' },
      { act: 'show-credential', outcome: 'wrong-credential', remote: '' },
    ])
  })

  it('counts refused credentials beyond ten, and says so in the next', async () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
    const { entries, ask } = audited()
    for (let at = 0; at < 25; at++) await ask('GET', '/cache/users/a', undefined, `guess-${at}`)
    expect(entries).toHaveLength(10)
    now.mockReturnValue(7000)
    for (let at = 0; at < 2; at++) await ask('GET', '/cache/users/a', undefined, `guess-${at}`)
    expect(entries.map(({ unsaid }) => unsaid).slice(9)).toEqual([0, 15])
  })

  afterEach(() => {
    vi.restoreAllMocks()
    vi.unstubAllGlobals()
  })

  it('goes to a topic, and a topic that is away stops no request', async () => {
    const lines: string[] = []
    const lost: number[] = []
    let isAway = true
    const produce = async (topic: string, records: readonly { value: Uint8Array | null }[]) => {
      if (isAway) throw new Error('away')
      lines.push(...records.map(({ value }) => `${topic} ${new TextDecoder().decode(value!)}`))
      return []
    }
    const tell = auditTopic({ kafka: { produce }, topic: 'who', onLost: (count) => lost.push(count) })
    const { ask } = audited({ tell })
    expect((await ask('DELETE', '/cache/users/a')).status).toBe(200)
    isAway = false
    expect((await ask('DELETE', '/cache/users/a')).status).toBe(200)
    expect(lost).toEqual([1])
    expect(lines).toEqual([
      expect.stringMatching(/^who \{"time":.*"act":"evict",.*"lost":1,"writer":"[\w-]+","seq":1\}$/),
    ])
  })

  it.each(['console', 'topic'])(
    'of the deployment goes to the %s, with the address that Cloudflare names',
    async (AUDIT) => {
      const sent: string[] = []
      vi.stubGlobal('fetch', async (input: string | URL | Request, init?: RequestInit) => {
        const request = new Request(input, init)
        const text = await request.text()
        const path = new URL(request.url).pathname
        if (path === '/topics/who')
          for (const { value } of (JSON.parse(text) as { records: { value: string }[] }).records)
            sent.push(atob(value))
        const count = text === '' ? 1 : (JSON.parse(text) as { records: unknown[] }).records.length
        const offsets = Array.from({ length: count }, () => ({
          partition: 0,
          offset: 7,
          error_code: null,
          error: null,
        }))
        return Response.json({ offsets }, { headers: { 'content-type': 'application/vnd.kafka.v2+json' } })
      })
      const env = {
        KAFKA_REST_URL: 'http://kafka.test',
        KAFKA_FLAVOR: 'gateway',
        AUTH: 'open',
        AUDIT,
        ...(AUDIT === 'topic' && { AUDIT_TOPIC: 'who' }),
        AUDIT_KEY: SECRET,
        AUDIT_KEYS_HASH: SECRET,
      }
      const waiting: Promise<unknown>[] = []
      const context = {
        waitUntil: (work: Promise<unknown>) => void waiting.push(work),
        passThroughOnException: () => undefined,
        props: {},
      }
      const worker = createDeployment({ onAudit: (line) => sent.push(line) })
      const request = new Request('http://worker.test/cache/users/a', {
        method: 'DELETE',
        headers: { 'cf-connecting-ip': '192.0.2.7', 'x-request-id': 'r-2' },
      })
      const answer = await worker.fetch(request, env, context)
      expect([answer.status, answer.headers.get('x-request-id')]).toEqual([200, 'r-2'])
      while (waiting.length > 0) await waiting.shift()
      const says = {
        remote: '192.0.2.7',
        requestId: 'r-2',
        act: 'evict',
        lastOffset: 7,
        keys: [expect.any(String)],
      }
      expect(sent.map((line) => JSON.parse(line) as object)).toMatchObject([says])
      expect(sent[0]).toMatch(/"seq":0,"chain":"[0-9a-f]{64}"\}$/)
    },
  )

  it.each([
    [{ AUDIT_KEY: SECRET }, '`AUDIT_KEY` needs `AUDIT`'],
    [{ AUDIT: 'console', AUDIT_TOPIC: 'a' }, '`AUDIT_TOPIC` needs `AUDIT` topic'],
    [{ AUDIT: 'file' }, '`AUDIT` must be one of'],
    [{ AUDIT: 'topic', AUDIT_KEY: 'short' }, '`AUDIT_KEY` must be a secret of at least 32'],
  ])('is refused with %j', async (more, says) => {
    const env = { KAFKA_REST_URL: 'http://kafka.test', AUTH: 'open', ...more }
    const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
    const answer = await createDeployment().fetch(new Request('http://worker.test/healthz'), env, context)
    expect(await answer.text()).toContain(says)
  })
})

describe('a request id of the worker', () => {
  const app = createApp({ cache: createCache({ kafka: memory() }), auth: openToAll, namespaces: ['users'] })

  it('comes back as it was given, on every answer', async () => {
    for (const path of ['/healthz', '/cache/users/a', '/cache/other/a', '/nowhere', '/evictions']) {
      const answer = await app.request(path, { headers: { 'x-request-id': 'req-1:a/b' } })
      expect(answer.headers.get('x-request-id'), path).toBe('req-1:a/b')
    }
  })

  it.each(['', 'a b', 'x'.repeat(129), '"quoted"'])('is made where %j was given', async (given) => {
    const answer = await app.request('/healthz', { headers: { 'x-request-id': given } })
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })
})
