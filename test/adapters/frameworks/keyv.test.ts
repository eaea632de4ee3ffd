import { Keyv, type KeyvOptions } from 'keyv'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keyvStore } from '../../../adapters/frameworks/keyv.ts'
import { isKedgeError } from '../../../src/index.ts'
import { createCache } from '../../../src/index.ts'
import { memory } from '../../../src/testing/index.ts'
import { isolates } from './world.ts'

async function pair() {
  const [here, there] = await isolates<unknown>()
  const keyvOver = (space: typeof here.space, options: KeyvOptions = {}) => {
    const keyv = new Keyv({ store: keyvStore(space), throwOnErrors: true, ...options })
    keyv.on('error', () => undefined)
    return keyv
  }
  return { here, there, keyvOver, keyv: keyvOver(here.space), other: keyvOver(there.space) }
}

const listed = async (keyv: Keyv): Promise<unknown[]> => {
  const all: unknown[] = []
  for await (const each of keyv.iterator()) all.push(each)
  return all
}

// Both clocks stand still until a test says otherwise; timers are the platform's own.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }))
afterEach(() => void vi.useRealTimers())

describe('Keyv over a namespace', () => {
  it('gets what was set, one or many', async () => {
    const { keyv } = await pair()
    expect(await keyv.set('a', { n: 1 })).toBe(true)
    await keyv.setMany([
      { key: 'b', value: 2 },
      { key: 'c', value: 3, ttl: 60_000 },
    ])
    expect(await keyv.get('a')).toEqual({ n: 1 })
    expect(await keyv.getMany(['a', 'b', 'c', 'd'])).toEqual([{ n: 1 }, 2, 3, undefined])
    expect([await keyv.has('a'), await keyv.has('d')]).toEqual([true, false])
  })

  it('evicts what others hold when it sets, deletes or clears', async () => {
    const { keyv, other, there } = await pair()
    for (const end of [
      () => keyv.set('a', 'new'),
      () => keyv.delete('a'),
      () => keyv.deleteMany(['a', 'z']),
      () => keyv.clear(),
    ]) {
      await other.set('a', 'old')
      await there.catchUp()
      expect(await other.get('a')).toBe('old')
      await end()
      await there.catchUp()
      expect(await other.get('a')).toBeUndefined()
    }
  })

  it('forgets a value when its TTL has passed', async () => {
    const { keyv } = await pair()
    await keyv.set('a', 1, 5)
    vi.advanceTimersByTime(20)
    expect(await keyv.get('a')).toBeUndefined()
  })

  it('keeps a value without a TTL, or with one of 0 or none that ends, for `maxTtl`', async () => {
    const { keyvOver, here } = await pair()
    const keyv = keyvOver(here.space, { store: keyvStore(here.space, { maxTtl: '1s' }) })
    for (const [key, ttl] of [
      ['none'],
      ['zero', 0],
      ['negative', -5],
      ['endless', Infinity],
      ['long', 60_000],
    ] as const)
      await keyv.set(key, 1, ttl)
    const keys = ['none', 'zero', 'negative', 'endless', 'long']
    vi.advanceTimersByTime(900)
    expect(await keyv.hasMany(keys)).toEqual(keys.map(() => true))
    vi.advanceTimersByTime(200)
    expect(await keyv.hasMany(keys)).toEqual(keys.map(() => false))
  })

  it('gives back what was set, with its own serialisation and without one', async () => {
    const { keyvOver, here } = await pair()
    for (const options of [{}, { serialization: false as const }]) {
      const keyv = keyvOver(here.space, options)
      for (const value of [{ n: [1] }, 'text', 0, false, null, ':x']) {
        await keyv.set('v', value)
        expect(await keyv.get('v')).toEqual(value)
      }
    }
  })

  it('answers one for each key, of many', async () => {
    const { keyv } = await pair()
    const entries = ['a', 'b'].map((key) => ({ key, value: key }))
    expect(await keyv.setMany(entries)).toEqual([true, true])
    expect(await keyv.hasMany(['a', 'x', 'b'])).toEqual([true, false, true])
    expect(await keyv.deleteMany(['a', 'x'])).toEqual([true, true])
    expect([await keyv.getMany(['a', 'b']), await keyv.deleteMany([])]).toEqual([[undefined, 'b'], []])
  })

  it('lists nothing, because it does not know what others hold', async () => {
    const { keyv } = await pair()
    await keyv.set('a', 1)
    expect(await listed(keyv)).toEqual([])
  })

  it('says when Kafka has not acknowledged a write', async () => {
    const kafka = memory()
    const store = keyvStore(createCache({ kafka }).namespace('things'))
    kafka.fail(new Error('down'), { on: 'produce' })
    const failure: unknown = await store.set('a', 1).catch((error: unknown) => error)
    expect(isKedgeError(failure) && failure.code).toBe('ERR_PUBLISH')
  })

  it('says when Kafka has not acknowledged that it is cleared', async () => {
    const kafka = memory()
    const keyv = new Keyv({
      store: keyvStore(createCache({ kafka }).namespace('things')),
      namespace: 'n',
      throwOnErrors: true,
    })
    kafka.fail(new Error('down'), { on: 'produce' })
    await expect(keyv.clear()).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
  })

  it.each([
    [{ maxTtl: '0s' }, '`maxTtl`'],
    [{ max: 1 }, '`max`'],
  ])('refuses the options %o', async (options, quoted) => {
    const { here } = await pair()
    expect(() => keyvStore(here.space, options as never)).toThrow(quoted)
  })
})

describe('Keyv with a namespace of its own', () => {
  it('keeps its keys apart from those of others in the same namespace of the cache', async () => {
    const { keyvOver, here, keyv } = await pair()
    const [a, b] = ['a', 'b'].map((namespace) => keyvOver(here.space, { namespace }))
    for (const [each, value] of [
      [a!, 1],
      [b!, 2],
      [keyv, 3],
    ] as const)
      await each.set('k', value)
    expect([await a!.get('k'), await b!.get('k'), await keyv.get('k')]).toEqual([1, 2, 3])
    expect(
      [await here.space.get('a::k'), await here.space.get('k')].every((held) => held !== undefined),
    ).toBe(true)
    await a!.delete('k')
    expect([await a!.has('k'), await b!.has('k')]).toEqual([false, true])
  })

  // Keyv's README: "If a namespace is set only entries in that namespace are removed."
  it('clears that alone, everywhere', async () => {
    const { keyvOver, here, there } = await pair()
    const over = (at: typeof here) =>
      ['a', 'a:', 'ab', 'a%3A'].map((namespace) => keyvOver(at.space, { namespace }))
    const [mine, theirs] = [over(here), over(there)]
    for (const keyv of theirs) for (const key of ['k', ':k', 'x::k']) await keyv.set(key, 1)
    await mine[0]!.clear()
    await there.catchUp()
    const left = await Promise.all(theirs.map((keyv) => keyv.hasMany(['k', ':k', 'x::k'])))
    expect(left).toEqual([
      [false, false, false],
      [true, true, true],
      [true, true, true],
      [true, true, true],
    ])
    expect(await theirs[0]!.set('k', 2)).toBe(true)
    expect(await theirs[0]!.get('k')).toBe(2)
  })

  it('clears everything where it has none', async () => {
    const { keyvOver, here, keyv } = await pair()
    const named = keyvOver(here.space, { namespace: 'a' })
    await named.set('k', 1)
    await keyv.clear()
    expect(await named.has('k')).toBe(false)
  })

  it('wants a store for each: two instances would read each other’s values', async () => {
    const { here } = await pair()
    const store = keyvStore(here.space)
    const a = new Keyv({ store, namespace: 'a' })
    expect(() => new Keyv({ store, namespace: 'b' })).toThrow('`namespace` `a`')
    expect(() => (a.namespace = 'c')).toThrow(TypeError)
    expect(store.namespace).toBe('a')
  })
})
