/** The stores that `kedge sync` opens by their URLs, with their real clients. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parseStoreUrl, secretsOf } from '../../cli/store-url.ts'
import { openStore } from '../../cli/store.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { startRedis, withoutRedis } from '../store-servers/redis.ts'
import type { RedisServer } from '../store-servers/redis.ts'
import { startMemcached, withoutMemcached } from '../store-servers/memcached.ts'
import type { TestMemcached } from '../store-servers/memcached.ts'
import { append, kedge, proxy } from './harness.ts'

const OPTIONS = { password: undefined, prefix: 'kedge:' }

describe('The URL of a store', () => {
  const bare = { tls: false, username: undefined, password: undefined, db: undefined }
  it.each([
    ['redis://h', { ...bare, kind: 'redis', hosts: [{ host: 'h', port: 6379 }], href: 'redis://h' }],
    ['redis://h:7/2', { ...bare, kind: 'redis', hosts: [{ host: 'h', port: 7 }], db: 2 }],
    [
      'rediss://ann:p%40ss@h',
      { ...bare, kind: 'redis', tls: true, username: 'ann', password: 'p@ss', href: 'rediss://h' },
    ],
    ['redis://:pw@[::1]:7', { ...bare, kind: 'redis', password: 'pw', hosts: [{ host: '::1', port: 7 }] }],
    [
      'redis-cluster://a:1,b:2',
      {
        ...bare,
        kind: 'redis-cluster',
        hosts: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
      },
    ],
    [
      'memcached://a,b:2',
      {
        ...bare,
        kind: 'memcached',
        hosts: [
          { host: 'a', port: 11_211 },
          { host: 'b', port: 2 },
        ],
      },
    ],
    ['https://x.upstash.io', { ...bare, kind: 'upstash', tls: true, href: 'https://x.upstash.io' }],
  ])('%s is read', (url, expected) => expect(parseStoreUrl(url, undefined)).toMatchObject(expected))

  it('takes its password from elsewhere where it has none', () => {
    expect(parseStoreUrl('redis://ann@h', 'pw')).toMatchObject({ username: 'ann', password: 'pw' })
    expect(parseStoreUrl('redis://ann:own@h', 'pw').password).toBe('own')
  })

  it('lists its secrets, in encoded and in decoded form', () => {
    expect(secretsOf('redis://ann:p%40ss@h')).toEqual(['p%40ss', 'p@ss'])
    expect(secretsOf('redis://h')).toEqual([])
  })
})

describe('A store', () => {
  it('of Redis that is not there fails for now, and is closed', async () => {
    const { sink, close } = await openStore('redis://127.0.0.1:1', OPTIONS)
    await expect(sink.state('s')).rejects.toMatchObject({ retryable: true })
    await close()
  })

  it('of Upstash needs a token', async () => {
    await expect(openStore('https://x.upstash.io', OPTIONS)).rejects.toThrow(/KEDGE_SYNC_PASSWORD/)
    const { sink, tier } = await openStore('https://x.upstash.io', { ...OPTIONS, password: 'token' })
    expect([sink.name, tier?.name]).toEqual(['upstash-redis', 'upstash-redis'])
  })
})

describe('kedge sync where nothing listens', () => {
  it.each([
    [
      'redis://127.0.0.1:1',
      /^the store fails: no connection to Redis at 127\.0\.0\.1:1 \(connection refused/,
    ],
    ['redis-cluster://127.0.0.1:1', /^the store fails: no connection to Redis at 127\.0\.0\.1:1: /],
    ['memcached://127.0.0.1:1', /^the store fails: no answer from Memcached at 127\.0\.0\.1:1: .*REFUSED/],
  ])('%s says so at once, and ends with 1 in its time', async (to, says) => {
    const { fetch } = proxy()
    const args = [
      'sync',
      '--topic',
      'orders',
      '--key',
      '{key}',
      '--to',
      to,
      '--once',
      '--give-up-after',
      '2s',
    ]
    // Without an end of its own it would run until the test is ended.
    const { code, err } = await kedge(args, { fetch, runtime: systemRuntime() })
    expect(code).toBe(1)
    const [first, last] = err.split('\n')
    expect(first).toMatch(says)
    expect(last).toMatch(/^kedge: the store has failed for (?:[2-9]|1\d) s: no (?:connection|answer)/)
  })
})

describe.skipIf(withoutRedis())('kedge sync on a real Redis', () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedis({ settings: { requirepass: 's3cret' } })
  })
  afterAll(() => redis?.stop())

  it('keeps it equal to a topic', async () => {
    const { log, fetch } = proxy()
    append(log, 'orders', { id: 7, total: 5 }, '7')
    append(log, 'orders', { id: 8, total: 6 }, '8')
    append(log, 'orders', null, '8')
    const args = ['sync', '--topic', 'orders', '--key', '{order:{key}}:latest', '--once']
    const around = {
      fetch,
      runtime: systemRuntime(),
      env: { KEDGE_SYNC_TO: `redis://:s3cret@127.0.0.1:${redis.port}/1` },
    }
    const { code, err, out } = await kedge(args, around)
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).toContain('at the end: 3 records')
    const { sink, close } = await openStore(around.env.KEDGE_SYNC_TO, OPTIONS)
    expect((await sink.state(/stream (\S+)\)/.exec(out)![1]!))?.positions).toEqual(new Map([[0, 3]]))
    await close()
  })

  it.each([false, true])(
    'keeps it equal to a table, by Debezium’s events (schema: %s)',
    async (withSchema) => {
      const { log, fetch } = proxy({ partitions: 3 })
      const schema = { type: 'struct', optional: false }
      const json = (payload: unknown) => JSON.stringify(withSchema ? { schema, payload } : payload)
      const source = { connector: 'postgresql', db: 'shop', schema: 'public', table: 'customers' }
      const utf8 = (text: string) => new TextEncoder().encode(text)
      const change = (id: string, op: string, before: string | null, after: string | null) => {
        const row = (email: string | null) => email && { id: 'ID', email, sum: 1 }
        const event = { before: row(before), after: row(after), source, op, ts_ms: 1_700_000_000_000 }
        const [key, value] = [json({ id: 'ID' }), json(event)].map((text) =>
          utf8(text.replaceAll('"ID"', id).replaceAll('"sum":1', '"sum":1.10')),
        )
        const partition = Number(BigInt(id) % 3n)
        log.append('shop.public.customers', { key: key!, value: value!, partition })
        if (op === 'd') log.append('shop.public.customers', { key: key!, value: null, partition })
      }
      const ids = Array.from({ length: 40 }, (_, n) => String(9_007_199_254_740_993n + BigInt(n)))
      for (const id of ids) change(id, 'r', null, 'first')
      for (let n = 0; n < 10; n++) for (const id of ids) change(id, 'u', `v${n - 1}`, `v${n}`)
      for (const [n, id] of ids.entries()) if (n % 4 === 0) change(id, 'd', 'v9', null)
      // A key that changes: Debezium deletes the old row, and makes the new one.
      change(ids[1]!, 'd', 'v9', null)
      change('77', 'c', null, 'moved')
      change(ids[4]!, 'c', null, 'again')
      const to = `redis://:s3cret@127.0.0.1:${redis.port}/${withSchema ? 3 : 2}`
      const args = ['sync', '--topic', 'shop.public.customers', '--format', 'debezium', '--once']
      const around = { fetch, runtime: systemRuntime(), env: { KEDGE_SYNC_TO: to } }
      const { code, err } = await kedge([...args, '--max-batch', '7'], around)
      expect([code, err]).toEqual([0, ''])
      const client = new Redis(to)
      onTestFinished(() => client.disconnect())
      const keys = (await client.keys('shop.public.customers:*')).toSorted()
      const left = ids.filter((_, n) => n % 4 !== 0 && n !== 1)
      expect(keys).toEqual([...left, ids[4]!, '77'].map((id) => `shop.public.customers:${id}`).toSorted())
      const values = await client.mget(keys)
      for (const [n, key] of keys.entries()) {
        const id = key.replace('shop.public.customers:', '')
        const email = id === '77' ? 'moved' : id === ids[4] ? 'again' : 'v9'
        expect(values[n]).toBe(`{"id":${id},"email":"${email}","sum":1.10}`)
      }
    },
  )

  it('ends at once where its password is refused', async () => {
    const { log, fetch } = proxy()
    append(log, 'orders', { id: 7 }, '7')
    const { code, err } = await kedge(
      ['sync', '--topic', 'orders', '--key', '{key}', '--to', `redis://:wr0ng@127.0.0.1:${redis.port}`],
      { fetch, runtime: systemRuntime() },
    )
    expect(code).toBe(1)
    expect(err).toMatch(/^kedge: /)
    expect(err).not.toContain('wr0ng')
  })
})

describe.skipIf(withoutMemcached())('kedge sync on real Memcacheds', () => {
  const servers: TestMemcached[] = []

  beforeAll(async () => {
    servers.push(await startMemcached(), await startMemcached())
  })
  afterAll(async () => void (await Promise.all(servers.map((server) => server.stop()))))

  it('keeps them equal to a topic', async () => {
    const { log, fetch } = proxy()
    for (let at = 0; at < 20; at++) append(log, 'orders', { id: at }, `${at}`)
    append(log, 'orders', null, '3')
    const to = `memcached://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
    const { code, err, out } = await kedge(
      ['sync', '--topic', 'orders', '--key', 'order:{key}', '--to', to, '--once'],
      {
        fetch,
        runtime: systemRuntime(),
      },
    )
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).toContain('at the end: 21 records')
    const found = await Promise.all(
      Array.from({ length: 20 }, async (_, at) => {
        const values = await Promise.all(servers.map((server) => server.get(`order:${at}`)))
        return values.flatMap((value) => value?.toString() ?? [])
      }),
    )
    expect(found).toEqual(Array.from({ length: 20 }, (_, at) => (at === 3 ? [] : [`{"id":${at}}`])))
  })
})
