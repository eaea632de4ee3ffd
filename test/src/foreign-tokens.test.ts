/** Tokens of another log, or from beyond the end: attacks 05 and 09 of the security review. */
import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../src/index.ts'
import type { Token } from '../../src/index.ts'
import { logMark } from '../../src/wire/token.ts'
import { replicate } from '../../src/replicate/index.ts'
import { deferred, readyIn, request, world } from './world.ts'
import type { World } from './world.ts'

const EVICTIONS = 'cache-evictions'
const BEYOND: Token = 'k1.0-9007199254740991'
let at: World
beforeEach(() => {
  at = world()
})

const mark = () => logMark(at.log.offsets(EVICTIONS, 0).logId)
const counted = (values: string) => {
  const counter = { loads: 0, load: async () => `${values} ${++counter.loads}` }
  return counter
}

describe('a token from beyond the end of the log', () => {
  it.each([
    ['without a log', () => BEYOND],
    ['of this log', () => `${BEYOND}~${mark()}`],
    ['of another log', () => `${BEYOND}~abc`],
    ['of another log, at a place that is passed here', () => 'k1.0-1~abc'],
    ['of several logs', () => 'k1.0-1~0'],
  ])('%s costs one poll and no load', async (_, token) => {
    const { users, kafka, of } = await readyIn(at)
    await at.run(users.delete('0'))
    await at.run(users.getOrSet('1', () => 'x'))
    await at.run(users.get('1'))
    const { offsets, read } = kafka.calls
    const db = counted('loaded')
    const entry = await at.run(users.getEntry('1', db.load, { after: token() }))
    expect(entry).toMatchObject({ value: 'x', bypassed: false, cached: true })
    expect([kafka.calls.offsets - offsets, kafka.calls.read - read, db.loads]).toEqual([1, 1, 0])
    expect(of('token_ahead')).toHaveLength(1)
  })

  it('costs two loads at most for 600 reads of one key, whatever each token says', async () => {
    const { cache, kafka } = await readyIn(at, {}, { latency: 20 })
    const db = counted('loaded')
    const before = kafka.calls.offsets
    for (let round = 0; round < 60; round++) {
      const reads = Array.from({ length: 10 }, (_, n) => {
        const after: Token = `k1.0-${9_007_199_254_740_991 - round * 10 - n}${n % 2 ? '' : `~${mark()}`}`
        return cache.for(request(), { after }).namespace<string>('users').getOrSet('1', db.load)
      })
      await at.run(Promise.all(reads))
    }
    expect(db.loads).toBeLessThanOrEqual(2)
    // One poll for each round that comes at once, and perhaps one that was under way.
    expect(kafka.calls.offsets - before).toBeLessThanOrEqual(121)
  })

  it('shares the load that is under way, though nothing is held yet', async () => {
    const { users } = await readyIn(at, {}, { latency: 20 })
    const slow = deferred<string>()
    let loads = 0
    const load = () => {
      loads++
      return slow.promise
    }
    const reads = [users.getOrSet('1', load)]
    await at.runtime.advance(5)
    for (let n = 0; n < 32; n++)
      reads.push(users.getOrSet('1', load, { after: `k1.0-${1000 + n}~${n % 2 ? 'abc' : mark()}` }))
    const many = users.getOrSetMany(['1'], async () => ({ '1': `${++loads}` }), { after: BEYOND })
    await at.runtime.advance(100)
    slow.resolve('x')
    expect(new Set(await at.run(Promise.all(reads)))).toEqual(new Set(['x']))
    expect(await at.run(many)).toEqual(new Map([['1', 'x']]))
    expect(loads).toBe(1)
  })

  it('is not handed on, by a read nor by a write', async () => {
    const { cache } = await readyIn(at)
    const scope = cache.for(request(), { after: `${BEYOND}.7-1_0-5~${mark()}` })
    await at.run(scope.namespace<string>('users').getOrSet('1', () => 'x'))
    await at.run(scope.namespace<string>('users').get('1'))
    expect(scope.token).toBeUndefined()

    const writes = cache.for(request(), { after: `${BEYOND}.1-8317~abc` })
    const token = await at.run(writes.namespace('users').delete('1'))
    expect(writes.token).toBe(token)
  })

  it('is passed by a sync, too, and not handed on after it', async () => {
    const { cache, kafka } = await readyIn(at)
    const before = kafka.calls.offsets
    const scope = cache.for(request(), { after: BEYOND })
    expect(await at.run(scope.sync())).toMatchObject({ proved: true })
    expect(kafka.calls.offsets - before).toBe(1)
    expect(scope.token).toBeUndefined()
  })

  it('of values is not handed on once the end of the updates was seen', async () => {
    const { cache } = await readyIn(at, { use: [replicate()] })
    await at.run(cache.namespace('users').set('0', 'x'))
    const scope = cache.for(request(), { after: `k1.0-1_0-9007199254740991~${mark()}` })
    expect(await at.run(scope.namespace('users').get('1'))).toBeUndefined()
    expect(scope.token).toBe(`k1.0-1~${mark()}`)
  })

  it('is no excuse for what is held while the log cannot be asked', async () => {
    const { users, kafka } = await readyIn(at, { maxOutage: '1h' })
    await at.run(users.delete('0'))
    const tokens: Token[] = [BEYOND, `${BEYOND}~${mark()}`, 'k1.0-1~abc', 'k1.0-1~0']
    for (const after of tokens) await at.run(users.getOrSet(after, () => 'x'))
    await at.run(users.get('0', { after: 'k1.0-1' }))
    kafka.fail(new KedgeError('ERR_NETWORK', 'refused', { retryable: true }))
    for (const after of tokens)
      expect(await at.run(users.getEntry(after, () => 'loaded', { after }))).toMatchObject({
        value: 'loaded',
        bypassed: true,
      })
    expect(await at.run(users.getOrSet('0', () => 'x', { after: `k1.0-1~${mark()}` }))).toBe('x')
  })
})

describe('a token of the log that took the place of another', () => {
  it('shows its write to an isolate that has not noticed, and is further on in the old log', async () => {
    const here = await readyIn(at)
    for (let n = 0; n < 10; n++) await at.run(here.users.delete(`${n}`))
    await at.run(here.users.getOrSet('1', () => 'old'))
    at.log.recreateTopic(EVICTIONS)
    const there = await readyIn(at)
    const token = await at.run(there.users.delete('1'))
    expect(await at.run(here.users.getOrSet('1', () => 'new', { after: token }))).toBe('new')
    expect(here.of('reanchor').map(({ reason }) => reason)).toContain('replaced')
  })

  it('shows its write though its writer had not noticed either', async () => {
    const here = await readyIn(at)
    const there = await readyIn(at)
    for (let n = 0; n < 10; n++) await at.run(here.users.delete(`${n}`))
    await at.run(there.cache.sync())
    await at.run(there.users.getOrSet('1', () => 'old'))
    at.log.recreateTopic(EVICTIONS)
    const token = await at.run(here.users.delete('1'))
    expect(await at.run(there.users.getOrSet('1', () => 'new', { after: token }))).toBe('new')
  })

  it('shares no load that began before the isolate noticed', async () => {
    const here = await readyIn(at)
    for (let n = 0; n < 10; n++) await at.run(here.users.delete(`${n}`))
    const slow = deferred<string>()
    const first = here.users.getOrSet('1', () => slow.promise)
    await at.runtime.settle()
    at.log.recreateTopic(EVICTIONS)
    const there = await readyIn(at)
    const token = await at.run(there.users.delete('1'))
    const second = here.users.getOrSet('1', () => 'new', { after: token })
    expect(await at.run(second)).toBe('new')
    slow.resolve('old')
    expect(await at.run(first)).toBe('old')
    expect(here.users.peek('1')).toBe('new')
  })

  it.each(['stale', 'bypass'] as const)(
    'shares no load that began before it while the log is out of reach, with onUnreachable %s',
    async (onUnreachable) => {
      const here = await readyIn(at, { onUnreachable })
      const there = await readyIn(at)
      for (let n = 0; n < 10; n++) await at.run(here.users.delete(`${n}`))
      const slow = deferred<string>()
      const first = here.users.getOrSet('1', () => slow.promise)
      await at.runtime.settle()
      at.log.recreateTopic(EVICTIONS)
      await at.run(there.cache.sync())
      const token = await at.run(there.users.delete('1'))
      // So it cannot learn of which log the token is, nor that it is the one to follow now.
      here.kafka.fail(new KedgeError('ERR_NETWORK', 'refused', { retryable: true }))
      const second = here.users.getOrSet('1', () => 'new', { after: token })
      await at.runtime.advance(3000)
      slow.resolve('old')
      expect(await at.run(second)).toBe('new')
      expect(await at.run(first)).toBe('old')
    },
  )

  it('without a log, of an older version, counts by its number', async () => {
    const here = await readyIn(at)
    const there = await readyIn(at)
    await at.run(there.users.getOrSet('1', () => 'old'))
    const token = (await at.run(here.users.delete('1'))).replace(/~.*/, '')
    expect(token).toBe('k1.0-1')
    expect(await at.run(there.users.getOrSet('1', () => 'new', { after: token }))).toBe('new')
  })

  it('is without a log where the backend does not tell it', async () => {
    const here = await readyIn(at, {}, { capabilities: { identity: false } })
    expect(await at.run(here.users.delete('1'))).toBe('k1.0-1')
    const there = await readyIn(at)
    const token = await at.run(there.users.delete('1'))
    expect(await at.run(here.users.getOrSet('1', () => 'x', { after: token }))).toBe('x')
    expect(here.of('token_ahead')).toEqual([])
  })
})
