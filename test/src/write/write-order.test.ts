/** The order in which a caller's writes reach the log, and what a feature may say about values before they are set. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheOptions, Feature, FeatureHooks } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { setMany, writeBehind, writeIntents, writeThrough } from '../../../src/write-paths/index.ts'
import { deferred, readyIn, request, world } from '../world.ts'
import type { World } from '../world.ts'

let at: World
beforeEach(() => {
  at = world()
})

/** What the evictions topic says. */
const evictions = (): { readonly op: string; readonly keys?: readonly string[] }[] =>
  (at.log.read('cache-evictions', { partition: 0, offset: 0 }, { maxBytes: 1e6 })?.records ?? []).map(
    ({ value }) => JSON.parse(new TextDecoder().decode(value!)) as { op: string; keys?: string[] },
  )

const own = (hooks: FeatureHooks): Feature => ({ name: 'own', open: () => hooks })
/** A feature that takes some turns over each value. */
const slow = (): Feature =>
  own({
    async beforeSet(_, values) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
      return values
    },
  })

describe('writes that one caller begins at once', () => {
  const FEATURES: readonly (readonly [string, () => Partial<CacheOptions>])[] = [
    ['without a feature', () => ({})],
    ['with replicate()', () => ({ use: [replicate()] })],
    ['with a feature that takes its time', () => ({ use: [slow()] })],
  ]
  it.for(FEATURES)('reach the log in the order in which they began, %s', async ([, options]) => {
    const here = await readyIn(at, options())
    const { users } = here
    const other = await readyIn(at, options())
    const value = async (isolate: typeof other): Promise<string | undefined> => {
      await at.run(isolate.cache.sync())
      return isolate.users.peek('1')
    }
    const all = (...writes: Promise<unknown>[]) => at.run(Promise.all(writes))

    await all(users.set('1', 'old'), users.delete('1'))
    expect(users.peek('1')).toBeUndefined()
    expect(await value(other)).toBeUndefined()
    await all(users.set('1', 'old'), users.clear())
    expect(users.peek('1')).toBeUndefined()
    await all(setMany(users, { 1: 'old', 2: 'old' }), users.invalidatePrefix('1'))
    expect([users.peek('1'), users.peek('2')]).toEqual([undefined, 'old'])
    await all(
      users.set('1', 'old', { tags: ['t'] }),
      users.invalidateTags('t'),
      users.set('1', 'new', { tags: ['t'] }),
    )
    expect(users.peek('1')).toBe('new')
    await all(users.delete('1'), users.set('1', 'newest'))
    expect(users.peek('1')).toBe('newest')
    const { cache } = here
    await all(users.set('1', 'old'), cache.clear())
    expect(users.peek('1')).toBeUndefined()
    expect(await value(other)).toBeUndefined()
    await all(users.set('1', 'old'), cache.clear(), users.set('1', 'new'))
    expect(users.peek('1')).toBe('new')
  })

  it('do so where one clears all namespaces, for the values of each of them and of its own caller alone', async () => {
    const { users, cache } = await readyIn(at, { use: [slow()] })
    const orders = cache.namespace<string>('orders')
    const before = evictions().length
    const scope = cache.for(request())
    const writes = [
      users.set('1', 'x'),
      orders.set('2', 'x'),
      cache.clear(),
      scope.clear(),
      orders.set('3', 'x'),
    ]
    await at.run(Promise.all(writes))
    const said = evictions().slice(before)
    expect(said.map(({ op, keys }) => keys?.join() ?? op)).toEqual(['clear', '1', '2', 'clear', '3'])
    expect([users.peek('1'), orders.peek('2'), orders.peek('3')]).toEqual([undefined, undefined, 'x'])
  })

  it.each([false, undefined])(
    'do so where the second goes through to its store, with intent %s',
    async (intent) => {
      const { users } = await readyIn(at, { use: [writeIntents(), slow()] })
      const before = evictions().length
      const through = () => writeThrough(users, '1', 'row', () => {}, intent === false ? { intent } : {})
      await at.run(Promise.all([users.set('1', 'old'), through()]))
      // The value that was set is not held as one that is later than the commit.
      expect(users.peek('1')).toBeUndefined()
      expect(evictions()[before]).toMatchObject({ op: 'evict', keys: ['1'] })
    },
  )

  it('do so where the second is persisted later', async () => {
    const { users } = await readyIn(at, { use: [writeIntents(), slow()] })
    const before = evictions().length
    await at.run(Promise.all([users.set('1', 'old'), writeBehind(users, '1', 'row')]))
    expect(
      evictions()
        .slice(before)
        .map(({ op }) => op),
    ).toEqual(['evict', 'intent'])
    expect(await at.run(users.get('1'))).toBe('row')
  })

  it('do so before the first contact with the log, too', async () => {
    const users = at.isolate().cache.namespace<string>('users')
    await at.run(Promise.all([users.set('1', 'old'), users.delete('1')]))
    expect(users.peek('1')).toBeUndefined()
  })

  it('wait for none that failed before it was published', async () => {
    const { users } = await readyIn(at, {
      use: [own({ beforeSet: () => Promise.reject(new Error('refused')) })],
    })
    const set = users.set('1', 'x')
    const [deleted, failed] = await at.run(Promise.allSettled([users.delete('1'), set]))
    expect([deleted.status, failed.status]).toEqual(['fulfilled', 'rejected'])
  })

  it('end with the signal of their caller while they wait', async () => {
    const { users, cache } = await readyIn(at, {
      use: [own({ beforeSet: () => deferred<never>().promise })],
    })
    const set = users.set('1', 'x')
    const gone = new AbortController()
    const deleted = users.delete('1', { signal: gone.signal })
    gone.abort('gone')
    await expect(deleted).rejects.toBe('gone')
    await expect(at.run(set)).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    await at.run(cache.close())
  })

  it('wait for no value of a key that they do not evict, also where a feature begins them', async () => {
    const { users } = await readyIn(at, {
      use: [
        own({
          async beforeSet(_, values) {
            await users.delete('index')
            return values
          },
        }),
      ],
    })
    await at.run(users.set('1', 'x'), 1000)
    expect(users.peek('1')).toBe('x')
  })

  it('wait for no other caller', async () => {
    const waits = deferred<void>()
    const { users } = await readyIn(at, {
      use: [
        own({
          async beforeSet(_, values) {
            await waits.promise
            return values
          },
        }),
      ],
    })
    const set = users.for(request()).set('1', 'x')
    await at.run(users.for(request()).delete('1'))
    waits.resolve()
    await at.run(set)
    expect(users.peek('1')).toBe('x')
  })

  it('wait for no promise of another request on Workers, where none has a scope', async () => {
    at = world({ isolatesRequests: true })
    const { users } = await readyIn(at, {
      use: [own({ beforeSet: () => deferred<never>().promise })],
    })
    const set = users.set('1', 'x')
    await at.run(users.delete('1'), 100)
    await expect(at.run(set)).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
  })
})

describe('a feature that is asked before values are set', () => {
  const HANGS = own({ beforeSet: () => deferred<never>().promise })

  it('and never answers holds a write up for as long as `publishTimeout` and its signal say', async () => {
    const { users } = await readyIn(at, { use: [HANGS], publishTimeout: '3s' })
    const began = at.runtime.now()
    await expect(at.run(users.set('1', 'x'))).rejects.toMatchObject({
      code: 'ERR_PUBLISH',
      message: expect.stringContaining('nothing was written'),
    })
    await expect(at.run(setMany(users, { 1: 'x' }))).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(at.runtime.now() - began).toBe(6000)
    const gone = new AbortController()
    const set = users.set('1', 'x', { signal: gone.signal })
    gone.abort('gone')
    await expect(set).rejects.toBe('gone')
  })

  it('gets a signal that ends with the write', async () => {
    let given: AbortSignal | undefined
    const { users } = await readyIn(at, {
      publishTimeout: '3s',
      use: [
        own({
          beforeSet: (_space, _values, _domain, signal) => {
            given = signal
            return deferred<never>().promise
          },
        }),
      ],
    })
    await expect(at.run(users.set('1', 'x'))).rejects.toThrow()
    expect(given?.aborted).toBe(true)
  })

  const one =
    (value: unknown, ttlMs: number = 1000) =>
    (values: ReadonlyMap<string, object>) =>
      new Map([...values].map(([key, held]) => [key, { ...held, value, ttlMs }]))
  const WRONG: readonly (readonly [string, (values: ReadonlyMap<string, object>) => unknown, object])[] = [
    ['nothing', () => undefined, { name: 'TypeError', message: 'beforeSet of own must return a Map' }],
    ['an object', () => ({}), { name: 'TypeError' }],
    [
      'another key',
      (values) => new Map([...values, ['alias', [...values.values()][0]]]),
      { name: 'TypeError' },
    ],
    ['a value without an end', one('x', Infinity), { name: 'TypeError' }],
    ['a value that ended before', one('x', -1), { name: 'TypeError' }],
    ['no value', one(undefined), { name: 'TypeError' }],
    ['what is no data', one(new Response('x')), { code: 'ERR_CODEC' }],
  ]
  it.for(WRONG)('must not return %s: nothing is evicted then', async ([, made, error]) => {
    const use = [own({ beforeSet: async (_, values) => made(values) as never })]
    const { users, kafka } = await readyIn(at, { use })
    const { produce } = kafka.calls
    await expect(at.run(users.set('1', 'x'))).rejects.toMatchObject(error)
    await expect(at.run(setMany(users, { 1: 'x' }))).rejects.toMatchObject(error)
    expect(kafka.calls.produce).toBe(produce)
  })

  it('may leave values out', async () => {
    const { users } = await readyIn(at, { use: [own({ beforeSet: async () => new Map() })] })
    await at.run(users.set('1', 'x'))
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('options that are no object', () => {
  it('are refused by each way of writing', async () => {
    const { users, cache } = await readyIn(at, {})
    const wrong = 1000 as never
    const calls = [
      () => users.set('1', 'x', wrong),
      () => users.delete('1', wrong),
      () => users.invalidateTags('t', wrong),
      () => users.invalidatePrefix('p', wrong),
      () => users.clear(wrong),
      () => cache.clear(wrong),
      () => setMany(users, { 1: 'x' }, wrong),
    ]
    for (const call of calls) await expect(call()).rejects.toThrow(TypeError)
  })
})

describe('setMany()', () => {
  it('refuses a list: its keys would be numbers', async () => {
    const { users } = await readyIn(at, {})
    await expect(setMany(users, [['a', 1]] as never)).rejects.toThrow(TypeError)
  })

  it('writes what it was given, though its caller fills the same Map anew', async () => {
    const { users } = await readyIn(at, { use: [slow()] })
    const other = await readyIn(at, {})
    for (const key of ['1', '2']) await at.run(other.users.getOrSet(key, () => 'old'))
    const batch = new Map([['1', 'new']])
    const write = setMany(users, batch)
    batch.clear()
    batch.set('2', 'next')
    const after = await at.run(write)
    expect([users.peek('1'), users.peek('2')]).toEqual(['new', undefined])
    const read = (key: string) => at.run(other.users.getOrSet(key, () => 'loaded', { after }))
    expect(await read('1')).toBe('loaded')
    expect(await read('2')).toBe('old')
  })
})
