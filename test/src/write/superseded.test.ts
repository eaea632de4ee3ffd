/** A write that will not be visible is not acknowledged as if it were, and a forged version bars no key for good. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createCache, isKedgeError } from '../../../src/index.ts'
import type { KafkaLog } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { memory } from '../../../src/testing/index.ts'
import { readyIn, world } from '../world.ts'
import type { World } from '../world.ts'

let at: World
beforeEach(() => {
  at = world()
})

const HIGHEST = Number.MAX_SAFE_INTEGER
const bytes = (message: object) => new TextEncoder().encode(JSON.stringify(message))
const evict = (message: object) =>
  at.log.append('cache-evictions', {
    key: bytes({}),
    value: bytes({ v: 1, op: 'evict', ns: 'users', ...message }),
  })
const update = (message: object) =>
  at.log.append('cache-updates', {
    key: new TextEncoder().encode('users/1'),
    value: bytes({ v: 1, op: 'put', ns: 'users', key: '1', ttl: 1000, at: at.runtime.now(), ...message }),
  })
const failure = async (write: Promise<unknown>) => {
  const error: unknown = await at.run(write).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return isKedgeError(error) ? error : undefined
}

describe('a set whose version is below one that stands', () => {
  it('rejects with the version that won, evicts the key, and leaves the newer value', async () => {
    const { users } = await readyIn(at)
    await at.run(users.set('1', 'nine', { version: 9 }))
    const error = await failure(users.set('1', 'six', { version: 6 }))
    expect(error).toMatchObject({ code: 'ERR_SUPERSEDED', version: 9, retryable: false })
    expect(error?.message).toContain('version 9')
    expect(users.peek('1')).toBe('nine')
    expect(at.log.offsets('cache-evictions', 0).end).toBe(2)
  })

  it('rejects where only the eviction is known that names it', async () => {
    const { users, cache } = await readyIn(at)
    evict({ keys: ['1'], version: 9 })
    await at.run(cache.sync())
    expect(await failure(users.set('1', 'six', { version: 6 }))).toMatchObject({ version: 9 })
    expect(users.peek('1')).toBeUndefined()
    await at.run(users.set('1', 'nine', { version: 9 }))
    expect(users.peek('1')).toBe('nine')
  })

  it('rejects where the higher one was written meanwhile, and has not been read here yet', async () => {
    const { users } = await readyIn(at)
    evict({ keys: ['1'], version: 9 })
    expect(await failure(users.set('1', 'six', { version: 6 }))).toMatchObject({ version: 9 })
  })

  it('gives no other isolate the value that it refuses', async () => {
    const one = await readyIn(at, { use: [replicate()] })
    await at.run(one.users.set('1', 'nine', { version: 9 }))
    const end = at.log.offsets('cache-updates', 0).end
    expect(await failure(one.users.set('1', 'six', { version: 6 }))).toMatchObject({ version: 9 })
    expect(at.log.offsets('cache-updates', 0).end).toBe(end)
  })

  it('asks the log nothing more where this isolate has read all that stands before its eviction', async () => {
    const { users, kafka } = await readyIn(at)
    let asked = 0
    const offsets = kafka.offsets.bind(kafka)
    kafka.offsets = (...call) => {
      asked++
      return offsets(...call)
    }
    await at.run(users.set('1', 'six', { version: 6 }))
    await at.run(users.set('1', 'seven', { version: 7 }))
    expect(asked).toBe(0)
  })

  it('is acknowledged, by what is known, where the log cannot be read', async () => {
    const { users, kafka } = await readyIn(at)
    evict({ keys: ['1'], version: 9 })
    kafka.fail(new TypeError('no'), { on: 'offsets', times: 100 })
    await at.run(users.set('1', 'six', { version: 6 }))
    expect(users.peek('1')).toBe('six')
  })

  it('leaves alone a value without a version, and one that a later set has replaced', async () => {
    const { users } = await readyIn(at)
    await at.run(users.set('1', 'nine', { version: 9 }))
    await at.run(users.set('1', 'plain'))
    expect(users.peek('1')).toBe('plain')
    await Promise.all([
      at.run(users.set('2', 'a', { version: 3 })),
      at.run(users.set('2', 'b', { version: 3 })),
    ])
    expect(['a', 'b']).toContain(users.peek('2'))
  })
})

describe('a version of a row', () => {
  it.each([
    ['an announced write', { op: 'intent', id: 'x', ttl: 1000 }],
    ['an announced expiry', { op: 'evict', why: 'ttl', from: 'other' }],
  ])('is not taken back by %s', async (_, message) => {
    const { users, cache } = await readyIn(at)
    evict({ keys: ['1'], version: 9 })
    evict({ keys: ['1'], ...message })
    await at.run(cache.sync())
    expect(await failure(users.set('1', 'six', { version: 6 }))).toMatchObject({ version: 9 })
  })
})

describe('a forged version', () => {
  it('of an eviction bars a key until it is deleted', async () => {
    const { users, cache } = await readyIn(at)
    evict({ keys: ['1'], version: HIGHEST })
    await at.run(cache.sync())
    expect(await failure(users.set('1', 'a', { version: 8 }))).toMatchObject({ version: HIGHEST })
    await at.run(users.delete('1'))
    await at.run(users.set('1', 'b', { version: 9 }))
    expect(users.peek('1')).toBe('b')
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('b')
  })

  it('of an eviction bars a key until its namespace is cleared', async () => {
    const { users, cache } = await readyIn(at)
    evict({ keys: ['1'], version: HIGHEST })
    await at.run(cache.sync())
    await at.run(users.clear())
    await at.run(users.set('1', 'b', { version: 9 }))
    expect(users.peek('1')).toBe('b')
  })

  it('of a value bars a key until it is deleted, in every isolate', async () => {
    const use = [replicate()]
    const here = await readyIn(at, { use })
    const there = await readyIn(at, { use: [replicate()] })
    update({ value: 'forged', asOf: 0, version: HIGHEST })
    for (const { cache } of [here, there]) await at.run(cache.sync())
    expect(there.users.peek('1')).toBe('forged')
    expect(await failure(here.users.set('1', 'a', { version: 8 }))).toMatchObject({ version: HIGHEST })
    await at.run(here.users.delete('1'))
    await at.run(here.users.set('1', 'b', { version: 9 }))
    for (const { cache } of [here, there]) await at.run(cache.sync())
    expect(here.users.peek('1')).toBe('b')
    expect(there.users.peek('1')).toBe('b')
  })

  it.each([1e308, 2 ** 53, 1.5, '9', null])(
    'that is no safe integer is not understood: %s',
    async (version) => {
      const { users, cache, of } = await readyIn(at, { use: [replicate()] })
      await at.run(users.set('1', 'a'))
      await at.run(users.set('2', 'other'))
      update({ value: 'forged', asOf: 2, version })
      await at.run(cache.sync())
      expect(users.peek('1')).toBeUndefined()
      expect(users.peek('2')).toBe('other')
      evict({ keys: ['1'], version })
      await at.run(cache.sync())
      // Not which of the values is older: so all of the namespace goes.
      expect(users.peek('2')).toBeUndefined()
      expect(of('unreadable').map(({ topic }) => topic)).toEqual(['cache-updates', 'cache-evictions'])
      await at.run(users.set('1', 'b', { version: 1 }))
      expect(users.peek('1')).toBe('b')
    },
  )

  it.each([1e308, 2 ** 53, 1.5])('that is no safe integer is refused as an option: %s', async (version) => {
    const { users } = await readyIn(at)
    await expect(users.set('1', 'a', { version })).rejects.toThrow('`version`')
    await expect(users.delete('1', { version })).rejects.toThrow('`version`')
  })
})

describe('a set with a version, while the topic is made anew', () => {
  it('rejects, and publishes nothing under the name of the new log', async () => {
    const [before, after] = [memory({ runtime: at.runtime }), memory({ runtime: at.runtime })]
    let now = before
    const kafka: KafkaLog = {
      capabilities: before.capabilities,
      read: (...call) => now.read(...call),
      offsets: (...call) => now.offsets(...call),
      produce: async (topic, ...rest) => {
        const positions = await now.produce(topic, ...rest)
        now = after
        return positions
      },
    }
    const { users } = await readyIn(at, { kafka, use: [replicate()] })
    const other = createCache({ kafka: before, runtime: at.runtime }).namespace('users')
    // So that the set must ask the log whether a higher version stands.
    await at.run(other.delete('2'))
    expect(await failure(users.set('1', 'old', { version: 3 }))).toMatchObject({ code: 'ERR_PUBLISH' })
    expect(after.calls.produce).toBe(0)
  })
})
