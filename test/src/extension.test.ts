/** Features that programs bring: in which order they are asked, what they may do, and what the failure of one does not do. */
import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../src/index.ts'
import type { CacheOptions, Feature, FeatureHooks, Held, HeldValue } from '../../src/index.ts'
import { replicate } from '../../src/replicate/index.ts'
import { memoryTier } from '../../src/testing/index.ts'
import { sharedTier } from '../../src/tier/index.ts'
import { setMany, writeThrough } from '../../src/write-paths/index.ts'
import { deferred, readyIn, world } from './world.ts'
import type { World } from './world.ts'

let at: World
beforeEach(() => {
  at = world()
})

const BROKEN = new Error('broken')
const broken = (): never => {
  throw BROKEN
}

/** A feature of these hooks. */
const own = (hooks: FeatureHooks, name = 'own'): Feature => ({ name, open: () => hooks })

/** An isolate with features, which has proved its freshness once. */
const ready = (use: readonly Feature[], more: Partial<CacheOptions> = {}) => readyIn(at, { use, ...more })

/** What a source of values has kept, as of the beginning of the log. */
const kept = (value: unknown, more: Partial<HeldValue<never>> = {}): HeldValue<never> => ({
  value: value as never,
  asOf: 0,
  generation: 1,
  loadedAt: at.runtime.monotonic(),
  ttlMs: 60_000,
  keepMs: 0,
  tags: undefined,
  version: undefined,
  settleMs: 0,
  ...more,
})

/** A source that gives this for every key, once freshness is proved. */
const giving = (value: unknown, more?: Partial<HeldValue<never>>): FeatureHooks => ({
  sourceTimeoutMs: 1000,
  async source(_, keys, { proof, hold }) {
    if (await proof()) for (const key of keys) hold(key, kept(value, more))
  },
})

describe('the features of a cache', () => {
  it.each([
    ['two of one name', [own({}), own({})], 'own'],
    ['one without a name', [{ open: () => ({}) }], 'must be a feature'],
    ['one with an empty name', [own({}, '')], 'name'],
    ['one that opens by a promise', [{ name: 'late', open: async () => ({}) }], 'late'],
    ['one that returns no hooks', [{ name: 'empty', open: () => undefined }], 'empty'],
    ['what is no feature', [{ name: 'none' }], 'must be a feature'],
  ])('are refused where there is %s', (_, use, quoted) => {
    const make = () => at.isolate({ use: use as Feature[] })
    expect(make).toThrow(TypeError)
    expect(make).toThrow('`use')
    expect(make).toThrow(quoted)
  })

  it.each([
    ['is misspelt', { befroeSet() {} }, '`befroeSet`: did you mean `beforeSet`?'],
    ['lacks a part', { sourceTimeoutM: 5 }, 'did you mean `sourceTimeoutMs`?'],
    ['is in another case', { mayhold: () => true }, 'did you mean `mayHold`?'],
    ['is like none', { onDrop() {} }, '`onDrop`'],
  ])('are refused with a hook that %s', (_, hooks, said) => {
    const make = () => at.isolate({ use: [own(hooks as never)] })
    expect(make).toThrow(TypeError)
    expect(make).toThrow('`use`: own has no hook `')
    expect(make).toThrow(said)
  })

  it('may be instances of classes, which have more than hooks', async () => {
    class Counting implements FeatureHooks {
      held = 0
      count = () => ++this.held
      afterHold() {
        this.count()
      }
    }
    const hooks = new Counting()
    const { cache } = at.isolate({ use: [own(hooks)] })
    await at.run(cache.namespace<string>('users').set('1', 'x'))
    expect(hooks.held).toBe(1)
  })

  it('are left out of a namespace by names that are theirs', () => {
    const { cache } = at.isolate({ use: [own({})] })
    const wrong = (without: readonly string[]) => () => cache.namespace('users', { without })
    expect(wrong(['sharedtier'])).toThrow(TypeError)
    expect(wrong(['sharedtier'])).toThrow(
      '`without`: the cache has no feature `sharedtier`: did you mean `sharedTier`?',
    )
    expect(wrong(['own', 'onw'])).toThrow('`onw`: did you mean `own`?')
    expect(wrong(['nothing'])).toThrow('has no feature `nothing`')
    // Those of kedge may be left out where they are not used.
    expect(wrong(['own', 'sharedTier', 'replicate', 'writeIntents'])).not.toThrow()
  })

  it('are opened once for each cache, with its clocks', async () => {
    const opened: number[] = []
    const feature: Feature = {
      name: 'own',
      open: ({ runtime }) => {
        opened.push(runtime.now())
        return {}
      },
    }
    const [one, two] = [at.isolate({ use: [feature] }), at.isolate({ use: [feature] })]
    for (const { cache } of [one, two]) cache.namespace('users')
    expect(opened).toEqual([at.runtime.now(), at.runtime.now()])
  })

  it('are asked in the order of `use`, each with its own `this`', async () => {
    const asked: string[] = []
    class Listening implements FeatureHooks {
      readonly #name: string
      constructor(name: string) {
        this.#name = name
      }
      concerns() {
        return asked.push(`${this.#name} concerns`) > 0
      }
      async beforeProof() {
        asked.push(`${this.#name} beforeProof`)
        return async () => void asked.push(`${this.#name} apply`)
      }
      async source() {
        asked.push(`${this.#name} source`)
      }
      aroundLoad() {
        asked.push(`${this.#name} aroundLoad`)
        return undefined
      }
      async beforeSet<T>(_: unknown, values: ReadonlyMap<string, HeldValue<T>>) {
        asked.push(`${this.#name} beforeSet`)
        return values
      }
      afterHold<T>(_: unknown, { by }: Held<T>) {
        asked.push(`${this.#name} afterHold ${by}`)
      }
      afterEvict() {
        asked.push(`${this.#name} afterEvict`)
      }
      mayHold() {
        return asked.push(`${this.#name} mayHold`) > 0
      }
      close() {
        asked.push(`${this.#name} close`)
      }
    }
    const use = ['a', 'b'].map((name) => own(new Listening(name), name))
    const { cache, users } = await ready(use)
    await at.run(users.getOrSet('1', () => 'x'))
    await at.run(users.set('1', 'y'))
    await at.run(users.delete('1'))
    await at.run(cache.close())
    const hooks = ['concerns', 'beforeProof', 'apply', 'aroundLoad', 'source', 'mayHold', 'afterHold load']
    const writes = ['beforeSet', 'mayHold', 'afterHold set', 'afterEvict', 'close']
    expect(asked).toEqual([...hooks, ...writes].flatMap((hook) => [`a ${hook}`, `b ${hook}`]))
  })

  it('are closed where the one after them cannot be opened', async () => {
    const closed: string[] = []
    const opened = own({ close: () => void closed.push('a') }, 'a')
    const fails = own({ close: broken }, 'b')
    expect(() => at.isolate({ use: [opened, fails, { name: 'c', open: broken }] })).toThrow(BROKEN)
    await at.runtime.settle()
    expect(closed).toEqual(['a'])
  })

  it('are all closed, and the log too, where closing one fails: then closing fails', async () => {
    const closed: string[] = []
    const { cache, kafka } = at.isolate({
      use: [
        own({ close: broken }, 'a'),
        own({ close: () => Promise.reject(new Error('later')) }, 'b'),
        own({ close: () => void closed.push('c') }, 'c'),
      ],
    })
    Object.assign(kafka, { close: async () => void closed.push('log') })
    await expect(cache.close()).rejects.toBe(BROKEN)
    expect(closed).toEqual(['log', 'c'])
  })

  it('take no part in namespaces that they do not concern, nor in those that are without them', async () => {
    const told: string[] = []
    const hooks: FeatureHooks = {
      concerns: (name) => name !== 'private',
      afterHold: ({ name }) => void told.push(name),
      afterEvict: ({ name }) => void told.push(name),
      beforeSet: async ({ name }, values) => {
        told.push(name)
        return values
      },
      aroundLoad: ({ name }) => void told.push(name),
      source: async ({ name }) => void told.push(name),
    }
    const { cache } = at.isolate({ use: [own(hooks), own({ mayHold: () => false }, 'never')] })
    const spaces = [
      cache.namespace<string>('private', { without: ['never'] }),
      cache.namespace<string>('plain', { without: ['own', 'never', 'writeIntents'] }),
      cache.namespace<string>('open', { without: ['own'] }),
    ]
    await at.run(cache.sync())
    for (const space of spaces) {
      await at.run(space.getOrSet('1', () => 'a'))
      await at.run(space.getMany(['2']))
      await at.run(space.set('3', 'b'))
      await at.run(space.delete('4'))
    }
    expect(told).toEqual([])
    expect(spaces.map((space) => [space.peek('1'), space.peek('3')])).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      [undefined, undefined],
    ])
  })
})

describe('a source of values', () => {
  it('has nothing held after the read has ended', async () => {
    const late = deferred<void>()
    const gave: boolean[] = []
    const slow: FeatureHooks = {
      async source(_, [key], { proof, hold }) {
        await proof()
        await late.promise
        gave.push(hold(key!, kept('late')))
      },
    }
    const { users } = await ready([own(slow)])
    const gone = new AbortController()
    const read = users.get('1', { signal: gone.signal })
    await at.runtime.advance(10)
    gone.abort('gone')
    await expect(at.run(read)).rejects.toBe('gone')
    late.resolve()
    await at.runtime.settle()
    expect([gave, users.peek('1')]).toEqual([[false], undefined])
  })

  it('has nothing held before it has awaited the proof, also where freshness is proved', async () => {
    const gave: boolean[] = []
    const hasty: FeatureHooks = {
      async source(_, [key], { proof, hold }) {
        gave.push(hold(key!, kept('early')))
        const proved = proof()
        gave.push(hold(key!, kept('early')))
        gave.push(await proved, hold(key!, kept('in time')))
      },
    }
    const { users } = await ready([own(hasty)])
    expect(await at.run(users.get('1'))).toBe('in time')
    expect(gave).toEqual([false, false, true, true])
  })

  it.each([
    ['of another log', { asOf: 5 }],
    ['of a log that was replaced', { generation: 2 }],
    ['past its TTL', { loadedAt: -60_001 }],
    ['past its TTL, and not past its windows', { loadedAt: -60_001, keepMs: 3_600_000 }],
    ['without an as-of', { asOf: undefined as never }],
    ['of a time to come: by another clock', { loadedAt: 1_700_000_000_000 }],
    ['without an end', { ttlMs: Infinity }],
    ['no value', { value: undefined as never }],
    ['no data', { value: new Response('x') as never }],
  ])('has no value held that is %s', async (_, more) => {
    const { users } = await ready([own(giving('kept', more))])
    await at.run(users.delete('2'))
    expect(await at.run(users.getOrSet('1', () => 'loaded'))).toBe('loaded')
  })

  it('is waited for by a read without a loader no longer than `hardTimeout`', async () => {
    const silent: FeatureHooks = { source: () => new Promise(() => undefined) }
    const { users } = await ready([own(silent)], { hardTimeout: '3s' })
    const began = at.runtime.now()
    expect(await at.run(users.get('1'))).toBeUndefined()
    expect(at.runtime.now() - began).toBe(3000)
    expect(await at.run(users.getOrSet('1', () => 'loaded'))).toBe('loaded')
    expect(at.runtime.sleeping).toBe(0)
  })
})

describe('a value that a feature refuses', () => {
  const noSecrets = own({ mayHold: (_, key) => !key.startsWith('secret') }, 'noSecrets')
  const refused = { key: 'secret', reason: 'feature' }

  it('is returned by the load of one key and of many, and not held', async () => {
    const { users, of } = await ready([noSecrets])
    expect(await at.run(users.getEntry('secret', () => 'a'))).toMatchObject({ value: 'a', stored: false })
    const many = await at.run(users.getOrSetMany(['secret', 'open'], () => ({ secret: 'b', open: 'c' })))
    expect([...many.values()]).toEqual(['b', 'c'])
    expect([users.peek('secret'), users.peek('open')]).toEqual([undefined, 'c'])
    expect(of('refuse')).toMatchObject([refused, refused])
  })

  it('is not held by any way of writing it', async () => {
    const { users, of } = await ready([noSecrets])
    await at.run(users.set('secret', 'a'))
    await at.run(setMany(users, { secret: 'b', open: 'c' }))
    await at.run(writeThrough(users, 'secret', 'd', () => ({ version: 1 }), { intent: false }))
    expect([users.peek('secret'), users.peek('open')]).toEqual([undefined, 'c'])
    expect(of('refuse')).toMatchObject([refused, refused, refused])
  })

  it('is not published by replicate()', async () => {
    const never = own({ mayHold: (_, key) => key !== 'secret' })
    const here = await ready([replicate(), never])
    const there = await ready([replicate()])
    await at.run(here.users.getOrSet('secret', () => 'loaded'))
    await at.run(here.users.set('secret', 'set'))
    await at.run(setMany(here.users, { secret: 'one of many', open: 'x' }, { domain: 'all' }))
    await at.run(there.cache.sync())
    await at.run(there.cache.sync())
    expect([there.users.peek('secret'), there.users.peek('open')]).toEqual([undefined, 'x'])
  })

  it('is not held where a shared tier has it, and loaded', async () => {
    const { store } = memoryTier({ runtime: at.runtime })
    const tier = () => sharedTier(memoryTier({ on: store, runtime: at.runtime }))
    const writer = await ready([tier()])
    await at.run(writer.users.getOrSetMany(['secret', 'open'], () => ({ secret: 'theirs', open: 'theirs' })))
    await at.runtime.settle()
    const { users, of, cache } = await ready([tier(), noSecrets])
    const load = (keys: readonly string[]) => new Map(keys.map((key) => [key, 'own']))
    expect(await at.run(users.getOrSetMany(['secret', 'open'], load))).toEqual(
      new Map([
        ['secret', 'own'],
        ['open', 'theirs'],
      ]),
    )
    expect(users.peek('secret')).toBeUndefined()
    expect(of('refuse')).toMatchObject([refused, refused])
    expect(cache.stats()).toMatchObject({ tierHits: 1, tierRefused: 1 })
  })

  it('is not held where another isolate has published it', async () => {
    const writer = await ready([replicate()])
    const { users, of, cache } = await ready([replicate(), noSecrets])
    await at.run(writer.users.set('secret', 'a'))
    await at.run(writer.users.set('open', 'b'))
    await at.run(cache.sync())
    expect([users.peek('secret'), users.peek('open')]).toEqual([undefined, 'b'])
    expect(of('refuse')).toMatchObject([refused])
    expect(await at.run(users.getOrSet('secret', () => 'c'))).toBe('c')
  })
})

describe('a write', () => {
  it('ends before anything is evicted where a feature throws for its values, whatever the way of writing', async () => {
    const picky: FeatureHooks = {
      beforeSet: async (_, values) => {
        for (const { value } of values.values()) if (value === 'bad') throw BROKEN
        return values
      },
    }
    const { users } = await ready([own(picky)])
    await at.run(users.getOrSet('1', () => 'good'))
    await expect(at.run(users.set('1', 'bad'))).rejects.toBe(BROKEN)
    await expect(at.run(setMany(users, { '1': 'bad', '2': 'good' }))).rejects.toBe(BROKEN)
    expect(at.log.offsets('cache-evictions', 0).end).toBe(0)
    expect([users.peek('1'), users.peek('2')]).toEqual(['good', undefined])
  })

  it('has a token of the positions that features have written, which a reader who follows waits for', async () => {
    const writing: FeatureHooks = {
      afterHold: async (_, { values, by }) => {
        const [[key, { value, asOf }]] = [...values] as never as [[string, HeldValue<string>]]
        if (by !== 'set') return []
        const put = { v: 1, op: 'put', ns: 'users', key, value, ttl: 60_000, at: at.runtime.now(), asOf }
        await at.runtime.sleep(100)
        at.log.append('cache-updates', { key: null, value: new TextEncoder().encode(JSON.stringify(put)) })
        return [{ partition: 0, offset: at.log.offsets('cache-updates', 0).end - 1 }]
      },
    }
    const writer = await ready([own(writing)])
    const reader = await ready([replicate()])
    const token = await at.run(writer.users.set('1', 'a'))
    expect(token).toMatch(/^k1\.0-1_0-1~/)
    expect(await at.run(reader.users.get('1', { after: token }))).toBe('a')
  })

  it('rejects where a feature cannot write what was set: it must not be lost unnoticed', async () => {
    const told: string[] = []
    const hooks = own({ afterHold: () => Promise.reject(BROKEN) }, 'failing')
    const { users } = await ready([hooks, own({ afterHold: (_, { by }) => void told.push(by) })])
    await expect(at.run(users.set('1', 'a'))).rejects.toBe(BROKEN)
    expect(told).toEqual(['set'])
  })

  it('waits for features no longer than its deadline, and resolves where it was a delete', async () => {
    const never = () => new Promise<never>(() => undefined)
    const { users } = await ready([own({ afterHold: never, afterEvict: never })], { publishTimeout: '3s' })
    const began = at.runtime.now()
    await expect(at.run(users.set('1', 'a'))).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(at.runtime.now() - began).toBe(3000)
    expect(await at.run(users.delete('1'))).toMatch(/^k1\.0-2~/)
    expect(at.runtime.now() - began).toBe(6000)
    const gone = new AbortController()
    const write = users.delete('1', { signal: gone.signal })
    await at.runtime.advance(10)
    gone.abort('gone')
    await expect(at.run(write)).rejects.toBe('gone')
    expect(at.runtime.sleeping).toBe(0)
  })

  it('says that the keys were evicted, where a feature has not ended after that in time', async () => {
    const { users } = await ready([own({ afterHold: () => deferred<never>().promise })])
    await expect(at.run(users.set('1', 'x'))).rejects.toMatchObject({
      code: 'ERR_PUBLISH',
      message: expect.stringContaining('the keys were evicted'),
    })
  })

  it('resolves though a feature fails after a delete, and the others have heard of it', async () => {
    const told: (readonly string[])[] = []
    const { users, of } = await ready([
      own({ afterEvict: broken }, 'throwing'),
      own({ afterEvict: () => Promise.reject(BROKEN) }, 'rejecting'),
      own({ afterEvict: (_, { keys }) => void told.push(keys) }),
    ])
    expect(await at.run(users.delete(['1', '2']))).toMatch(/^k1\.0-1~/)
    expect(told).toEqual([['1', '2']])
    expect(of('background_error').map(({ error }) => error)).toEqual([BROKEN, BROKEN])
  })
})

describe('a feature that fails', () => {
  /** The hooks around reads, each of which breaks in the way that is given. */
  const rejects = () => Promise.reject(BROKEN)
  const FAILING: [string, FeatureHooks][] = [
    ['throws in `concerns`', { concerns: broken }],
    ['throws in `beforeProof`', { beforeProof: broken }],
    ['rejects in `beforeProof`', { beforeProof: rejects }],
    ['returns nothing from `beforeProof`', { beforeProof: async () => undefined as never }],
    ['throws while it applies', { beforeProof: async () => broken }],
    ['rejects while it applies', { beforeProof: async () => rejects }],
    ['throws in `source`', { source: broken, sourceTimeoutMs: 100 }],
    ['rejects in `source`', { source: rejects, sourceTimeoutMs: 100 }],
    ['throws in `aroundLoad`', { aroundLoad: broken }],
    ['throws in `afterHold`', { afterHold: broken }],
    ['rejects in `afterHold`', { afterHold: rejects }],
  ]

  it.each(FAILING)('and %s breaks no read, and keeps nothing from being held', async (_, hooks) => {
    const told: number[] = []
    const other: FeatureHooks = {
      afterHold: (__, { values }) => void told.push(values.size),
      beforeProof: async () => async () => void told.push(0),
    }
    const { cache, users, of } = await ready([own(hooks, 'failing'), own(other)])
    expect(cache.freshness()).toMatchObject({ proved: true })
    expect(await at.run(users.get('0'))).toBeUndefined()
    expect(await at.run(users.getOrSet('1', () => 'a'))).toBe('a')
    const found = await at.run(users.getOrSetMany(['1', '2'], () => ({ '2': 'b' })))
    expect([...found.values()]).toEqual(['a', 'b'])
    expect([users.peek('1'), users.peek('2')]).toEqual(['a', 'b'])
    await at.runtime.settle()
    // The other feature is asked all the same, at the proof and after each load.
    expect(told).toEqual([0, 1, 1])
    const errors = of('background_error').map(({ error }) => error)
    if (!('beforeProof' in hooks && _.startsWith('returns'))) expect(errors).toContain(BROKEN)
    expect(of('poll_failed')).toEqual([])
    expect(of('load').filter(({ error }) => error !== undefined)).toEqual([])
  })

  it('is heard of beside others that fail at the same time', async () => {
    const failing = ['one', 'two'].map((name) => own({ afterHold: rejects, source: rejects }, name))
    const { users, of } = await ready(failing)
    expect(await at.run(users.getOrSet('1', () => 'a'))).toBe('a')
    expect(of('background_error').map(({ error }) => error)).toEqual([BROKEN, BROKEN, BROKEN, BROKEN])
  })

  it('and throws in `mayHold` breaks no read and no write: its values are not held', async () => {
    const { users, of } = await ready([own({ mayHold: broken })])
    expect(await at.run(users.getOrSet('1', () => 'a'))).toBe('a')
    expect(await at.run(users.set('2', 'b'))).toMatch(/^k1\.0-1~/)
    expect(await at.run(users.getOrSetMany(['1', '3'], () => ({ '1': 'c', '3': 'd' })))).toEqual(
      new Map([
        ['1', 'c'],
        ['3', 'd'],
      ]),
    )
    expect(['1', '2', '3'].map((key) => users.peek(key))).toEqual([undefined, undefined, undefined])
    expect(new Set(of('refuse').map(({ reason }) => reason))).toEqual(new Set(['feature']))
    expect(of('background_error')).toHaveLength(4)
  })

  it('and hangs before a proof, or while it applies, keeps no proof from being made', async () => {
    const never = () => new Promise<never>(() => undefined)
    for (const beforeProof of [never, async () => never]) {
      const hanging = own({ beforeProof }, 'hanging')
      const { cache, users, of } = await ready([hanging, replicate()])
      await at.runtime.advance(5000)
      expect(cache.freshness().proved).toBe(false)
      await at.run(cache.sync())
      await at.runtime.advance(1000)
      expect(cache.freshness().proved).toBe(true)
      expect(await at.run(users.getOrSet('1', () => 'a'))).toBe('a')
      expect(users.peek('1')).toBe('a')
      expect(of('poll_failed')).toEqual([])
      expect(of('background_error')[0]).toMatchObject({ error: { code: 'ERR_TIMEOUT' } })
    }
  })

  it('hides no failure of the log: `poll_failed` has that of the log', async () => {
    const { cache, kafka, of } = await ready([own({ beforeProof: rejects })])
    kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }))
    await at.runtime.advance(5000)
    await at.run(cache.sync())
    expect(of('poll_failed')).toMatchObject([{ error: { code: 'ERR_NETWORK' } }])
  })

  it('has its call around a load reject as the loader would', async () => {
    const { users } = await ready([own({ aroundLoad: () => rejects })])
    await expect(at.run(users.getOrSet('1', () => 'a'))).rejects.toBe(BROKEN)
  })
})
