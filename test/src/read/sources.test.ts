/** Sources of values that are slow, hang, or say too much: what they do to the loader, to each other, and to what is held. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheOptions, Feature, FeatureHooks, HeldValue, SourceContext } from '../../../src/index.ts'
import { memoryTier } from '../../../src/testing/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import { deferred, readyIn, request, world } from '../world.ts'
import type { World } from '../world.ts'

let at: World
beforeEach(() => {
  at = world()
})

const never = () => new Promise<never>(() => undefined)
const own = (hooks: FeatureHooks, name = 'own'): Feature => ({ name, open: () => hooks })
const ready = (use: readonly Feature[], more: Partial<CacheOptions> = {}) => readyIn(at, { use, ...more })

/** What a source of values has kept, as of the beginning of the log. */
const kept = (value: unknown, more: object = {}): HeldValue<never> => ({
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

/** A source that has these keys, or any, after a while. */
const giving = (keys?: readonly string[], ms = 0): FeatureHooks => ({
  sourceTimeoutMs: 50,
  async source(_, asked, { proof, hold }) {
    await proof()
    if (ms > 0) await at.runtime.sleep(ms)
    for (const key of asked) if (keys?.includes(key) ?? true) hold(key, kept(`kept ${key}`))
  },
})
const hung = own({ source: never }, 'hung')

/** How long the promise takes to settle. */
async function took<T>(promise: Promise<T>) {
  const began = at.runtime.monotonic()
  const result = await at.run(promise).catch((error: unknown) => ({ error }))
  return { result, ms: at.runtime.monotonic() - began }
}

const DOWN = new Error('the database is down')
const failing = (): never => {
  throw DOWN
}

describe('a loader that fails beside a source that hangs', () => {
  it.each([
    ['long', 30_000, 500],
    ['short', 300, 150],
  ])(
    'rejects the read with its own error, after a while, where `hardTimeout` is %s',
    async (_, hardTimeout, ms) => {
      const { users, of } = await ready([hung], { hardTimeout })
      const { result, ms: waited } = await took(users.getOrSet('1', failing))
      expect(result).toEqual({ error: DOWN })
      expect(waited).toBe(ms)
      expect(of('load')).toMatchObject([{ error: DOWN }])
      expect(at.runtime.sleeping).toBe(0)
    },
  )

  it('late, has its own error told all the same', async () => {
    const { users } = await ready([hung], { hardTimeout: 3000 })
    const late = async () => {
      await at.runtime.sleep(2900)
      throw DOWN
    }
    expect(await took(users.getOrSet('1', late))).toEqual({ result: { error: DOWN }, ms: 2950 })
  })

  it('gives way to what is held past its TTL, and so does that of a reader that joins', async () => {
    const { users } = await ready([hung], { ttl: 1000, staleIfError: '1h', hardTimeout: '3s' })
    await at.run(users.getOrSet('1', () => 'a'))
    await at.runtime.advance(1500)
    const reads = [users.getEntry('1', failing), users.getEntry('1', failing)]
    const { result, ms } = await took(Promise.all(reads))
    expect(result).toMatchObject([{ staleBecause: 'error' }, { staleBecause: 'error' }])
    expect(ms).toBe(500)
  })

  it('gives way to a source that answers within that while', async () => {
    const { users, of } = await ready([own(giving(undefined, 300))])
    expect(await took(users.getOrSet('1', failing))).toEqual({ result: 'kept 1', ms: 300 })
    expect(of('background_error')).toMatchObject([{ error: DOWN }])
  })
})

describe('a source that has the value', () => {
  it('spares the load, though another hangs', async () => {
    const { users } = await ready([own(giving(), 'quick'), hung])
    const read = users.getOrSet('1', () => expect.fail('it was loaded'))
    expect(await took(read)).toEqual({ result: 'kept 1', ms: 0 })
    expect(at.runtime.sleeping).toBe(0)
  })

  it('answers a read without a loader at once, though another hangs', async () => {
    const { users } = await ready([own(giving(), 'quick'), hung])
    expect(await took(users.get('1'))).toEqual({ result: 'kept 1', ms: 0 })
    const many = await took(users.getMany(['2', '3']))
    expect([[...(many.result as Map<string, string>).keys()], many.ms]).toEqual([['2', '3'], 0])
    expect(at.runtime.sleeping).toBe(0)
  })

  it('of some keys has the loader asked for the others alone', async () => {
    const { users } = await ready([own(giving(['1', '2']), 'quick'), hung])
    const loaded: string[] = []
    const load = (keys: readonly string[]) => {
      loaded.push(...keys)
      return new Map(keys.map((key) => [key, `loaded ${key}`]))
    }
    const { result, ms } = await took(users.getOrSetMany(['1', '2', '3'], load))
    expect([...(result as Map<string, string>).values()]).toEqual(['kept 1', 'kept 2', 'loaded 3'])
    expect([loaded, ms]).toEqual([['3'], 50])
  })

  it('answers its reader as soon as it is held, while the loader is still under way', async () => {
    const { users } = await ready([own(giving(undefined, 100)), hung])
    const slow = deferred<string>()
    expect(await took(users.getOrSet('1', () => slow.promise))).toEqual({ result: 'kept 1', ms: 100 })
    slow.resolve('loaded')
    await at.runtime.settle()
    expect(users.peek('1')).toBe('loaded')
  })

  it('lets no eviction pass that was not acknowledged', async () => {
    const held = deferred<void>()
    const slow: FeatureHooks = {
      sourceTimeoutMs: 1000,
      async source(_, [key], { proof, hold }) {
        await proof()
        await held.promise
        hold(key!, kept('kept'))
      },
    }
    const { users, kafka } = await ready([own(slow), hung])
    const read = users.getOrSet('1', () => 'loaded')
    await at.runtime.advance(10)
    kafka.produce = () => Promise.reject(new Error('no answer'))
    await at.run(users.delete('1').catch(() => undefined))
    held.resolve()
    expect(await at.run(read)).toBe('loaded')
    expect(users.peek('1')).toBeUndefined()
  })

  it('counts no failure of a tier that was slower than it', async () => {
    const tier = memoryTier({ runtime: at.runtime })
    const getMany = tier.getMany.bind(tier)
    const slow = {
      ...tier,
      setMany: tier.setMany.bind(tier),
      deleteMany: tier.deleteMany.bind(tier),
      getMany: async (...args: Parameters<typeof getMany>) => {
        await at.runtime.sleep(10)
        return getMany(...args)
      },
    }
    const { users, cache } = await ready([own(giving(), 'quick'), sharedTier(slow)])
    for (let n = 0; n < 20; n++) await at.run(users.getOrSet(`${n}`, failing))
    expect(cache.stats()).toMatchObject({ tierState: 'closed', tierFailures: 0 })
  })
})

describe('what a source says of a value', () => {
  const saying = (more: object): Feature =>
    own({
      async source(_, keys, { proof, hold }) {
        if (await proof()) for (const key of keys) hold(key, kept('evicted long ago', more))
      },
    })

  it.each([
    ['that it knows of all evictions', { knownTo: 1e9 }],
    ['that its load began before the first contact', { beforeContact: true, generation: 0 }],
  ])('cannot be %s: only the cache says so', async (_, more) => {
    const writer = await ready([])
    for (const key of ['1', '2', '3']) await at.run(writer.users.delete(key))
    const { users } = await ready([saying(more)])
    expect(await at.run(users.get('1'))).toBeUndefined()
  })

  it('gets as few words as a source needs', async () => {
    const given: string[] = []
    const hooks: FeatureHooks = {
      source: async (_, __, context: SourceContext<never>) => void given.push(...Object.keys(context)),
    }
    const { users } = await ready([own(hooks)])
    await at.run(users.get('1'))
    expect(given).toEqual(['signal', 'scope', 'proof', 'hold'])
  })
})

describe('around a load', () => {
  it('a feature gets a signal, and nothing that ends the load', async () => {
    let given: object | undefined
    const hooks: FeatureHooks = {
      aroundLoad: (_, __, call) => async (keys, context) => {
        given = context
        expect(context.signal.aborted).toBe(false)
        return call!(keys, context)
      },
    }
    const { users } = await ready([own(hooks)])
    expect(await at.run(users.getOrSet('1', () => 'a'))).toBe('a')
    expect('abort' in given! || 'throwIfStopped' in given!).toBe(false)
  })
})

describe('a cache that is closed', () => {
  /** A source that answers once it may. */
  function answering() {
    const may = deferred<void>()
    const gave: boolean[] = []
    const hooks: FeatureHooks = {
      async source(_, [key], { proof, hold }) {
        await proof()
        await may.promise
        gave.push(hold(key!, kept('late')))
      },
    }
    return { may, gave, hooks }
  }

  it('ends reads without a loader, and holds nothing that a source gives after it', async () => {
    const { may, gave, hooks } = answering()
    const { users, cache } = await ready([own(hooks)])
    const read = users.get('1')
    await at.runtime.advance(10)
    await cache.close()
    await expect(at.run(read)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    may.resolve()
    await at.runtime.settle()
    expect([gave, cache.stats().entries, at.runtime.sleeping]).toEqual([[false], 0, 0])
  })

  it('holds nothing after it where other requests go on, either', async () => {
    at = world({ isolatesRequests: true })
    const { may, gave, hooks } = answering()
    const { cache, of } = at.isolate({ use: [own(hooks)] })
    cache.namespace<string>('users')
    await at.run(cache.for(request()).sync())
    const users = cache.for(request()).namespace<string>('users')
    const row = deferred<string>()
    const reads = [users.get('1'), users.getOrSet('2', () => row.promise)]
    await at.runtime.advance(10)
    await cache.close()
    may.resolve()
    row.resolve('loaded')
    await at.run(Promise.allSettled(reads))
    expect([gave.includes(true), cache.stats().entries]).toEqual([false, 0])
    expect(of('refuse')[0]).toMatchObject({ reason: 'closed' })
  })
})
