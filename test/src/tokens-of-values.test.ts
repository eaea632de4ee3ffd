/** A token of a `set` shows the value on other isolates that follow values. */
import { beforeEach, describe, expect, it } from 'vitest'
import { joinTokens, readToken, writeToken } from '../../src/wire/token.ts'
import type { CacheOptions } from '../../src/index.ts'
import type { MemoryOptions } from '../../src/testing/index.ts'
import { world } from './world.ts'
import type { World } from './world.ts'
import { setMany } from '../../src/write-paths/index.ts'
import { replicate } from '../../src/replicate/index.ts'

let at: World
beforeEach(() => {
  at = world()
})

async function follower(options: Partial<CacheOptions> = {}, kafka: MemoryOptions = {}) {
  const isolate = at.isolate({ use: [replicate()], ...options }, kafka)
  const sessions = isolate.cache.namespace<string>('sessions')
  await at.run(isolate.cache.sync())
  return { ...isolate, sessions }
}

describe('the token of a set', () => {
  it('shows the value on another isolate at once, though nothing loads it there', async () => {
    const [here, there] = [await follower(), await follower()]
    for (const value of ['first', 'second', 'third']) {
      const token = await at.run(here.sessions.set('1', value))
      expect(await at.run(there.sessions.get('1', { after: token }))).toBe(value)
    }
  })

  it('shows many values by one token, and spares their loads', async () => {
    const [here, there] = [await follower(), await follower()]
    const values = new Map([
      ['1', 'a'],
      ['2', 'b'],
    ])
    const token = await at.run(setMany(here.sessions, values))
    expect(await at.run(there.sessions.getMany(['1', '2', '3'], { after: token }))).toEqual(values)
    const one = await at.run(here.sessions.set('3', 'c'))
    const load = () => {
      throw new Error('its truth is the log: it is not loaded')
    }
    expect(await at.run(there.sessions.getOrSet('3', load, { after: one }))).toBe('c')
  })

  it('is carried by the request that wrote it, and obeyed by the next one', async () => {
    const [here, there] = [await follower(), await follower()]
    const request = { waitUntil: () => undefined }
    const scope = here.cache.for(request)
    await at.run(scope.namespace<string>('sessions').set('1', 'mine'))
    const next = there.cache.for(request, { after: scope.token! })
    expect(await at.run(next.namespace<string>('sessions').get('1'))).toBe('mine')
  })

  it('waits for `pollTimeout` at most where the value does not come', async () => {
    const here = await follower()
    const there = await follower({ pollTimeout: 300 })
    const token = await at.run(here.sessions.set('1', 'value'))
    there.kafka.pause()
    const since = at.runtime.monotonic()
    expect(await at.run(there.sessions.get('1', { after: token }))).toBeUndefined()
    expect(at.runtime.monotonic() - since).toBeLessThanOrEqual(320)
  })

  it('waits for no value that it names beyond the end of the topic: it costs one poll', async () => {
    const there = await follower()
    const forged = writeToken({ evictions: new Map([[0, 0]]), updates: new Map([[0, 1_000_000]]) })
    const polls = there.cache.stats().polls
    const since = at.runtime.monotonic()
    expect(await at.run(there.sessions.get('1', { after: forged }))).toBeUndefined()
    expect(there.cache.stats().polls - polls).toBe(1)
    expect(at.runtime.monotonic() - since).toBeLessThanOrEqual(20)
  })

  it('costs nothing more where values are not followed, nor does the token of a delete', async () => {
    const here = await follower()
    const plain = at.isolate()
    const sessions = plain.cache.namespace<string>('sessions')
    await at.run(plain.cache.sync())
    const token = await at.run(here.sessions.set('1', 'value'))
    expect(await at.run(sessions.get('1', { after: token }))).toBeUndefined()
    const there = await follower()
    const deleted = await at.run(here.sessions.delete('1'))
    const polls = there.cache.stats().polls
    expect(await at.run(there.sessions.get('1', { after: deleted }))).toBeUndefined()
    expect(there.cache.stats().polls - polls).toBeLessThanOrEqual(1)
  })
})

describe('a token that names values', () => {
  it('reads back as what it was made of, and is joined with others', () => {
    const parts = {
      evictions: new Map([[0, 7]]),
      updates: new Map([
        [3, 5],
        [1, 9],
      ]),
    }
    const token = writeToken(parts)
    expect(token).toBe('k1.0-7_1-9.3-5')
    expect(readToken(token)).toEqual({
      evictions: parts.evictions,
      updates: new Map([
        [1, 9],
        [3, 5],
      ]),
    })
    expect(joinTokens(token, 'k1.0-9.1-2_1-4', 'k1.2-1')).toBe('k1.0-9.1-2.2-1_1-9.3-5')
  })

  it('has no more than a few partitions of values: those of the latest writes', () => {
    const tokens = Array.from({ length: 100 }, (_, partition) => `k1.0-1_${partition}-1`)
    expect([...readToken(joinTokens(...tokens)!).updates.keys()]).toEqual(
      Array.from({ length: 32 }, (_, nth) => 68 + nth),
    )
  })

  it.each(['k1_0-1', 'k1.0-1_', 'k1.0-1_0', 'k1.0-1_0-1_0-1', 'k1.0-1_.0-1', 'k1.0-1_0-99999999999999999'])(
    'is refused when it is %s',
    (token) => {
      expect(() => readToken(token)).toThrow('token')
    },
  )
})
