/** `viaLoader`, answered by hand: which answers are used, and what happens without one. */
import { describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions } from '../../../src/index.ts'
import { viaLoader } from '../../../src/loader-client/index.ts'
import type { ViaLoaderOptions } from '../../../src/loader-client/index.ts'
import type { LoadOptions } from '../../../src/index.ts'
import type { RequestMessage } from '../../../src/wire/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { readyIn, world } from '../../src/world.ts'
import type { World } from '../../src/world.ts'
import { writeBehind, writeIntents } from '../../../src/write-paths/index.ts'

const decode = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as unknown
const encode = (message: unknown) => new TextEncoder().encode(JSON.stringify(message))

/** Every request in the log, in order. */
function requests(at: World, partition = 0): RequestMessage[] {
  if (at.log.describe('cache-requests') === undefined) return []
  const { end } = at.log.offsets('cache-requests', partition)
  const options = { maxBytes: Infinity, isolation: 'uncommitted' } as const
  const { records } = at.log.read('cache-requests', { partition, offset: 0 }, options)!
  expect(records).toHaveLength(end)
  return records.map(({ value }) => decode(value!) as RequestMessage)
}

function put(at: World, key: string, value: unknown, more: Record<string, unknown> = {}): void {
  const message = {
    v: 1,
    op: 'put',
    ns: 'users',
    key,
    value,
    ttl: 60_000,
    at: at.runtime.now(),
    asOf: 0,
    ...more,
  }
  at.log.append('cache-updates', {
    key: new TextEncoder().encode(`users/${key}`),
    value: encode(message),
  })
}

function none(at: World, key: string, more: Record<string, unknown>): void {
  const message = { v: 1, op: 'del', ns: 'users', key, ...more }
  at.log.append('cache-updates', { key: new TextEncoder().encode(`users/${key}`), value: encode(message) })
}

const evict = (at: World, key: string) =>
  at.log.append('cache-evictions', {
    key: null,
    value: encode({ v: 1, op: 'evict', ns: 'users', keys: [key] }),
  }).offset

async function asking(options: Partial<CacheOptions> = {}, kafka: MemoryOptions = {}, workers = false) {
  const at = world({ isolatesRequests: workers })
  const isolate = await readyIn(at, options, kafka)
  let loads = 0
  const load = () => `own ${++loads}`
  return {
    at,
    ...isolate,
    load,
    get loads() {
      return loads
    },
    /** A miss. */
    begin: (key = '1', { wait, ...more }: ViaLoaderOptions & LoadOptions<string> = {}) => {
      const own = viaLoader(load, wait === undefined ? {} : { wait })
      const asked = { value: isolate.users.getOrSet(key, own, more) }
      asked.value.catch(() => undefined)
      return asked
    },
  }
}

describe.each([
  ['where promises may be shared', false],
  ['where requests are isolated', true],
])('a miss that asks a loader service, %s', (_, workers) => {
  it('says which key, until when, from where on and from which position on', async () => {
    const { at, begin, kafka } = await asking({}, {}, workers)
    at.log.append('cache-evictions', { key: null, value: encode({ v: 1, op: 'beat' }) })
    put(at, '1', 'before')
    begin('1', { wait: 700 })
    await at.runtime.advance(0)
    expect(requests(at)).toEqual([
      {
        v: 1,
        op: 'load',
        ns: 'users',
        key: '1',
        deadline: at.runtime.now() + 700,
        end: 1,
        asOf: 0,
        log: at.log.offsets('cache-evictions', 0).logId,
      },
    ])
    expect(kafka.calls.produce).toBe(1)
  })

  it('takes no answer that is past its TTL, whatever windows follow it, and loads instead', async () => {
    const asker = await asking({ swr: '1h', staleIfError: '1h' }, {}, workers)
    const { at, begin } = asker
    const asked = begin()
    await at.runtime.advance(50)
    put(at, '1', 'over', { ttl: 1000, at: at.runtime.now() - 3_000_000 })
    expect(await at.run(asked.value)).toBe('own 1')
  })

  it('keeps an answer for the windows of the call', async () => {
    const { at, begin, users } = await asking({}, {}, workers)
    const asked = begin('1', { swr: '1m' })
    await at.runtime.advance(50)
    put(at, '1', 'Ada', { ttl: 5000 })
    await at.run(asked.value)
    await at.runtime.advance(10_000)
    const stale = await at.run(users.getEntry('1', () => 'new', { swr: '1m' }))
    expect(stale).toMatchObject({ value: 'Ada', staleBecause: 'swr' })
  })

  it('takes the answer, holds it with its own as-of and ttl, and loads nothing', async () => {
    const asker = await asking({}, {}, workers)
    const { at, begin, users, cache } = asker
    const asked = begin()
    await at.runtime.advance(50)
    put(at, '1', 'Ada', { ttl: 5000, at: at.runtime.now() - 1000 })
    expect(await at.run(asked.value)).toBe('Ada')
    expect(asker.loads).toBe(0)
    expect(users.peek('1')).toBe('Ada')
    const { ageMs, ttlMs } = await users.getEntry('1')
    expect([ageMs, ttlMs]).toEqual([1000, 4000])
    expect(cache.stats()).toMatchObject({ loads: 0, answered: 1 })
    const [event] = asker.of('ask')
    expect(event).toMatchObject({ namespace: 'users', keys: ['1'], answered: 1 })
    expect(event).not.toHaveProperty('because')
    await cache.sync()
    evict(at, '1')
    await cache.sync()
    expect(users.peek('1')).toBeUndefined()
  })

  it('loads by itself when no answer comes in time', async () => {
    const asker = await asking({}, {}, workers)
    const before = asker.at.runtime.monotonic()
    expect(await asker.at.run(asker.begin('1', { wait: 300 }).value)).toBe('own 1')
    const tookMs = asker.at.runtime.monotonic() - before
    expect([tookMs >= 300, tookMs < 400]).toEqual([true, true])
    expect(asker.of('ask')).toMatchObject([{ answered: 0, because: 'timeout' }])
    expect(asker.users.peek('1')).toBe('own 1')
  })

  it('waits no longer than half of hardTimeout, so that its own load has the other half', async () => {
    const asker = await asking({}, {}, workers)
    expect(await asker.at.run(asker.begin('1', { wait: '10s', hardTimeout: 400 }).value)).toBe('own 1')
    expect(asker.of('ask')[0]?.durationMs).toBe(200)
  })

  it('goes on waiting past an answer that was evicted, and takes the next one', async () => {
    const asker = await asking({}, {}, workers)
    const asked = asker.begin()
    await asker.at.runtime.advance(20)
    const offset = evict(asker.at, '1')
    await asker.at.run(asker.cache.sync())
    put(asker.at, '1', 'old', { asOf: offset })
    await asker.at.runtime.advance(100)
    put(asker.at, '1', 'new', { asOf: offset + 1 })
    expect(await asker.at.run(asked.value)).toBe('new')
    expect(asker.loads).toBe(0)
  })

  it('asks for the evictions first when an answer is of a later position than its own', async () => {
    const asker = await asking({}, {}, workers)
    const asked = asker.begin()
    await asker.at.runtime.advance(20)
    // Both are unknown here when the answers arrive; the second one kills the first answer.
    evict(asker.at, '2')
    const offset = evict(asker.at, '1')
    put(asker.at, '1', 'old', { asOf: offset })
    put(asker.at, '1', 'new', { asOf: offset + 1 })
    expect(await asker.at.run(asked.value)).toBe('new')
  })

  it('uses no answer that precedes evictions it has not proved, however long it was idle', async () => {
    const asker = await asking({ maxStaleness: 1000 }, {}, workers)
    await asker.at.runtime.advance(60_000)
    const asked = asker.begin('1', { wait: 500 })
    // Not known here: nothing was polled for a minute, and the poll of this request does not get through.
    await asker.at.runtime.advance(0)
    evict(asker.at, '1')
    asker.kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), { on: 'offsets' })
    await asker.at.runtime.advance(1200)
    const again = asker.begin('1', { wait: 500 })
    put(asker.at, '1', 'old', { asOf: 0 })
    expect([await asker.at.run(asked.value), await asker.at.run(again.value)]).not.toContain('old')
  })

  it('uses no answer while the fate of an eviction of its key is unknown', async () => {
    const asker = await asking({}, {}, workers)
    const asked = asker.begin('1', { wait: 300 })
    await asker.at.runtime.advance(20)
    asker.kafka.fail(new KedgeError('ERR_HTTP', 'no'), { on: 'produce', when: 'after', times: 1 })
    await expect(asker.at.run(asker.users.delete('1'))).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    put(asker.at, '1', 'old', { asOf: 0 })
    expect(await asker.at.run(asked.value)).toBe('own 1')
    expect(asker.users.peek('1')).toBeUndefined()
  })

  it('knows by an answer that there is none, and by an eviction of the key nothing', async () => {
    const asker = await asking({}, {}, workers)
    const asked = asker.begin()
    await asker.at.runtime.advance(20)
    const log = asker.at.log.offsets('cache-evictions', 0).logId
    none(asker.at, '1', { asOf: 0 })
    await asker.at.runtime.advance(50)
    none(asker.at, '1', { asOf: 0, none: true, log: 'another' })
    await asker.at.runtime.advance(50)
    expect(asker.of('ask')).toEqual([])
    none(asker.at, '1', { asOf: 0, none: true, log })
    expect(await asker.at.run(asked.value)).toBeUndefined()
    expect(asker.loads).toBe(0)
  })

  it('does not take the answer that there is none while a write waits to be persisted', async () => {
    const asker = await asking({ use: [writeIntents()] })
    const other = await readyIn(asker.at, { use: [writeIntents()] })
    const asked = asker.begin()
    await asker.at.runtime.settle()
    expect(asker.kafka.calls.produce).toBe(1)
    await asker.at.run(writeBehind(other.users, '1', 'new'))
    // By a service that knows the write: its source has it not.
    none(asker.at, '1', { asOf: asker.at.log.offsets('cache-evictions', 0).end, none: true })
    expect(await asker.at.run(asked.value)).toBe('new')
  })

  it('does not take the answer that there is none when an eviction has come since', async () => {
    const asker = await asking({}, {}, workers)
    const asked = asker.begin('1', { wait: 200 })
    await asker.at.runtime.advance(20)
    const asOf = evict(asker.at, '1')
    await asker.at.run(asker.cache.sync())
    none(asker.at, '1', { asOf, none: true })
    expect(await asker.at.run(asked.value)).toBe('own 1')
  })

  it.each([
    ['of another log', { log: 'another' }],
    ['whose load began in the future', { at: 1_700_000_000_000 + 1e9 }],
    ['that has expired', { at: 1_600_000_000_000 }],
    ['of a position that the log has not reached', { asOf: 1000 }],
    ['for another key', { key: '2' }],
    ['for another namespace', { ns: 'orders' }],
    ['without an as-of', { asOf: undefined, v: undefined, op: undefined }],
    ['that cannot be read', { op: 'later' }],
  ])('ignores an answer %s', async (_name, more) => {
    const asker = await asking({}, {}, workers)
    const asked = asker.begin('1', { wait: 300 })
    await asker.at.runtime.advance(20)
    put(asker.at, '1', 'strange', more)
    expect(await asker.at.run(asked.value)).toBe('own 1')
  })

  it('asks for many keys in few records calls, one read loop, and loads those that are not answered', async () => {
    const asker = await asking({}, {}, workers)
    const keys = Array.from({ length: 250 }, (_each, at) => `k${at}`)
    const loaded: string[][] = []
    const many = asker.users.getOrSetMany(
      keys,
      viaLoader(
        async (missing) => {
          loaded.push([...missing])
          return new Map(missing.map((key) => [key, 'own']))
        },
        { wait: 400 },
      ),
    )
    await asker.at.runtime.advance(50)
    expect(asker.kafka.calls.produce).toBe(3)
    expect(asker.kafka.calls.read).toBe(1)
    for (const key of keys.slice(0, 200)) put(asker.at, key, 'theirs')
    const found = await asker.at.run(many)
    expect(loaded).toEqual([keys.slice(200)])
    expect([...found.values()].filter((value) => value === 'theirs')).toHaveLength(200)
    expect(asker.of('load').map((event) => event.keys)).toEqual([keys.slice(200)])
  })

  it('ends with the reason of its signal', async () => {
    const asker = await asking({}, {}, workers)
    const stop = new AbortController()
    const asked = asker.begin('1', { signal: stop.signal })
    await asker.at.runtime.advance(50)
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(asker.at.run(asked.value)).rejects.toBe(reason)
  })

  it.each([
    ['the request cannot be published', 'produce', 'failed'],
    ['the end of the updates is unknown', 'offsets', 'failed'],
    ['the updates cannot be read', 'read', 'failed'],
  ] as const)('loads at once when %s', async (_name, on, because) => {
    const asker = await asking({}, {}, workers)
    asker.kafka.fail(new KedgeError('ERR_AUTH', 'no'), { on })
    const before = asker.at.runtime.monotonic()
    expect(await asker.at.run(asker.begin().value)).toBe('own 1')
    expect(asker.at.runtime.monotonic() - before).toBeLessThan(50)
    expect(asker.of('ask')).toMatchObject([{ answered: 0, because, error: { code: 'ERR_AUTH' } }])
  })

  it('loads at once when the log cannot read committed records, unless uncommitted ones are allowed', async () => {
    const capabilities = { readCommitted: false }
    const asker = await asking({}, { capabilities }, workers)
    expect(await asker.at.run(asker.begin().value)).toBe('own 1')
    expect(asker.of('ask')).toMatchObject([{ because: 'unsupported' }])
    expect(requests(asker.at)).toEqual([])
    const trusting = await asking({ updatesIsolation: 'uncommitted' }, { capabilities }, workers)
    const asked = trusting.begin()
    await trusting.at.runtime.advance(20)
    put(trusting.at, '1', 'Ada')
    expect(await trusting.at.run(asked.value)).toBe('Ada')
  })

  it('reads with pauses where the log has no long polls, and with pauses that grow', async () => {
    const asker = await asking({}, { capabilities: { longPoll: false } }, workers)
    const asked = asker.begin()
    await asker.at.runtime.advance(1500)
    expect(asker.kafka.calls.read).toBeGreaterThan(5)
    expect(asker.kafka.calls.read).toBeLessThan(15)
    put(asker.at, '1', 'Ada')
    expect(await asker.at.run(asked.value)).toBe('Ada')
  })

  it('reads on after a read that failed for now', async () => {
    const asker = await asking({}, {}, workers)
    asker.kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), { on: 'read', times: 3 })
    const asked = asker.begin()
    await asker.at.runtime.advance(300)
    put(asker.at, '1', 'Ada')
    expect(await asker.at.run(asked.value)).toBe('Ada')
  })

  it('stops asking for a while after several requests without an answer, then tries again', async () => {
    const asker = await asking({}, {}, workers)
    for (const key of ['1', '2', '3']) await asker.at.run(asker.begin(key, { wait: 100 }).value)
    await asker.at.run(asker.begin('4').value)
    expect(asker.of('ask').map(({ because }) => because)).toEqual(['timeout', 'timeout', 'timeout', 'silent'])
    await asker.at.runtime.advance(1100)
    const asked = asker.begin('5')
    await asker.at.runtime.advance(20)
    put(asker.at, '5', 'Ada')
    expect(await asker.at.run(asked.value)).toBe('Ada')
    expect(asker.of('ask').at(-1)).toMatchObject({ answered: 1 })
  })

  it('is not asked with each miss while the requests cannot be published, and again later and later', async () => {
    const asker = await asking({}, {}, workers)
    asker.kafka.fail(new KedgeError('ERR_AUTH', 'not yours'), { on: 'produce' })
    const before = asker.kafka.calls.produce
    /** The calls that were made for ten misses a second. */
    const callsIn = async (seconds: number) => {
      const since = asker.kafka.calls.produce
      for (let miss = 0; miss < seconds * 10; miss++) {
        expect(await asker.at.run(asker.begin(`${seconds}.${miss}`).value)).toBeDefined()
        await asker.at.runtime.advance(100)
      }
      return asker.kafka.calls.produce - since
    }
    expect(await callsIn(1)).toBeLessThanOrEqual(4)
    expect(await callsIn(10)).toBeLessThanOrEqual(5)
    expect(await callsIn(60)).toBeLessThanOrEqual(5)
    expect(asker.kafka.calls.produce - before).toBeGreaterThanOrEqual(6)
    expect(new Set(asker.of('ask').map(({ because }) => because))).toEqual(new Set(['failed', 'silent']))
  })

  it('is asked at once again after an answer, whatever failed before', async () => {
    const asker = await asking({}, {}, workers)
    const answered = async (key: string) => {
      const asked = asker.begin(key)
      await asker.at.runtime.advance(20)
      put(asker.at, key, 'Ada')
      expect(await asker.at.run(asked.value)).toBe('Ada')
      return asker.of('ask').at(-1)
    }
    for (let round = 0; round < 4; round++) {
      asker.kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), {
        on: 'produce',
        times: 1,
      })
      await asker.at.run(asker.begin(`failed ${round}`).value)
      // The pause after a first failure: each answer has ended the count of those before.
      await asker.at.runtime.advance(200)
      expect(await answered(`${round}`)).toMatchObject({ answered: 1 })
    }
  })

  it('is asked for a namespace of its own while another one has to wait', async () => {
    const asker = await asking({}, {}, workers)
    asker.kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), { on: 'produce', times: 1 })
    await asker.at.run(asker.begin('1').value)
    await asker.at.run(asker.begin('2').value)
    const teams = asker.cache.namespace<string>('teams')
    await asker.at.run(teams.getOrSet('1', viaLoader(asker.load, { wait: 100 })))
    const asks = asker.of('ask').map(({ namespace, because }) => [namespace, because])
    expect(asks).toEqual([
      ['users', 'failed'],
      ['users', 'silent'],
      ['teams', 'timeout'],
    ])
  })

  it('stops reading when no caller waits', async () => {
    const asker = await asking({}, {}, workers)
    await asker.at.run(asker.begin('1', { wait: 100 }).value)
    await asker.at.runtime.advance(1000)
    const reads = asker.kafka.calls.read
    await asker.at.runtime.advance(10_000)
    expect(asker.kafka.calls.read).toBe(reads)
    expect(asker.at.runtime.sleeping).toBe(0)
  })
})

describe('a loader service', () => {
  it('is asked by one of a hundred callers', async () => {
    const asker = await asking()
    const all = Promise.all(Array.from({ length: 100 }, () => asker.begin().value))
    await asker.at.runtime.advance(20)
    expect(requests(asker.at)).toHaveLength(1)
    put(asker.at, '1', 'Ada')
    expect(new Set(await asker.at.run(all))).toEqual(new Set(['Ada']))
  })

  it('is read by one loop, however many keys of a partition are waited for', async () => {
    const asker = await asking()
    const asked = Array.from({ length: 50 }, (_, at) => asker.begin(`k${at}`))
    await asker.at.runtime.advance(100)
    expect(asker.kafka.calls.read).toBeLessThan(3)
    for (let at = 0; at < 50; at++) put(asker.at, `k${at}`, at)
    expect(await asker.at.run(Promise.all(asked.map(({ value }) => value)))).toHaveLength(50)
  })

  it('is asked before the first contact too: the contact is waited for', async () => {
    const at = world()
    at.log.append('cache-evictions', { key: null, value: encode({ v: 1, op: 'beat' }) })
    const { cache } = at.isolate()
    const asked = cache.namespace<string>('users').getOrSet(
      '1',
      viaLoader(() => 'own'),
    )
    await at.runtime.advance(20)
    expect(requests(at)).toMatchObject([{ asOf: 1 }])
    put(at, '1', 'Ada', { asOf: 1 })
    expect(await at.run(asked)).toBe('Ada')
  })

  it('is asked by loaders that are wrapped, and by no others', async () => {
    const at = world()
    const { cache } = at.isolate()
    await cache.sync()
    const users = cache.namespace<string>('users')
    const own = () => 'own'
    const wrapped = viaLoader(own, { wait: '100ms' })
    expect(await users.getOrSet('1', own)).toBe('own')
    expect(requests(at)).toEqual([])
    expect(await at.run(users.getOrSet('2', wrapped))).toBe('own')
    expect(requests(at)).toHaveLength(1)
  })

  it('must show a token’s write: an answer from an earlier position does not count', async () => {
    const asker = await asking()
    const offset = evict(asker.at, '1')
    const asked = asker.begin('1', { after: `k1.0-${offset + 1}` })
    await asker.at.runtime.advance(10)
    expect(requests(asker.at)).toMatchObject([{ asOf: offset + 1 }])
    put(asker.at, '1', 'old', { asOf: offset })
    await asker.at.runtime.advance(100)
    put(asker.at, '1', 'new', { asOf: offset + 1 })
    expect(await asker.at.run(asked.value)).toBe('new')
  })

  it('is asked again for a key that it has answered, while other keys of that call are still waited for', async () => {
    const asker = await asking()
    const own = viaLoader(() => ({ '2': 'own' }), { wait: 500 })
    const many = asker.users.getOrSetMany(['1', '2'], own)
    await asker.at.runtime.advance(20)
    none(asker.at, '1', { asOf: 0, none: true })
    await asker.at.runtime.advance(20)
    // There is one now, and a later caller must not get the answer from an earlier position.
    const later = asker.begin('1', { wait: 500 })
    await asker.at.runtime.advance(20)
    expect(requests(asker.at).map(({ key }) => key)).toEqual(['1', '2', '1'])
    put(asker.at, '1', 'Ada')
    expect(await asker.at.run(later.value)).toBe('Ada')
    expect([...(await asker.at.run(many))]).toEqual([['2', 'own']])
  })

  it('is not waited for together with callers that ask for less', async () => {
    const asker = await asking()
    const first = asker.begin('1')
    await asker.at.runtime.advance(10)
    const after = await asker.users.delete('1')
    const second = asker.begin('1', { after, wait: 200 })
    await asker.at.runtime.advance(10)
    expect(requests(asker.at).map(({ asOf }) => asOf)).toEqual([0, 1])
    put(asker.at, '1', 'Ada', { asOf: 0 })
    expect(await asker.at.run(second.value)).toMatch(/^own/)
    expect(await asker.at.run(first.value)).toMatch(/^(Ada|own)/)
  })

  it('answers what the namespace’s schema and tags can take, and nothing else', async () => {
    const at = world()
    const { cache } = at.isolate()
    await cache.sync()
    const users = cache.namespace<string>('users', {
      tags: (value) => [value.slice(0, 1)],
    })
    const asked = users.getOrSet(
      '1',
      viaLoader(() => 'own', { wait: 200 }),
    )
    await at.runtime.advance(10)
    put(at, '1', 7)
    await at.runtime.advance(50)
    put(at, '1', 'Ada')
    expect(await at.run(asked)).toBe('Ada')
    await at.run(users.invalidateTags('A'))
    expect(users.peek('1')).toBeUndefined()
  })

  it('refreshes what has expired within swr, behind the answer', async () => {
    const at = world()
    const { cache } = at.isolate()
    const users = cache.namespace<string>('users', { ttl: 100, swr: '10s' })
    await cache.sync()
    await users.getOrSet('1', () => 'old')
    await at.runtime.advance(200)
    expect(
      await users.getOrSet(
        '1',
        viaLoader(() => 'own'),
      ),
    ).toBe('old')
    await at.runtime.advance(10)
    put(at, '1', 'new')
    await at.runtime.advance(100)
    expect(users.peek('1')).toBe('new')
  })

  it('is asked in the partition of the key', async () => {
    const at = world()
    at.log.createTopic('cache-requests', { partitions: 4 })
    const { cache } = at.isolate({ requestPartitions: 4 })
    await cache.sync()
    const users = cache.namespace<string>('users')
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f'])
      void users.getOrSet(
        key,
        viaLoader(() => 'own', { wait: 50 }),
      )
    await at.runtime.advance(20)
    const counts = [0, 1, 2, 3].map((partition) => requests(at, partition).length)
    expect(counts.reduce((sum, count) => sum + count)).toBe(6)
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(1)
  })

  it.each([
    ['`topics.requests`', { topics: { requests: 'cache-updates' } }],
    ['`topics.requests`', { topics: { requests: 'no name' } }],
    ['`requestPartitions`', { requestPartitions: 0 }],
  ])('is refused with wrong options: %s', (name, options) => {
    expect(() => world().isolate(options)).toThrow(name)
  })

  it.each([
    ['`wait`', { wait: -1 }],
    ['`wait`', { wait: '5 parsecs' }],
    ['`waits` is not an option of viaLoader()', { waits: '1s' }],
  ])('is refused with wrong options: %s', (name, options) => {
    expect(() => viaLoader(() => 1, options as never)).toThrow(name)
  })

  it('is refused without a loader: the isolate must be able to load by itself', () => {
    expect(() => viaLoader(undefined as never)).toThrow('`loader`')
  })
})
