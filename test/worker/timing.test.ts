import { Hono } from 'hono'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { KedgeError } from '../../src/ports/errors.ts'
import type { CacheOptions } from '../../src/index.ts'
import { sharedTier } from '../../src/tier/index.ts'
import { memoryTier } from '../../src/testing/index.ts'
import { kedge, type KedgeEnv, type KedgeMiddlewareOptions } from '../../worker/middleware.ts'
import { RequestStatus } from '../../worker/request-status.ts'
import { world } from '../src/world.ts'
import type { World } from '../src/world.ts'
import { readServerTiming } from './server-timing.ts'

interface Row {
  readonly name: string
}

/** What `Cache-Status` has for the words of `Server-Timing`; where several reads are one, it has the same ones. */
const SAME: Readonly<Record<string, RegExp>> = {
  hit: /^kedge; hit; ttl=\d+$/,
  tier: /^kedge; hit; ttl=\d+; detail=tier$/,
  swr: /^kedge; hit; ttl=-\d+; detail=swr$/,
  error: /^kedge; hit; ttl=-\d+; detail=error$/,
  timeout: /^kedge; hit; ttl=-\d+; detail=timeout$/,
  unreachable: /^kedge; hit; ttl=\d+; detail=unreachable$/,
  miss: /^kedge; fwd=miss; stored$/,
  stale: /^kedge; fwd=stale; stored$/,
  bypass: /^kedge; fwd=bypass$/,
  failed: /^kedge; fwd=miss; detail=failed$/,
  absent: /^kedge; detail=absent$/,
  unread: /^kedge; detail=unread$/,
}

/** An app over a real cache, whose source takes its time. */
async function serving(
  options: Partial<CacheOptions> = {},
  more: KedgeMiddlewareOptions = {},
  at: World = world(),
) {
  const calls = { ms: 0 }
  const { cache, kafka } = at.isolate({ ttl: '1m', ...options }, { latency: () => calls.ms })
  cache.namespace<Row>('rows')
  await at.run(cache.sync())
  const source = { ms: 40, fails: false }
  const load = async ({ key }: { key: string }): Promise<Row> => {
    await at.runtime.sleep(source.ms)
    if (source.fails) throw new Error('the source is down')
    return { name: key }
  }
  const app = new Hono<KedgeEnv>()
  app.use(kedge(cache, { timing: true, status: true, ...more }))
  app.get('/rows/:key', async (c) => {
    const given: object = c.req.query()
    return c.json(await c.var.cache.namespace<Row>('rows').getOrSet(c.req.param('key'), load, given))
  })
  app.get('/both/:keys', async (c) => {
    const rows = c.var.cache.namespace<Row>('rows')
    return c.json(
      await Promise.all(
        c.req
          .param('keys')
          .split(',')
          .map((key) => rows.getOrSet(key, load)),
      ),
    )
  })
  app.get('/held/:key', async (c) =>
    c.json((await c.var.cache.namespace<Row>('rows').get(c.req.param('key'))) ?? null),
  )
  app.get('/nothing', (c) => c.text('ok'))
  app.get('/passed-on', (c) => c.body(null, 200, { 'server-timing': 'db;dur=53' }))
  const ask = async (path: string) => at.run(Promise.resolve(app.request(path)))
  const timing = async (path: string) => {
    const { headers } = await ask(path)
    const field = headers.get('server-timing') ?? ''
    // Whatever comes is what a browser takes, and says the same as the other header.
    const { desc } = readServerTiming(field).find(({ name }) => name === 'kedge')!
    expect(headers.get('cache-status')).toMatch(SAME[desc!] ?? new RegExp(`detail="${desc}"`))
    return field
  }
  return { at, app, ask, timing, source, calls, kafka, cache }
}

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))

describe('Server-Timing', () => {
  it('says that a value was loaded, and how long that took', async () => {
    const { timing } = await serving()
    expect(await timing('/rows/a')).toBe('kedge;desc="miss";dur=40, kedge-load;dur=40')
  })

  it('says that a value was held', async () => {
    const { timing, ask } = await serving()
    await ask('/rows/a')
    expect(await timing('/rows/a')).toBe('kedge;desc="hit";dur=0')
    expect(await timing('/held/a')).toBe('kedge;desc="hit";dur=0')
    expect(await timing('/held/b')).toBe('kedge;desc="absent";dur=0')
  })

  it('says how long a held value has waited for its proof', async () => {
    const { timing, ask, at, calls } = await serving()
    await ask('/rows/a')
    await at.runtime.advance(5000)
    calls.ms = 15
    expect(await timing('/rows/a')).toMatch(/^kedge;desc="hit";dur=(\d+), kedge-wait;dur=\1$/)
  })

  it('tells a value whose TTL was over from one that was never there', async () => {
    const { timing, ask, at } = await serving()
    await ask('/rows/a')
    await at.runtime.advance(61_000)
    expect(await timing('/rows/a')).toContain('kedge;desc="stale"')
  })

  it('says why a stale value was served: it is being renewed', async () => {
    const { timing, ask, at } = await serving()
    await ask('/rows/a?swr=1m')
    await at.runtime.advance(61_000)
    expect(await timing('/rows/a?swr=1m')).toContain('kedge;desc="swr"')
  })

  it('says why a stale value was served: the load failed, after so long', async () => {
    const { timing, ask, at, source } = await serving()
    await ask('/rows/a?staleIfError=1h')
    await at.runtime.advance(61_000)
    source.fails = true
    expect(await timing('/rows/a?staleIfError=1h')).toMatch(
      /^kedge;desc="error";dur=(\d\d), kedge-load;dur=\1$/,
    )
  })

  it('says why a stale value was served: the load is slow', async () => {
    const { timing, ask, at, source } = await serving()
    await ask('/rows/a?staleIfError=1h')
    await at.runtime.advance(61_000)
    source.ms = 5000
    expect(await timing('/rows/a?staleIfError=1h&timeout=100ms')).toBe(
      'kedge;desc="timeout";dur=100, kedge-load;dur=100',
    )
  })

  it('says why a stale value was served: Kafka is out of reach', async () => {
    const { timing, ask, at, kafka } = await serving({ onUnreachable: 'stale', maxOutage: '30s' })
    await ask('/rows/a')
    kafka.fail(new KedgeError('ERR_NETWORK', 'away', { retryable: true }))
    await at.runtime.advance(3000)
    expect(await timing('/rows/a')).toContain('kedge;desc="unreachable"')
  })

  it('says that a load went past the cache', async () => {
    const { timing, ask, at, kafka } = await serving({ onUnreachable: 'bypass' })
    await ask('/rows/a')
    kafka.fail(new KedgeError('ERR_NETWORK', 'away', { retryable: true }))
    await at.runtime.advance(10_000)
    expect(await timing('/rows/a')).toContain('kedge;desc="bypass"')
  })

  it('says that a value came from a shared tier', async () => {
    const use = [sharedTier(memoryTier())]
    const { at, ask } = await serving({ use })
    await ask('/rows/a')
    const other = await serving({ use }, {}, at)
    expect(await other.timing('/rows/a')).toContain('kedge;desc="tier"')
    expect(await other.timing('/rows/a')).toContain('kedge;desc="hit"')
  })

  it('says that a load failed, and after how long', async () => {
    const { timing, source } = await serving()
    source.fails = true
    expect(await timing('/rows/a')).toBe('kedge;desc="failed";dur=40, kedge-load;dur=40')
  })

  it('says of a read that failed for want of a proof that it has waited for that alone', async () => {
    const { timing, ask, at, calls } = await serving({ onUnreachable: 'throw' })
    await ask('/rows/a')
    await at.runtime.advance(10_000)
    calls.ms = 60_000
    expect(await timing('/rows/a')).toMatch(/^kedge;desc="failed";dur=(\d{3}), kedge-wait;dur=\1$/)
  })

  it('sums up several reads as Cache-Status does, and tells the longest', async () => {
    const { timing, ask } = await serving()
    await ask('/rows/a')
    expect(await timing('/both/a,b')).toBe('kedge;desc="2 reads: 1 hit, 1 miss";dur=40, kedge-load;dur=40')
  })

  it('is as long for two hundred reads as for two, and has no key', async () => {
    const { timing } = await serving()
    const keys = Array.from({ length: 200 }, (_, nth) => `secret${nth}`).join(',')
    expect(await timing(`/both/${keys}`)).toBe('kedge;desc="200 reads: 200 miss";dur=40, kedge-load;dur=40')
  })

  it('says that a request has read nothing, refused ones too', async () => {
    const { timing, app } = await serving()
    expect(await timing('/nothing')).toBe('kedge;desc="unread"')
    const answer = await app.request('/nothing', { headers: { 'kedge-token': 'nonsense' } })
    expect([answer.status, answer.headers.get('server-timing'), answer.headers.get('cache-status')]).toEqual([
      400,
      'kedge;desc="unread"',
      'kedge; detail=unread',
    ])
  })

  it('stands after what others have said', async () => {
    const { timing } = await serving()
    expect(await timing('/passed-on')).toBe('db;dur=53, kedge;desc="unread"')
  })

  it('is not there unless it is asked for', async () => {
    const { ask } = await serving({}, { timing: false })
    const answer = await ask('/rows/a')
    expect([answer.headers.has('server-timing'), answer.headers.has('cache-status')]).toEqual([false, true])
    const alone = await serving({}, { status: false })
    const timed = await alone.ask('/rows/a')
    expect([timed.headers.has('server-timing'), timed.headers.has('cache-status')]).toEqual([true, false])
  })

  it('is shown to those alone who may see it, where a function says who', async () => {
    const { app, at } = await serving({}, { timing: (c) => c.req.header('x-staff') === 'yes' })
    const ask = (headers: Record<string, string>) =>
      at.run(Promise.resolve(app.request('/rows/a', { headers })))
    expect((await ask({})).headers.has('server-timing')).toBe(false)
    expect((await ask({ 'x-staff': 'yes' })).headers.get('server-timing')).toBe('kedge;desc="hit";dur=0')
  })
})

describe('RequestStatus', () => {
  it('tells the same by both headers', () => {
    const status = new RequestStatus()
    const read = { namespace: 'rows', key: 'a', loads: true, durationMs: 3 }
    status.add({ ...read, error: new Error('x') })
    status.add({ ...read, durationMs: 9, error: new Error('x') })
    expect(status.toString()).toContain('detail="2 reads: 2 failed"')
    expect(status.timing()).toBe('kedge;desc="2 reads: 2 failed";dur=9, kedge-load;dur=9')
  })

  it('has no load to tell of a read that was given up, and has no loader', () => {
    const status = new RequestStatus()
    status.add({ namespace: 'rows', key: 'a', loads: false, durationMs: 5, error: new Error('aborted') })
    expect(status.timing()).toBe('kedge;desc="failed";dur=5, kedge-wait;dur=5')
  })
})
