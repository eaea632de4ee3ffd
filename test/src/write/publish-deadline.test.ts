/** The one deadline of a write: silent servers, slow ones, and many writes at once. */
import { describe, expect, it } from 'vitest'
import { createCache, KedgeError } from '../../../src/index.ts'
import type { Cache, CacheOptions, KafkaLog, Namespace } from '../../../src/index.ts'
import { memory } from '../../../src/testing/index.ts'
import { readyIn, world } from '../world.ts'
import type { World } from '../world.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { setMany, writeBehind, writeThrough, writeIntents } from '../../../src/write-paths/index.ts'

/** How long each produce call takes to be answered; `Infinity`: it is not. The last one holds for those after it. */
type Delays = readonly number[]

interface Bench {
  readonly at: World
  readonly cache: Cache
  readonly users: Namespace<string>
  readonly produced: string[]
  readonly events: readonly { readonly type: string }[]
}

/** A cache that has proved its freshness, over a log that answers writes late. */
async function bench(
  delays: Delays,
  options: Partial<CacheOptions> = {},
  /** As an adapter does: each request is given up after so long. */
  requestTimeoutMs = Infinity,
): Promise<Bench> {
  const at = world()
  const inner = memory({ on: at.log, runtime: at.runtime })
  const produced: string[] = []
  const kafka: KafkaLog = {
    capabilities: inner.capabilities,
    offsets: (...args) => inner.offsets(...args),
    read: (...args) => inner.read(...args),
    produce: async (topic, records, call) => {
      const delay = delays[Math.min(produced.length, delays.length - 1)]!
      produced.push(topic)
      await at.runtime.sleep(Math.min(delay, requestTimeoutMs, 1e9), call?.signal)
      if (delay > requestTimeoutMs)
        throw new KedgeError('ERR_PUBLISH', 'no answer within 5000 ms', { retryable: true })
      return inner.produce(topic, records, call)
    },
  }
  const { cache, events } = await readyIn(at, { ...options, kafka })
  return { at, cache, users: cache.namespace<string>('users'), produced, events }
}

/** What became of the promise, and after how long. */
async function outcome(at: World, promise: Promise<unknown>, ms = 60_000) {
  const began = at.runtime.now()
  const settled = promise.then(
    (value) => ({ value, afterMs: at.runtime.now() - began }),
    (error: unknown) => ({ error, afterMs: at.runtime.now() - began }),
  )
  return at.run(settled, ms)
}

const REFUSED = { code: 'ERR_PUBLISH', retryable: true, cause: { code: 'ERR_TIMEOUT' } }

const CALLS: [string, (users: Namespace<string>, cache: Cache, signal?: AbortSignal) => Promise<unknown>][] =
  [
    ['set', (users, _, signal) => users.set('k', 'v', { ...(signal && { signal }) })],
    ['setMany', (users, _, signal) => setMany(users, { a: '1', b: '2' }, { ...(signal && { signal }) })],
    ['delete', (users, _, signal) => users.delete('k', { ...(signal && { signal }) })],
    ['invalidateTags', (users, _, signal) => users.invalidateTags(['t'], { ...(signal && { signal }) })],
    ['invalidatePrefix', (users, _, signal) => users.invalidatePrefix('k', { ...(signal && { signal }) })],
    ['clear', (users, _, signal) => users.clear({ ...(signal && { signal }) })],
    ['cache.clear', (_, cache, signal) => cache.clear({ ...(signal && { signal }) })],
    ['writeBehind', (users, _, signal) => writeBehind(users, 'k', 'v', { ...(signal && { signal }) })],
    [
      'writeThrough',
      (users, _, signal) => writeThrough(users, 'k', 'v', async () => ({}), { ...(signal && { signal }) }),
    ],
  ]

describe.each(CALLS)('%s', (_, call) => {
  const options = { use: [writeIntents()] }

  it('rejects after ten seconds, where nothing answers', async () => {
    const { at, users, cache } = await bench([Infinity], options)
    expect(await outcome(at, call(users, cache))).toEqual({
      afterMs: 10_000,
      error: expect.objectContaining({
        ...REFUSED,
        cause: expect.objectContaining(REFUSED.cause),
      }) as unknown,
    })
    expect(at.runtime.sleeping).toBe(0)
  })

  it('rejects then too where each request is given up earlier, and repeated', async () => {
    const { at, users, cache } = await bench([Infinity], options, 4000)
    const { afterMs, error } = (await outcome(at, call(users, cache))) as { afterMs: number; error: unknown }
    expect(error).toMatchObject({ code: 'ERR_PUBLISH', retryable: true })
    expect(afterMs).toBeLessThanOrEqual(10_000)
  })

  it('takes as long as `publishTimeout` says', async () => {
    const { at, users, cache } = await bench([Infinity], { ...options, publishTimeout: '3s' })
    expect(await outcome(at, call(users, cache))).toMatchObject({ afterMs: 3000, error: REFUSED })
  })

  it('rejects with the reason of its signal before that', async () => {
    const { at, users, cache } = await bench([Infinity], options)
    const gone = new AbortController()
    void at.runtime.sleep(2000).then(() => gone.abort('gone'))
    expect(await outcome(at, call(users, cache, gone.signal))).toEqual({ afterMs: 2000, error: 'gone' })
  })
})

describe('calls that write twice', () => {
  const replicating = { use: [replicate()] }

  it('have one deadline for both', async () => {
    const set = await bench([6000, Infinity], replicating)
    expect(await outcome(set.at, set.users.set('k', 'v'))).toMatchObject({ afterMs: 10_000, error: REFUSED })
    const many = await bench([6000, Infinity], replicating)
    expect(await outcome(many.at, setMany(many.users, { a: '1' }))).toMatchObject({
      afterMs: 10_000,
      error: REFUSED,
    })
    const behind = await bench([6000, Infinity], { use: [writeIntents()] })
    expect(await outcome(behind.at, writeBehind(behind.users, 'k', 'v'))).toMatchObject({
      afterMs: 10_000,
      error: REFUSED,
    })
  })

  it('a delete whose eviction is acknowledged resolves at the deadline, though the value is not withdrawn', async () => {
    const { at, users, produced } = await bench([6000, Infinity], replicating)
    expect(await outcome(at, users.delete('k'))).toEqual({
      afterMs: 10_000,
      value: expect.stringMatching(/^k1/) as unknown,
    })
    expect(produced).toEqual(['cache-evictions', 'cache-updates'])
  })

  it('a delete is still ended by its own signal', async () => {
    const { at, users } = await bench([1000, Infinity], replicating)
    const gone = new AbortController()
    void at.runtime.sleep(2000).then(() => gone.abort('gone'))
    expect(await outcome(at, users.delete('k', { signal: gone.signal }))).toEqual({
      afterMs: 2000,
      error: 'gone',
    })
  })
})

describe('writes at once', () => {
  it('all reject by their deadline, however many calls they would take', async () => {
    const { at, users, events } = await bench([Infinity])
    const began = at.runtime.now()
    const late: number[] = []
    const writes = Array.from({ length: 1000 }, (_, n) =>
      users.delete(`k${n}`).catch((error: unknown) => {
        expect(error).toMatchObject(REFUSED)
        late.push(at.runtime.now() - began)
      }),
    )
    await at.run(Promise.all(writes))
    expect(new Set(late)).toEqual(new Set([10_000]))
    // One for each call of a hundred records, not for each write.
    expect(events.filter(({ type }) => type === 'publish_failed').length).toBeLessThanOrEqual(10)
    expect(events.map(({ type }) => type)).toContain('publish_failed')
  })

  it('are sent though all callers of the call before have aborted', async () => {
    const { at, users, produced } = await bench([Infinity, 10])
    const gone = new AbortController()
    const keys = Array.from({ length: 10_000 }, (_, n) => `k${n}`)
    // A hundred records fill a call of their own.
    const first = outcome(at, users.delete(keys, { signal: gone.signal }))
    const second = outcome(at, users.delete('another'))
    void at.runtime.sleep(1000).then(() => gone.abort('gone'))
    expect(await first).toEqual({ afterMs: 1000, error: 'gone' })
    expect(await second).toMatchObject({ value: expect.stringMatching(/^k1/) as unknown })
    expect(produced).toHaveLength(2)
  })
})

describe('a write that is given up', () => {
  it('lets later ones of its key go on, though the log ignores that', async () => {
    const at = world()
    const inner = memory({ on: at.log, runtime: at.runtime })
    let silent = true
    const kafka: KafkaLog = {
      ...inner,
      produce: async (topic, records) => {
        if (topic === 'cache-updates' && silent) return new Promise(() => undefined)
        return inner.produce(topic, records)
      },
    }
    const { cache } = await readyIn(at, { use: [replicate()], kafka })
    const users = cache.namespace<string>('users')
    expect(await outcome(at, users.set('k', 'first'))).toMatchObject({ error: REFUSED, afterMs: 10_000 })
    silent = false

    expect(await outcome(at, users.set('k', 'second'))).toMatchObject({
      value: expect.any(String),
      afterMs: 0,
    })
  })

  it('has dropped what it may have meant when it rejects', async () => {
    const { at, users } = await bench([Infinity])
    await at.run(users.getOrSet('k', () => 'old'))
    expect(users.peek('k')).toBe('old')
    let seen: string | undefined = 'not looked at'
    const write = users.delete('k').catch(() => (seen = users.peek('k')))
    await at.run(write)
    expect(seen).toBeUndefined()
  })
})

describe('`publishTimeout`', () => {
  it.each([0, '0s', -1, 'soon', null])('refuses %j', (publishTimeout) => {
    const make = () => createCache({ kafka: memory(), publishTimeout } as unknown as CacheOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow('`publishTimeout`')
  })
})
