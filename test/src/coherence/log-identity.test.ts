/** A log that changes during a poll: recreated, cut, or resynced by another poll. */
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { CacheOptions } from '../../../src/index.ts'
import { Partition } from '../../../src/coherence/partition.ts'
import { lookBack } from '../../../src/coherence/look-back.ts'
import { cacheSettings } from '../../../src/api/settings.ts'
import { memory } from '../../../src/testing/index.ts'
import type { MemoryKafka, MemoryOptions } from '../../../src/testing/index.ts'
import { deferred, readyIn, request, world } from '../world.ts'
import type { World } from '../world.ts'

const TOPIC = 'cache-evictions'
let at: World
beforeEach(() => {
  at = world()
})

const ready = (options?: Partial<CacheOptions>, kafka?: MemoryOptions) => readyIn(at, options, kafka)
const nameless = { capabilities: { identity: false } } as const

const utf8 = (text: string) => new TextEncoder().encode(text)
const write = (message: unknown) =>
  at.log.append(TOPIC, { key: utf8('users'), value: utf8(JSON.stringify(message)) })
const evict = (key: string) => write({ v: 1, op: 'evict', ns: 'users', keys: [key] })
const beats = (count: number) => {
  for (let n = 0; n < count; n++) write({ v: 1, op: 'beat', at: n })
}

/** Has something happen after each call of the log, when it has its answer. */
function after(kafka: MemoryKafka, happens: (call: number) => void | Promise<void>): void {
  let calls = 0
  const offsets = kafka.offsets.bind(kafka)
  const read = kafka.read.bind(kafka)
  kafka.offsets = async (...args) => {
    const answer = await offsets(...args)
    await happens(++calls)
    return answer
  }
  kafka.read = async (...args) => {
    const answer = await read(...args)
    await happens(++calls)
    return answer
  }
}

describe('a log without identity', () => {
  it.each([1, 2, 3])('that is recreated after call %i of a poll is not taken for the same', async (when) => {
    beats(3)
    const { users, kafka, cache } = await ready({}, nameless)
    await at.run(users.getOrSet('1', () => 'old'))
    beats(1)
    let isDone = false
    after(kafka, (call) => {
      if (call !== when) return
      isDone = true
      at.log.recreateTopic(TOPIC)
      evict('1')
      beats(6)
    })
    for (let poll = 0; poll < 3; poll++) {
      await at.run(cache.sync())
      beats(1)
    }
    expect(isDone).toBe(true)
    expect(users.peek('1')).toBeUndefined()
  })

  it('is not verified by an answer without records', async () => {
    beats(3)
    const { users, kafka, cache } = await ready({}, nameless)
    await at.run(users.getOrSet('1', () => 'old'))
    at.log.recreateTopic(TOPIC)
    evict('1')
    beats(6)
    const read = kafka.read.bind(kafka)
    kafka.read = async (_, positions) => {
      kafka.read = read
      return { records: [], next: [...positions], outOfRange: [] }
    }
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('a load that is under way at a resync with a shorter log', () => {
  it('is not held, whatever its as-of', async () => {
    beats(50)
    const { users, cache } = await ready()
    const row = deferred<string>()
    const load = users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    at.log.recreateTopic(TOPIC)
    await at.run(cache.sync())
    row.resolve('of another time')
    await load
    expect(users.peek('1')).toBeUndefined()
  })

  it('is joined by no later caller', async () => {
    beats(50)
    const { users, cache } = await ready()
    const row = deferred<string>()
    const load = users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    at.log.recreateTopic(TOPIC)
    await at.run(cache.sync())
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
    row.resolve('of another time')
    await load
  })
})

describe('what is left of a log that was recreated', () => {
  it('keeps no key out of the cache', async () => {
    const { users, cache } = await ready()
    beats(50)
    await at.run(users.delete('1'))
    at.log.recreateTopic(TOPIC)
    await at.run(cache.sync())
    await at.run(users.getOrSet('1', () => 'new'))
    expect(users.peek('1')).toBe('new')
  })

  it('is not the position of an eviction of our own that was acknowledged late', async () => {
    const { users, cache, kafka } = await ready()
    beats(50)
    await at.run(cache.sync())
    const produce = kafka.produce.bind(kafka)
    kafka.produce = async (...args) => {
      const positions = await produce(...args)
      await at.runtime.sleep(300)
      return positions
    }
    const late = users.delete('2')
    await at.runtime.advance(100)
    at.log.recreateTopic(TOPIC)
    await at.run(cache.sync())
    await at.run(late)
    await at.run(users.getOrSet('1', () => 'old'))
    evict('1')
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })

  it('is no proof: what is taken back is proved by nothing', () => {
    const partition = new Partition(0)
    partition.reanchor({ partition: 0, beginning: 0, end: 5 })
    Object.assign(partition, { freshAt: 7, provedBy: 3 })
    partition.unprove()
    expect(partition).toMatchObject({ freshAt: -Infinity, provedBy: -1, position: 5 })
  })
})

describe('starting again at the end of a log', () => {
  it('samples the end first: what is evicted after that is read', async () => {
    const { users, kafka, cache } = await ready({ maxCatchUpRecords: 5 })
    const there = await ready()
    beats(10)
    const offsets = kafka.offsets.bind(kafka)
    kafka.offsets = async (...args) => {
      await at.runtime.sleep(50)
      return offsets(...args)
    }
    const poll = cache.sync()
    await at.runtime.advance(60)
    const load = users.getOrSet('1', () => 'old')
    await at.runtime.settle()
    await there.users.delete('1')
    await at.run(load)
    await at.run(poll)
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })

  it('is what a position outside of it means, also where the bounds have just said otherwise', async () => {
    const { users, kafka, cache } = await ready()
    await at.run(users.getOrSet('1', () => 'old'))
    evict('1')
    beats(5)
    after(kafka, (call) => {
      if (call === 1) at.log.truncate(TOPIC, 0, 4)
    })
    await at.run(cache.sync())
    await at.runtime.advance(1000)
    expect(await at.run(cache.sync())).toMatchObject({ proved: true, lag: 0 })
    expect(users.peek('1')).toBeUndefined()
  })
})

/** Holds back the answer of the next call. */
function hold(kafka: MemoryKafka, name: 'offsets' | 'read'): { release: () => void } {
  const call = kafka[name].bind(kafka) as (...args: unknown[]) => Promise<unknown>
  const held = deferred<void>()
  const slow = async (...args: unknown[]) => {
    Object.assign(kafka, { [name]: call })
    const answer = await call(...args)
    await held.promise
    return answer
  }
  Object.assign(kafka, { [name]: slow })
  return { release: () => held.resolve() }
}

/** Holds up all that inflates gzip from now on. `release` resolves when what was held has been read. */
function holdInflation(): { release: () => Promise<void> } {
  const held = deferred<void>()
  const read = deferred<void>()
  const Real = DecompressionStream
  const through = (how: Transformer<Uint8Array, Uint8Array>) => new TransformStream(how)
  vi.stubGlobal(
    'DecompressionStream',
    class {
      readonly readable: ReadableStream<Uint8Array>
      readonly writable: WritableStream<Uint8Array>
      constructor() {
        const before = through({
          transform: async (chunk, controller) => {
            await held.promise
            controller.enqueue(chunk)
          },
        })
        this.writable = before.writable
        this.readable = before.readable
          .pipeThrough(new Real('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>)
          .pipeThrough(through({ flush: () => read.resolve() }))
      }
    },
  )
  onTestFinished(() => void vi.unstubAllGlobals())
  return {
    release: async () => {
      held.resolve()
      await read.promise
      // What comes after the last byte needs no more than this turn.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

describe('a poll that another one has overtaken, on a log that was recreated meanwhile', () => {
  beforeEach(() => {
    at = world({ isolatesRequests: true })
    beats(50)
  })

  const anew = (count: number) => {
    at.log.recreateTopic(TOPIC)
    beats(count)
  }

  it('takes no bounds in that were sampled before', async () => {
    const { users, kafka, cache } = await ready({ pollTimeout: 1000 }, nameless)
    const offsets = hold(kafka, 'offsets')
    const first = cache.for(request()).sync()
    await at.runtime.advance(600)
    anew(5)
    await at.run(cache.for(request()).sync())
    offsets.release()
    await at.runtime.settle()
    await at.run(users.getOrSet('1', () => 'old'))
    evict('1')
    await at.run(cache.sync())
    await at.run(first)
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })

  it('applies no records that were read before, and moves no position by them', async () => {
    const { users, kafka, cache } = await ready({ pollTimeout: 1000 })
    beats(1)
    const read = hold(kafka, 'read')
    const first = cache.for(request()).sync()
    await at.runtime.advance(600)
    anew(5)
    await at.run(cache.for(request()).sync())
    read.release()
    await at.runtime.settle()
    await at.run(users.getOrSet('1', () => 'old'))
    evict('1')
    beats(60)
    await at.run(cache.sync())
    await at.run(first)
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })

  it('applies none of them either that it is decoding', async () => {
    const { users, kafka, cache } = await ready({ pollTimeout: 1000 })
    at.log.append(TOPIC, { key: null, value: gzipSync('{"v":1,"op":"beat"}') })
    const read = hold(kafka, 'read')
    const inflating = holdInflation()
    const first = cache.for(request()).sync()
    await at.runtime.advance(600)
    anew(5)
    read.release()
    await at.run(cache.for(request()).sync())
    await inflating.release()
    await at.run(first)
    await at.run(users.getOrSet('1', () => 'old'))
    evict('1')
    beats(60)
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('the past that is read again', () => {
  it('lowers no horizon where a resync came during an empty read', async () => {
    beats(10)
    const kafka = memory({ on: at.log, runtime: at.runtime })
    const settings = cacheSettings({ kafka, runtime: at.runtime })
    const partition = new Partition(0)
    partition.reanchor({ partition: 0, beginning: 0, end: 10 })
    kafka.read = async () => {
      partition.reanchor({ partition: 0, beginning: 0, end: 20 })
      // Nothing but the markers of transactions.
      return { records: [], next: [{ partition: 0, offset: 10 }], outOfRange: [] }
    }
    const { signal } = new AbortController()
    expect(await at.run(lookBack(settings, partition, 0, 5, signal))).toBe(false)
  })
})
