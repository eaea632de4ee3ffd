/** Features written by hand: when the core asks them, what it lets them do, and what it takes from them. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Feature, FeatureHooks } from '../../../src/index.ts'
import type { Evicted, Held, HeldValue, SourceContext } from '../../../src/api/feature.ts'
import { KedgeError } from '../../../src/index.ts'
import { writeThrough } from '../../../src/write-paths/index.ts'
import { deferred, readyIn, world } from '../world.ts'
import type { World } from '../world.ts'

let at: World
beforeEach(() => {
  at = world()
})

/** A feature of these hooks. */
const feature = (hooks: FeatureHooks, name = 'own'): Feature => ({ name, open: () => hooks })
const ready = (...use: Feature[]) => readyIn(at, { use })

/** What the source of a program of one's own found a minute ago, as of the first position. */
const found = (value: string, more: Partial<HeldValue<string>> = {}): HeldValue<string> => ({
  value,
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

/** A source of values; `ask` gets each question. */
const source = (
  ask: (keys: readonly string[], context: SourceContext<string>) => void | Promise<void>,
  more: FeatureHooks = {},
): FeatureHooks => ({
  sourceTimeoutMs: 1000,
  source: async (_, keys, context) => ask(keys, context as unknown as SourceContext<string>),
  ...more,
})

describe('a source of values', () => {
  it('is asked before the loader, and what it finds is held', async () => {
    const asked: (readonly string[])[] = []
    const hooks = source(async (keys, context) => {
      asked.push(keys)
      expect(await context.proof()).toBe(true)
      expect(context.hold('1', found('theirs'))).toBe(true)
    })
    const { users } = await ready(feature(hooks))
    expect(await at.run(users.getOrSet('1', () => expect.fail('it was loaded')))).toBe('theirs')
    expect(users.peek('1')).toBe('theirs')
    expect(asked).toEqual([['1']])
  })

  it('has nothing held that it gives before freshness is proved', async () => {
    const gave: boolean[] = []
    const hooks = source(async (_, context) => {
      gave.push(context.hold('1', found('unproved')))
      await context.proof()
    })
    const { users } = await ready(feature(hooks))
    await at.runtime.advance(60_000)
    expect(await at.run(users.getOrSet('1', () => 'own'))).toBe('own')
    expect([gave, users.peek('1')]).toEqual([[false], 'own'])
  })

  it('has nothing held where freshness cannot be proved', async () => {
    const gave: boolean[] = []
    const hooks = source(async (_, context) => {
      expect(await context.proof()).toBe(false)
      gave.push(context.hold('1', found('unproved')))
    })
    const { users, kafka } = await ready(feature(hooks))
    await at.runtime.advance(60_000)
    kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }))
    expect(await at.run(users.get('1'))).toBeUndefined()
    expect(gave).toEqual([false])
  })

  it('has nothing held for a key that was not asked for, and no second value for one that was', async () => {
    const gave: boolean[] = []
    const hooks = source(async (_, context) => {
      await context.proof()
      gave.push(
        context.hold('2', found('not asked for')),
        context.hold('1', found('first')),
        context.hold('1', found('second')),
      )
    })
    const { users } = await ready(feature(hooks))
    expect(await at.run(users.getOrSet('1', () => 'own'))).toBe('first')
    expect([gave, users.peek('1'), users.peek('2')]).toEqual([[false, true, false], 'first', undefined])
  })

  it('has nothing held once the loader has answered: what that says is newer', async () => {
    const slow = deferred<void>()
    const gave: boolean[] = []
    const hooks = source(
      async (_, context) => {
        await context.proof()
        await slow.promise
        gave.push(context.hold('1', found('late')))
      },
      { sourceTimeoutMs: 50 },
    )
    const { users } = await ready(feature(hooks))
    expect(await at.run(users.getOrSet('1', () => 'own'))).toBe('own')
    slow.resolve()
    await at.runtime.settle()
    expect([gave, users.peek('1')]).toEqual([[false], 'own'])
  })

  it('has no value held that an eviction since its as-of concerns', async () => {
    const gave: boolean[] = []
    const hooks = source(async (_, context) => {
      await context.proof()
      gave.push(context.hold('1', found('old')))
    })
    const { users } = await ready(feature(hooks))
    await at.run(users.delete('1'))
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
    expect(gave).toEqual([false])
  })

  it('is asked beside others, and the first to find a value of a key is taken', async () => {
    const of = (value: string, afterMs: number) =>
      source(async (_, context) => {
        await context.proof()
        await at.runtime.sleep(afterMs)
        context.hold('1', found(value))
      })
    const { users } = await ready(feature(of('slow', 50), 'slow'), feature(of('fast', 10), 'fast'))
    expect(await at.run(users.getOrSet('1', () => 'own'))).toBe('fast')
  })

  it('is asked by a read that has no loader, too', async () => {
    const hooks = source(async (keys, context) => {
      if (await context.proof()) for (const key of keys) context.hold(key, found(`of ${key}`))
    })
    const { users } = await ready(feature(hooks))
    expect(await at.run(users.get('1'))).toBe('of 1')
    expect([...(await at.run(users.getMany(['2', '3'])))]).toEqual([
      ['2', 'of 2'],
      ['3', 'of 3'],
    ])
  })
})

describe('a feature that says what may be held', () => {
  const noSecrets = feature({ mayHold: (_, key) => !key.startsWith('secret') }, 'noSecrets')

  it('has the others returned, and not held', async () => {
    const { users, of } = await ready(noSecrets)
    expect(await at.run(users.getOrSet('secret', () => 'a'))).toBe('a')
    expect(await at.run(users.getOrSet('open', () => 'b'))).toBe('b')
    expect([users.peek('secret'), users.peek('open')]).toEqual([undefined, 'b'])
    expect(of('refuse')).toMatchObject([{ key: 'secret', reason: 'feature' }])
  })

  it('is asked of values that are set, and of those of other sources', async () => {
    const hooks = source(async (keys, context) => {
      await context.proof()
      for (const key of keys) context.hold(key, found('theirs'))
    })
    const { users } = await ready(noSecrets, feature(hooks))
    await at.run(users.set('secret', 'set'))
    expect(users.peek('secret')).toBeUndefined()
    expect(await at.run(users.getOrSet('secret', () => 'own'))).toBe('own')
  })

  it('is heard beside one that allows it', async () => {
    const all = feature({ mayHold: () => true }, 'all')
    for (const use of [
      [all, noSecrets],
      [noSecrets, all],
    ]) {
      const { users } = await ready(...use)
      await at.run(users.getOrSet('secret', () => 'a'))
      expect(users.peek('secret')).toBeUndefined()
    }
  })

  it('drops what was held of the key: the value that it refuses is newer', async () => {
    const { users } = await ready(feature({ mayHold: (_, __, value) => value !== 'new' }))
    await at.run(users.getOrSet('1', () => 'old'))
    await at.run(users.set('1', 'new'))
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('around a load', () => {
  it('a feature brings the values of some keys, and the loader those of the others', async () => {
    const hooks: FeatureHooks = {
      aroundLoad: (_, __, call) =>
        call &&
        (async (keys, signal) => {
          const rest = keys.filter((key) => key !== 'mine')
          const values = new Map(rest.length > 0 ? await call(rest, signal) : [])
          if (keys.includes('mine')) values.set('mine', 'by the feature' as never)
          return values
        }),
    }
    const { users } = await ready(feature(hooks))
    const loaded: string[] = []
    const load = (keys: readonly string[]) => {
      loaded.push(...keys)
      return new Map(keys.map((key) => [key, 'own']))
    }
    const values = await at.run(users.getOrSetMany(['mine', 'yours'], load))
    expect([...values]).toEqual([
      ['mine', 'by the feature'],
      ['yours', 'own'],
    ])
    expect(loaded).toEqual(['yours'])
  })

  it('a feature may bring values to a read that has no loader', async () => {
    const hooks: FeatureHooks = {
      aroundLoad: (_, keys, call) => call ?? (keys.includes('mine') ? async () => new Map() : undefined),
    }
    const { users, of } = await ready(feature(hooks))
    await at.run(users.get('mine'))
    await at.run(users.get('yours'))
    expect(of('load').map(({ keys }) => keys)).toEqual([['mine']])
  })
})

describe('a write', () => {
  it('waits for each feature after a `delete`: what follows it comes after what the feature does', async () => {
    const over = deferred<void>()
    const seen: Evicted[] = []
    const hooks: FeatureHooks = {
      afterEvict: async (_, evicted) => {
        seen.push(evicted)
        await over.promise
      },
    }
    const { users } = await ready(feature(hooks))
    let isOver = false
    const write = users.delete(['1', '2']).then(() => (isOver = true))
    await at.runtime.advance(1000)
    expect([isOver, seen]).toMatchObject([false, [{ keys: ['1', '2'], offset: 0, landed: true }]])
    over.resolve()
    await at.run(write)
    expect(isOver).toBe(true)
  })

  it('waits for each feature after a `set`, and its token names what the feature wrote', async () => {
    const held: Held<unknown>[] = []
    const hooks: FeatureHooks = {
      afterHold: async (_, each) => {
        held.push(each)
        return [{ partition: 0, offset: 7 }]
      },
    }
    const { users } = await ready(feature(hooks))
    const token = await at.run(users.set('1', 'a'))
    expect(held).toMatchObject([{ by: 'set', offset: 0 }])
    expect([...held[0]!.values]).toMatchObject([['1', { value: 'a', asOf: 1 }]])
    // The position of the eviction, and that of the feature.
    expect(token).toMatch(/^k1\.0-1_0-8~/)
  })

  it('tells no feature of a value that is superseded: a newer one is known', async () => {
    const told: string[] = []
    const hooks: FeatureHooks = {
      afterHold: (_, { values }) => void told.push(...[...values].map(([, { value }]) => value as string)),
    }
    const { users } = await ready(feature(hooks))
    await at.run(users.set('1', 'second', { version: 2 }))
    await at.run(users.set('1', 'first', { version: 1 }).catch(() => undefined))
    expect(told).toEqual(['second'])
    expect(users.peek('1')).toBe('second')
  })

  it('tells features of a value that is too large to be held here, and why', async () => {
    const held: Held<unknown>[] = []
    const hooks: FeatureHooks = { afterHold: (_, each) => void held.push(each) }
    const { users } = await readyIn(at, { use: [feature(hooks)], maxEntryBytes: 300, maxBytes: 1000 })
    await at.run(users.set('1', 'x'.repeat(500)))
    expect(users.peek('1')).toBeUndefined()
    expect([...held[0]!.refused!]).toEqual([['1', 'size']])
    expect([...held[0]!.values.keys()]).toEqual(['1'])
  })

  it('evicts nothing where a feature cannot take its value', async () => {
    const hooks: FeatureHooks = {
      beforeSet: async (_, values) => {
        if (values.get('1')?.value === 'bad') throw new KedgeError('ERR_CODEC', 'no')
        return values
      },
    }
    const { users } = await ready(feature(hooks))
    await at.run(users.set('1', 'good'))
    await expect(at.run(users.set('1', 'bad'))).rejects.toMatchObject({ code: 'ERR_CODEC' })
    expect(at.log.offsets('cache-evictions', 0).end).toBe(1)
    expect(users.peek('1')).toBe('good')
  })

  it('holds what a feature makes of its value', async () => {
    const hooks: FeatureHooks = {
      beforeSet: async (_, values) =>
        new Map(
          [...values].map(([key, each]) => [key, { ...each, value: `${each.value as string}!` as never }]),
        ),
    }
    const { users } = await ready(feature(hooks))
    await at.run(users.set('1', 'a'))
    expect(users.peek('1')).toBe('a!')
  })

  it('is announced for no longer than a feature of the cache allows, and not at all without one', async () => {
    const announces = (ms: number) => feature({ intentsMs: () => ms } as FeatureHooks)
    const { users } = await ready(announces(500))
    const store = () => undefined
    await expect(at.run(writeThrough(users, '1', 'a', store, { intent: 501 }))).rejects.toThrow('`intent`')
    await at.run(writeThrough(users, '1', 'a', store, { intent: 500 }))
    const { users: without } = await ready()
    await expect(at.run(writeThrough(without, '1', 'a', store))).rejects.toThrow('`intent`')
  })
})

describe('before a proof', () => {
  it('a feature reads, and applies what it has read once the evictions of that time are known', async () => {
    const applied: (() => number)[] = []
    const known: { readonly reads: number; readonly applies: number }[] = []
    const hooks: FeatureHooks = {
      beforeProof: async () => {
        const reads = applied.at(-1)?.() ?? 0
        return async () => void known.push({ reads, applies: applied.at(-1)?.() ?? 0 })
      },
    }
    const { cache } = await ready(feature(hooks))
    applied.push(() => cache.stats().evictionsApplied)
    const { users: elsewhere } = await ready()
    await at.run(elsewhere.delete('1'))
    known.length = 0
    await at.run(cache.sync())
    expect(known).toEqual([{ reads: 0, applies: 1 }])
  })
})

describe('a namespace', () => {
  const refusing = (more: FeatureHooks = {}) => feature({ mayHold: () => false, ...more }, 'refusing')

  it('takes no part in a feature that does not concern it, nor in one that it is without', async () => {
    const { cache } = at.isolate({ use: [refusing({ concerns: (name) => name !== 'two' })] })
    const one = cache.namespace<string>('one')
    const two = cache.namespace<string>('two')
    const three = cache.namespace<string>('three', { without: ['refusing'] })
    await at.run(cache.sync())
    for (const each of [one, two, three]) await at.run(each.set('1', 'a'))
    expect([one, two, three].map((each) => each.peek('1'))).toEqual([undefined, 'a', 'a'])
  })
})

describe('the features of a cache', () => {
  it('are of different names', () => {
    expect(() => at.isolate({ use: [feature({}), feature({})] })).toThrow('`use`')
  })

  it('are closed with it', async () => {
    const closed: string[] = []
    const { cache } = at.isolate({
      use: [
        feature({ close: () => void closed.push('one') }, 'one'),
        feature({ close: async () => void closed.push('two') }, 'two'),
      ],
    })
    await at.run(cache.close())
    expect(closed).toEqual(['one', 'two'])
  })
})
