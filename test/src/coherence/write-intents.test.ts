import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BarredBuckets } from '../../../src/coherence/barred-buckets.ts'
import { writeOf, writesIn } from '../../../src/coherence/pending-writes.ts'
import { WriteIntents } from '../../../src/coherence/write-intents.ts'
import type { Feature } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { writeIntents } from '../../../src/write-paths/index.ts'
import { readEviction } from '../../../src/wire/read-eviction.ts'
import { world } from '../world.ts'
import type { Isolate, World } from '../world.ts'

const intent = (id: string, ttlMs = 1000) => ({ id, ttlMs, write: undefined })

/** The part of keys that no intent has named which is barred all the same. */
function barredOf(intents: WriteIntents, began: number): number {
  const others = Array.from({ length: 5000 }, (_, at) => `other${at}`)
  return others.filter((key) => intents.blocks(key, began)).length / others.length
}

describe('an intent', () => {
  it('bars what began before its end, and nothing that began after it', () => {
    const intents = new WriteIntents()
    intents.open(['a'], intent('x'), 0)
    expect(intents.blocks('a', 999)).toBe(true)
    expect(intents.blocks('a', 1000)).toBe(false)
    expect(intents.blocks('b', 0)).toBe(false)
  })

  it('bars no more once it is closed', () => {
    const intents = new WriteIntents()
    intents.open(['a'], intent('x'), 0)
    intents.close('x')
    expect(intents.blocks('a', 1)).toBe(false)
  })

  it('closed before it is read never opens', () => {
    const intents = new WriteIntents()
    intents.close('x')
    expect(intents.open(['a'], intent('x'), 0)).toBe(false)
    expect(intents.blocks('a', 1)).toBe(false)
  })

  it('read twice lasts no longer', () => {
    const intents = new WriteIntents()
    expect(intents.open(['a'], intent('x'), 0)).toBe(true)
    expect(intents.open(['a'], intent('x'), 900)).toBe(false)
    expect(intents.blocks('a', 1000)).toBe(false)
  })

  it('of one writer outlasts the end of another one of the same key', () => {
    const intents = new WriteIntents()
    intents.open(['a'], intent('x'), 0)
    intents.open(['a'], intent('y', 500), 0)
    intents.close('x')
    expect(intents.blocks('a', 499)).toBe(true)
    expect(intents.blocks('a', 500)).toBe(false)
  })

  it('split among records speaks for the keys of each', () => {
    const intents = new WriteIntents()
    intents.open(['a'], intent('x'), 0)
    intents.open(['b'], intent('x'), 10)
    expect(intents.blocks('a', 5) && intents.blocks('b', 5)).toBe(true)
    intents.close('x')
    expect(intents.blocks('a', 5) || intents.blocks('b', 5)).toBe(false)
  })

  it('beyond the limit bars its keys for as long, and of the others few', () => {
    const intents = new WriteIntents()
    for (let at = 0; at < 1100; at++) intents.open([`k${at}`], intent(`${at}`), 0)
    for (let at = 0; at < 1100; at++) expect(intents.blocks(`k${at}`, 999)).toBe(true)
    expect(barredOf(intents, 999)).toBeLessThan(0.08)
    expect(barredOf(intents, 1000)).toBe(0)
    // A bucket stays barred after they were closed: the table does not remember whose end it is.
    for (let at = 0; at < 1100; at++) intents.close(`${at}`)
    expect(intents.blocks('k0', 999)).toBe(true)
    expect(intents.blocks('k1099', 999)).toBe(false)
  })

  it('beyond the limit, over for ten minutes, leaves nothing but the moment at which it was over', () => {
    const barred = new BarredBuckets()
    const others = (began: number) =>
      Array.from({ length: 200 }, (_, at) => barred.blocks(`other${at}`, began)).filter(Boolean).length
    barred.bar('a', 1000)
    barred.bar('b', 5500)
    expect([barred.blocks('b', 5499), barred.blocks('b', 5500)]).toEqual([true, false])
    expect([barred.blocks('a', 605_499), barred.blocks('a', 999), others(999)]).toEqual([false, true, 0])
    expect(barred.blocks('a', 605_500)).toBe(false)
    // Nothing is known of single keys any more: what began before is barred as if it were one of them.
    expect([others(5499), others(5500)]).toEqual([200, 0])
    barred.bar('c', 700_000)
    expect([barred.blocks('c', 699_999), barred.blocks('b', 5499)]).toEqual([true, true])
    expect(others(5500)).toBe(0)
  })

  it('that is over bars no load that begins after it when room is made, and still one that began before', () => {
    const intents = new WriteIntents()
    for (let at = 0; at < 1100; at++) intents.open([`k${at}`], intent(`${at}`, 10), at)
    expect(barredOf(intents, 1120)).toBe(0)
    expect(intents.blocks('k0', 9)).toBe(true)
  })

  it('of one sender leaves room for those of the others, however many it announces', () => {
    const intents = new WriteIntents()
    const own = (at: number) => ({ ...intent(`own${at}`), write: { partition: 0, offset: at }, from: 'me' })
    for (let at = 0; at < 300; at++) intents.open([`own${at}`], own(at), 0)
    for (let at = 0; at < 20; at++) {
      const keys = Array.from({ length: 1000 }, (_, each) => `${at}-${each}`)
      intents.open(keys, { ...intent(`forged${at}`, 600_000), from: 'forger' }, 0)
      for (const key of keys) expect(intents.blocks(key, 599_999)).toBe(true)
    }
    for (let at = 300; at < 600; at++) intents.open([`own${at}`], own(at), 0)
    // What is remembered one by one still says where its value stands.
    for (let at = 0; at < 600; at++) expect(writeOf(intents, `own${at}`, 1)).toMatchObject({ offset: at })
  })

  it('of many senders takes the room of the one that has announced most', () => {
    const intents = new WriteIntents()
    const of = (from: string, id: string) => ({ ...intent(id), write: { partition: 0, offset: 0 }, from })
    for (let at = 0; at < 10; at++) intents.open([`own${at}`], of('me', `own${at}`), 0)
    for (let sender = 0; sender < 30; sender++)
      for (let at = 0; at < 900; at++)
        intents.open([`${sender}-${at}`], of(`s${sender}`, `${sender}-${at}`), 0)
    for (let at = 0; at < 10; at++) expect(writeOf(intents, `own${at}`, 1)).toBeDefined()
    for (let sender = 0; sender < 30; sender++)
      for (let at = 0; at < 900; at++) expect(intents.blocks(`${sender}-${at}`, 1)).toBe(true)
  })

  it('of as many senders as there are intents is bounded, and bars what it names', () => {
    const intents = new WriteIntents()
    const of = (id: string) => ({ ...intent(id), write: { partition: 0, offset: 0 }, from: id })
    for (let at = 0; at < 10_000; at++) intents.open([`k${at}`], of(`k${at}`), 0)
    for (let at = 0; at < 10_000; at++) expect(intents.blocks(`k${at}`, 1)).toBe(true)
    expect(writesIn(intents, 1).count).toBeLessThanOrEqual(4096)
  })

  it('bars at least what a memory without limits would, in any order', () => {
    const step = fc.record({
      what: fc.constantFrom('open', 'close'),
      id: fc.integer({ min: 0, max: 5 }),
      key: fc.constantFrom('a', 'b'),
      ttl: fc.integer({ min: 1, max: 100 }),
      pass: fc.integer({ min: 0, max: 50 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const intents = new WriteIntents()
        const opened = new Map<string, { key: string; until: number }[]>()
        const closed = new Set<string>()
        let now = 0
        for (const { what, id, key, ttl, pass } of steps) {
          now += pass
          if (what === 'close') {
            intents.close(`${id}`)
            closed.add(`${id}`)
          } else {
            intents.open([key], intent(`${id}`, ttl), now)
            const known = opened.get(`${id}`) ?? []
            if (!known.some((each) => each.key === key)) known.push({ key, until: now + ttl })
            opened.set(`${id}`, known)
          }
          for (const each of ['a', 'b']) {
            const expected = [...opened].some(
              ([one, keys]) => !closed.has(one) && keys.some((open) => open.key === each && now < open.until),
            )
            if (expected) expect(intents.blocks(each, now)).toBe(true)
          }
        }
      }),
    )
  })
})

describe('an intent in the log', () => {
  const message = { v: 1, op: 'intent', ns: 'users', keys: ['7'], id: 'x', ttl: 5000 }
  const put = (at: World, said: object) =>
    at.log.append('cache-evictions', {
      key: null,
      value: new TextEncoder().encode(JSON.stringify({ v: 1, ns: 'users', ...said })),
    })
  const isolate = async (at: World, more: readonly Feature[] = []) => {
    const made = at.isolate({ ttl: '1h', use: [writeIntents({ max: '5s' }), ...more] })
    const users = made.cache.namespace<string>('users')
    await at.run(made.cache.sync())
    // The intents that it may have missed are over.
    await at.runtime.advance(6000)
    await at.run(made.cache.sync())
    return { ...made, users }
  }
  const refusals = ({ of }: Pick<Isolate, 'of'>) => of('refuse').map(({ reason }) => reason)

  it('evicts its keys, and its time is bounded', () => {
    const read = (said: object) => readEviction(said, undefined, () => true)
    expect(read(message)).toMatchObject({
      namespace: 'users',
      keys: ['7'],
      all: false,
      intent: { id: 'x', ttlMs: 5000 },
    })
    // Not to be understood, it evicts the namespace: so do releases that know of no intents.
    expect(read({ ...message, ttl: 600_001 })).toMatchObject({ all: true, unreadable: true })
    expect(read({ ...message, op: 'of a later release' })).toMatchObject({
      namespace: 'users',
      all: true,
      intent: undefined,
    })
  })

  it('keeps loads from being held until its eviction, and has no effect afterwards', async () => {
    const at = world()
    const here = await isolate(at)
    put(at, message)
    await at.run(here.cache.sync())
    expect(await here.users.getOrSet('7', () => 'old')).toBe('old')
    expect(here.users.peek('7')).toBeUndefined()
    expect(refusals(here)).toEqual(['pending'])
    put(at, { op: 'evict', keys: ['7'], closes: ['x'] })
    await at.run(here.cache.sync())
    expect(await here.users.getOrSet('7', () => 'new')).toBe('new')
    expect(here.users.peek('7')).toBe('new')
    put(at, message)
    await at.run(here.cache.sync())
    await here.users.getOrSet('7', () => 'newer')
    expect(here.users.peek('7')).toBe('newer')
  })

  it('keeps a load that began before its end from being held after it', async () => {
    const at = world()
    const here = await isolate(at)
    put(at, message)
    await at.run(here.cache.sync())
    const slow = here.users.getOrSet('7', async () => {
      await at.runtime.sleep(6000)
      return 'old'
    })
    await at.run(slow)
    expect(here.users.peek('7')).toBeUndefined()
    await here.users.getOrSet('7', () => 'new')
    await at.run(here.cache.sync())
    expect(here.users.peek('7')).toBe('new')
  })

  it('lasts for its time by the monotonic clock, whatever the wall clock does', async () => {
    const at = world()
    const here = await isolate(at)
    put(at, message)
    await at.run(here.cache.sync())
    at.runtime.stepWall(3_600_000)
    await at.run(here.cache.sync())
    await here.users.getOrSet('7', () => 'old')
    expect(refusals(here)).toEqual(['pending'])
    await at.runtime.advance(5100)
    await at.run(here.cache.sync())
    await here.users.getOrSet('7', () => 'new')
    expect(here.users.peek('7')).toBe('new')
  })

  it('fences a load that began while it was in the log and not known here', async () => {
    const at = world()
    const here = await isolate(at)
    put(at, message)
    // A poll has learnt the end and not read up to it.
    here.kafka.fail(new Error('reset'), { on: 'read', times: 1 })
    await at.run(here.cache.sync())
    const row = await at.run(here.users.getOrSet('7', () => 'old'))
    expect(row).toBe('old')
    await at.runtime.advance(200)
    await at.run(here.cache.sync())
    expect(here.cache.freshness().lag).toBe(0)
    expect(here.users.peek('7')).toBeUndefined()
  })

  it('may have been missed by an isolate that has just started: it holds nothing for so long', async () => {
    const at = world()
    const use = [writeIntents({ max: '5s', lookBack: 0, namespaces: ['users'] })]
    const here = at.isolate({ ttl: '1h', use })
    const users = here.cache.namespace<string>('users')
    const plain = here.cache.namespace<string>('plain')
    await at.run(here.cache.sync())
    await users.getOrSet('7', () => 'old')
    await plain.getOrSet('7', () => 'held')
    expect([users.peek('7'), plain.peek('7')]).toEqual([undefined, 'held'])
    await at.runtime.advance(5100)
    await at.run(here.cache.sync())
    await users.getOrSet('7', () => 'new')
    expect(users.peek('7')).toBe('new')
  })

  it('makes no load of an own write wait for the next poll', async () => {
    const at = world()
    const here = await isolate(at)
    await at.run(here.users.delete('7'))
    await here.users.getOrSet('7', () => 'new')
    expect(here.users.peek('7')).toBe('new')
  })

  it('that is not read yet lies above the as-of of a load after an own write', async () => {
    const at = world()
    const here = await isolate(at, [replicate()])
    put(at, message)
    await at.run(here.users.delete('8'))
    await here.users.getOrSet('7', () => 'old')
    await at.runtime.settle()
    const shared = at.log.read(
      'cache-updates',
      { partition: 0, offset: 0 },
      { maxBytes: 1e6, isolation: 'uncommitted' },
    )!
    const puts = shared.records.map(({ value }) => JSON.parse(new TextDecoder().decode(value!)) as object)
    expect(puts.at(-1)).toMatchObject({ op: 'put', key: '7', asOf: 0 })
  })

  it('is joined by no caller for longer than the promise', async () => {
    const at = world()
    const here = await isolate(at)
    put(at, message)
    await at.run(here.cache.sync())
    let loads = 0
    const slow = async () => {
      loads++
      await at.runtime.sleep(20_000)
      return 'old'
    }
    const first = here.users.getOrSet('7', slow)
    await at.runtime.advance(1000)
    await at.run(here.cache.sync())
    const second = here.users.getOrSet('7', slow)
    await at.runtime.advance(2000)
    await at.run(here.cache.sync())
    const third = here.users.getOrSet('7', slow)
    await at.run(Promise.all([first, second, third]))
    expect(loads).toBe(2)
  })
})

describe('forged intents', () => {
  it.each([1, 2, 10])('of 1000 keys each keep few other keys from being held: %i', async (messages) => {
    const at = world()
    const { cache } = at.isolate({ use: [writeIntents({ lookBack: 0 })] })
    const users = cache.namespace<string>('users')
    await at.run(cache.sync())
    // What an isolate that has just started has missed is over.
    await at.runtime.advance(61_000)
    for (let id = 0; id < messages; id++) {
      const keys = Array.from({ length: 1000 }, (_, each) => `${id}-${each}`)
      const message = { v: 1, op: 'intent', ns: 'users', keys, id: `i${id}`, ttl: 600_000 }
      at.log.append('cache-evictions', {
        key: null,
        value: new TextEncoder().encode(JSON.stringify(message)),
      })
    }
    await at.run(cache.sync())
    const load = async (key: string) => {
      await at.run(users.getOrSet(key, async () => key))
      return users.peek(key) === key
    }
    let held = 0
    for (let each = 0; each < 200; each++) if (await load(`hot${each}`)) held++
    expect(held / 200).toBeGreaterThan(messages === 10 ? 0.5 : 0.85)
    for (let id = 0; id < messages; id++) expect(await load(`${id}-999`)).toBe(false)
  })
})
