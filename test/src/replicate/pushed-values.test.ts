/** Values that arrive out of order, late or twice: the newest of them stays, in every order. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheOptions } from '../../../src/index.ts'
import { deferred, readyIn, world } from '../world.ts'
import type { World } from '../world.ts'
import { replicate } from '../../../src/replicate/index.ts'

let at: World
beforeEach(() => {
  at = world()
})

const ready = (options: Partial<CacheOptions> = {}) => readyIn(at, { use: [replicate()], ...options })
const utf8 = (text: string) => new TextEncoder().encode(text)
const beats = (count: number) => {
  for (let n = 0; n < count; n++)
    at.log.append('cache-evictions', { key: null, value: utf8('{"v":1,"op":"beat"}') })
}

/** A value in the updates topic. */
const put = (value: string, asOf: number, more: object = {}) => {
  const times = { ttl: 60_000, at: at.runtime.now(), asOf }
  const message = { v: 1, op: 'put', ns: 'users', key: '1', value, ...times, ...more }
  at.log.append('cache-updates', { key: utf8('users/1'), value: utf8(JSON.stringify(message)) })
}

async function reader(options: Partial<CacheOptions> = {}) {
  beats(10)
  const made = await ready(options)
  await at.run(made.cache.sync())
  return made
}

describe('of two values', () => {
  it('the one with the later as-of stays, in either order', async () => {
    const { users, cache } = await reader()
    put('older', 10)
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('older')
    beats(5)
    await at.run(cache.sync())
    put('newer', 15)
    put('older', 10)
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('newer')
  })

  it('with versions the one with the higher version stays, in either order', async () => {
    const { users, cache } = await reader()
    put('second', 10, { version: 2 })
    put('first', 10, { version: 1 })
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('second')
    put('third', 10, { version: 3 })
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('third')
  })

  it('of one version the one with the later as-of stays', async () => {
    const { users, cache } = await reader()
    beats(5)
    await at.run(cache.sync())
    put('newer', 15, { version: 2 })
    put('older', 12, { version: 2 })
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('newer')
  })
})

describe('a value that was evicted', () => {
  it('does not come back when what replaced it had to make room', async () => {
    const { users, cache } = await reader({ maxEntries: 2 })
    const there = await ready()
    await at.run(there.users.set('1', 'new'))
    await at.run(cache.sync())
    // Not read: a value that was read would be kept for longer than those that follow.
    expect(cache.stats()).toMatchObject({ entries: 1 })
    for (const key of ['a', 'b', 'c', 'd']) await at.run(users.getOrSet(key, () => 'x'))
    expect(users.peek('1')).toBeUndefined()
    put('old', 10)
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })

  it('during its load is published with the as-of of its start, also where its eviction is known', async () => {
    const here = await ready()
    const other = await ready()
    await at.run(here.cache.sync())
    await at.run(other.cache.sync())
    const there = await ready()
    const row = deferred<string>()
    const load = here.users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    await at.run(there.users.delete('1'))
    const read = here.kafka.read.bind(here.kafka)
    const held = deferred<void>()
    here.kafka.read = async (...args) => {
      await held.promise
      return read(...args)
    }
    const poll = here.cache.sync()
    await at.runtime.settle()
    // The end of the log is known by now, and what stands before it is not.
    row.resolve('old')
    await at.run(load)
    await at.runtime.settle()
    await at.run(other.cache.sync())
    await at.run(other.cache.sync())
    expect(other.users.peek('1')).toBeUndefined()
    held.resolve()
    await at.run(poll)
  })

  it('after it was set stays away, though the acknowledgement comes later', async () => {
    const here = await ready()
    const there = await ready()
    await at.run(here.cache.sync())
    const produce = here.kafka.produce.bind(here.kafka)
    here.kafka.produce = async (...args) => {
      here.kafka.produce = produce
      const positions = await produce(...args)
      await at.run(there.users.set('1', 'later'))
      await at.run(here.cache.sync())
      return positions
    }
    await at.run(here.users.set('1', 'earlier'))
    await at.run(here.cache.sync())
    await at.run(there.cache.sync())
    expect(here.users.peek('1')).not.toBe('earlier')
    expect(there.users.peek('1')).toBe('later')
  })
})

describe('values behind a slow log', () => {
  it('arrive in parts, where all of them at once take longer than a poll may', async () => {
    beats(10)
    const { users, cache } = await readyIn(
      at,
      { use: [replicate()], maxPollBytes: 50, pollTimeout: 500 },
      { latency: 150 },
    )
    await at.run(cache.sync())
    for (let n = 0; n < 6; n++) put(`v${n}`, 10)

    for (let polls = 0; polls < 8; polls++) {
      await at.run(cache.sync())
      await at.runtime.advance(1000)
    }
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('v5')
  })
})
