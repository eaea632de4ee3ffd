/**
 * What matters most of the core, as a suite that every runtime runs: Node, a bare workerd, Deno, Bun.
 *
 * Web standards only, and of the runner no more than `describe`, `it` and three assertions.
 */
import { createLoader } from '../../services/loader/index.ts'
import { createCache, isKedgeError, joinTokens, systemRuntime } from '../../src/index.ts'
import type { Cache, CacheOptions, Entry, Namespace } from '../../src/index.ts'
import { memory, MemoryLog } from '../../src/testing/index.ts'
import { deferred, request, source, world } from '../src/world.ts'
import type { Isolate, World } from '../src/world.ts'
import type { Runner } from './harness.ts'
import { viaLoader } from '../../src/loader-client/index.ts'
import { prewarm, replicate } from '../../src/replicate/index.ts'

const EVICTIONS = 'cache-evictions'
const UPDATES = 'cache-updates'

interface Ready<T> extends Isolate {
  readonly rows: Namespace<T>
}

/** A cache that has proved its freshness once. */
async function ready<T = string>(at: World, options: Partial<CacheOptions> = {}): Promise<Ready<T>> {
  const isolate = at.isolate(options)
  const rows = isolate.cache.namespace<T>('rows')
  await at.run(isolate.cache.sync())
  return { ...isolate, rows }
}

/** What the promise rejects with. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it resolved')
}

const codeOf = (error: unknown): string | undefined => (isKedgeError(error) ? error.code : undefined)

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const seen = ({ state, value, staleBecause }: Entry<unknown>): unknown[] => [state, value, staleBecause]

export function coreSuite(runner: Runner): void {
  reading(runner)
  coherence(runner)
  flights(runner)
  staleness(runner)
  outages(runner)
  sharing(runner)
  asking(runner)
  platform(runner)
}

function reading({ describe, it, expect }: Runner): void {
  describe('reading', () => {
    it('a value is loaded once and then served', async () => {
      const { rows, cache } = await ready(world())
      const db = source({ '1': 'Ada' })
      expect(await rows.get('1')).toBe(undefined)
      expect(await rows.getOrSet('1', db.load)).toBe('Ada')
      expect(await rows.getOrSet('1', db.load)).toBe('Ada')
      expect([await rows.get('1'), rows.peek('1'), db.reads]).toEqual(['Ada', 'Ada', 1])
      expect(cache.stats()).toMatchObject({ entries: 1, loads: 1, hits: 3 })
    })

    it('null is a value, and undefined is none', async () => {
      const { rows } = await ready<string | null>(world())
      let loads = 0
      const nothing = (): string | null => void loads++ as unknown as null
      for (let nth = 0; nth < 2; nth++) expect(await rows.getOrSet('1', nothing)).toBe(undefined)
      const none = source<string | null>({ '2': null })
      for (let nth = 0; nth < 2; nth++) expect(await rows.getOrSet('2', none.load)).toBe(null)
      expect([loads, none.reads]).toEqual([2, 1])
    })

    it('many keys are loaded in one call, without those that are held', async () => {
      const { rows } = await ready(world())
      await rows.getOrSet('b', () => 'held')
      const calls: (readonly string[])[] = []
      const found = await rows.getOrSetMany(['a', 'b', 'c', 'a'], (keys) => {
        calls.push(keys)
        return { a: 'loaded' }
      })
      expect([...found]).toEqual([
        ['a', 'loaded'],
        ['b', 'held'],
      ])
      expect(calls).toEqual([['a', 'c']])
      expect([...(await rows.getMany(['c', 'b']))]).toEqual([['b', 'held']])
    })

    it('what a loader throws reaches its caller untouched', async () => {
      const { rows } = await ready(world())
      const thrown = { status: 500 }
      expect(await failure(rows.getOrSet('1', () => Promise.reject(thrown)))).toBe(thrown)
      expect(await rows.getOrSet('1', () => 'Ada')).toBe('Ada')
    })

    it('a value lives from the start of its load, and no longer than its TTL', async () => {
      const at = world()
      const { rows, cache } = await ready(at)
      const slow = async (): Promise<string> => {
        await at.runtime.sleep(900)
        return 'Ada'
      }
      await at.run(rows.getOrSet('1', slow, { ttl: '1s' }))
      expect(rows.peek('1')).toBe('Ada')
      await at.runtime.advance(200)
      await cache.sync()
      expect([rows.peek('1'), await rows.get('1')]).toEqual([undefined, undefined])
    })

    it('no more is held than may be', async () => {
      const { rows, cache } = await ready(world(), { maxEntries: 10, maxBytes: 100_000 })
      for (let nth = 0; nth < 50; nth++) await rows.getOrSet(`key-${nth}`, () => 'row')
      expect(cache.stats().entries <= 10).toBe(true)
      for (let nth = 0; nth < 50; nth++) await rows.getOrSet(`large-${nth}`, () => 'x'.repeat(10_000))
      expect(cache.stats().bytes <= 100_000).toBe(true)
      expect(cache.stats().entries > 0).toBe(true)
    })
  })
}

function coherence({ describe, it, expect }: Runner): void {
  describe('coherence', () => {
    it('a delete in one isolate is seen in the other within maxStaleness', async () => {
      const at = world()
      const [here, there] = [await ready(at), await ready(at)]
      const db = source({ '1': 'old' })
      for (const { rows } of [here, there]) await rows.getOrSet('1', db.load)
      db.rows.set('1', 'new')
      await at.run(here.rows.delete('1'))
      expect(await here.rows.getOrSet('1', db.load)).toBe('new')
      await at.runtime.advance(2001)
      expect(there.rows.peek('1')).toBe(undefined)
      expect(await at.run(there.rows.getOrSet('1', db.load))).toBe('new')
    })

    it('and at once with the token, also one of a request', async () => {
      const at = world()
      const [here, there] = [await ready(at, { maxStaleness: '1h' }), await ready(at, { maxStaleness: '1h' })]
      const db = source({ '1': 'old', '2': 'old' })
      for (const key of ['1', '2']) await there.rows.getOrSet(key, db.load)
      for (const key of ['1', '2']) db.rows.set(key, 'new')
      const scope = here.cache.for(request())
      const tokens = [await scope.namespace('rows').delete('1'), await scope.namespace('rows').delete('2')]
      expect(scope.token).toBe(joinTokens(...tokens))
      expect(await there.rows.getOrSet('1', db.load)).toBe('old')
      expect(await at.run(there.rows.getOrSet('1', db.load, { after: tokens[0]! }))).toBe('new')
      const rows = there.cache.for(request(), { after: scope.token! }).namespace<string>('rows')
      expect(await at.run(rows.getOrSet('2', db.load))).toBe('new')
    })

    it('tags, prefixes and a whole namespace are evicted, and nothing else', async () => {
      const at = world()
      const [here, there] = [await ready(at), await ready(at)]
      const others = there.cache.namespace<string>('others')
      const hold = async (): Promise<void> => {
        for (const key of ['eu/1', 'us/1']) await there.rows.getOrSet(key, () => key, { tags: [`t:${key}`] })
        await others.getOrSet('eu/1', () => 'other')
      }
      const held = (): unknown[] => [there.rows.peek('eu/1'), there.rows.peek('us/1'), others.peek('eu/1')]
      const evictions = [
        [() => here.rows.invalidateTags(['t:us/1']), ['eu/1', undefined, 'other']],
        [() => here.rows.invalidatePrefix('eu/'), [undefined, 'us/1', 'other']],
        [() => here.rows.clear(), [undefined, undefined, 'other']],
        [() => here.cache.clear(), [undefined, undefined, undefined]],
      ] as const
      for (const [evict, left] of evictions) {
        await hold()
        expect(held()).toEqual(['eu/1', 'us/1', 'other'])
        await at.run(evict())
        await at.run(there.cache.sync())
        expect(held()).toEqual(left)
      }
    })

    it('a load under way across a delete is returned to its caller and not kept', async () => {
      const at = world()
      const [here, there] = [await ready(at), await ready(at)]
      for (const writer of [here, there]) {
        const row = deferred<string>()
        const first = here.rows.getOrSet('1', () => row.promise)
        await at.runtime.settle()
        await at.run(writer.rows.delete('1'))
        await at.run(here.cache.sync())
        row.resolve('old')
        expect([await first, here.rows.peek('1')]).toEqual(['old', undefined])
      }
    })

    it('nor is it shared with callers after the delete, and it does not replace what they load', async () => {
      const at = world()
      const [here, there] = [await ready(at), await ready(at)]
      for (const writer of [here, there]) {
        const row = deferred<string>()
        const first = here.rows.getOrSet('1', () => row.promise)
        await at.runtime.settle()
        await at.run(writer.rows.delete('1'))
        await at.run(here.cache.sync())
        const second = await at.run(here.rows.getOrSet('1', () => 'new'))
        row.resolve('old')
        expect([await first, second, here.rows.peek('1')]).toEqual(['old', 'new', 'new'])
        await at.run(writer.rows.delete('1'))
        await at.run(here.cache.sync())
      }
    })

    it('a record that cannot be read evicts everything in its partition, and is counted', async () => {
      const at = world()
      const { rows, cache } = await ready(at)
      for (const key of ['1', '2']) await rows.getOrSet(key, () => 'row')
      at.log.append(EVICTIONS, { key: bytes('1'), value: new Uint8Array([0x1f, 0x8b, 0xff]) })
      // Virtual time stands still: inflating takes real time, which a deadline must not overtake.
      await cache.sync()
      expect([rows.peek('1'), rows.peek('2'), cache.stats().refused]).toEqual([undefined, undefined, 1])
    })

    it('another log in the place of the first drops everything, loads under way too', async () => {
      const at = world()
      const { rows, cache, of } = await ready(at)
      await rows.getOrSet('1', () => 'row')
      const row = deferred<string>()
      const loading = rows.getOrSet('2', () => row.promise)
      await at.runtime.settle()
      at.log.recreateTopic(EVICTIONS)
      await at.run(cache.sync())
      row.resolve('of the first')
      expect([await loading, rows.peek('1'), rows.peek('2')]).toEqual(['of the first', undefined, undefined])
      expect(of('reanchor').length).toBe(2)
      await rows.getOrSet('1', () => 'row')
      expect(rows.peek('1')).toBe('row')
    })
  })
}

function flights({ describe, it, expect }: Runner): void {
  describe('single flight', () => {
    for (const isolatesRequests of [false, true]) {
      const where = isolatesRequests ? 'where requests are isolated' : 'where promises may be shared'
      it(`many callers of a key are one load, ${where}`, async () => {
        const at = world({ isolatesRequests })
        const { rows } = await ready(at)
        const row = deferred<string>()
        let loads = 0
        const load = (): Promise<string> => {
          loads++
          return row.promise
        }
        const calls = Array.from({ length: 50 }, () => rows.for(request()).getOrSet('1', load))
        await at.runtime.settle()
        row.resolve('Ada')
        const found = await at.run(Promise.all(calls))
        expect([new Set(found).size, found[0], loads]).toEqual([1, 'Ada', 1])
      })
    }

    it('an aborted caller gets the reason, and the load goes on for the others', async () => {
      const at = world()
      const { rows } = await ready(at)
      const row = deferred<string>()
      const abort = new AbortController()
      const left = failure(rows.getOrSet('1', () => row.promise, { signal: abort.signal }))
      const stayed = rows.getOrSet('1', () => 'another')
      await at.runtime.settle()
      const reason = { why: 'gone' }
      abort.abort(reason)
      expect(await left).toBe(reason)
      row.resolve('Ada')
      expect(await stayed).toBe('Ada')
    })

    it('a load that takes too long is given up, and its signal says so', async () => {
      const at = world()
      const { rows } = await ready(at)
      let signal: AbortSignal | undefined
      const hangs = (context: { signal: AbortSignal }): Promise<string> => {
        signal = context.signal
        return new Promise(() => undefined)
      }
      const error = failure(rows.getOrSet('1', hangs, { hardTimeout: '1s' }))
      expect(codeOf(await at.run(error))).toBe('ERR_LOADER_TIMEOUT')
      expect(signal?.aborted).toBe(true)
    })
  })
}

function staleness({ describe, it, expect }: Runner): void {
  describe('expired values', () => {
    it('are served within swr while they are loaded again', async () => {
      const at = world()
      const { rows, cache } = await ready(at)
      const options = { ttl: '1s', swr: '10s' } as const
      await rows.getOrSet('1', () => 'old', options)
      await at.runtime.advance(1500)
      await cache.sync()
      expect(seen(await rows.getEntry('1', () => 'new', options))).toEqual(['stale', 'old', 'swr'])
      await at.runtime.settle()
      expect(seen(await rows.getEntry('1', () => 'newer', options))).toEqual(['fresh', 'new', undefined])
    })

    it('are served within staleIfError when their loader fails, unless they were evicted', async () => {
      const at = world()
      const { rows, cache } = await ready(at)
      const options = { ttl: '1s', staleIfError: '1m' } as const
      const fails = (): never => {
        throw new RangeError('down')
      }
      await rows.getOrSet('1', () => 'old', options)
      await at.runtime.advance(1500)
      await cache.sync()
      expect(seen(await rows.getEntry('1', fails, options))).toEqual(['stale', 'old', 'error'])
      await at.run(rows.delete('1'))
      expect((await failure(rows.getOrSet('1', fails, options))) instanceof RangeError).toBe(true)
    })
  })
}

function outages({ describe, it, expect }: Runner): void {
  describe('a log out of reach', () => {
    it('lets what is held be served for maxOutage, and is then bypassed', async () => {
      const at = world()
      const { rows, kafka } = await ready(at, { maxOutage: '10s' })
      await rows.getOrSet('1', () => 'held')
      kafka.fail(new Error('down'))
      await at.runtime.advance(5000)
      expect(seen(await at.run(rows.getEntry('1', () => 'new')))).toEqual(['stale', 'held', 'unreachable'])
      await at.runtime.advance(6000)
      expect(await at.run(rows.getEntry('1', () => 'new'))).toMatchObject({ value: 'new', bypassed: true })
      kafka.fail()
      await at.runtime.advance(30_000)
      await at.run(rows.getOrSet('1', () => 'newer'))
      expect(await rows.getEntry('1')).toMatchObject({ cached: true, state: 'fresh' })
    })

    it('rejects reads where `onUnreachable` is `throw`', async () => {
      const at = world()
      const { rows, kafka } = await ready(at, { onUnreachable: 'throw' })
      await rows.getOrSet('1', () => 'held')
      kafka.fail(new Error('down'))
      await at.runtime.advance(5000)
      expect(codeOf(await at.run(failure(rows.get('1'))))).toBe('ERR_UNREACHABLE')
    })

    it('fails an eviction, and what it meant is not served here', async () => {
      const at = world()
      const { rows, kafka } = await ready(at)
      for (const key of ['1', '2']) await rows.getOrSet(key, () => 'row')
      kafka.fail(new Error('down'), { on: 'produce' })
      const row = deferred<string>()
      const loading = rows.getOrSet('3', () => row.promise)
      expect(codeOf(await at.run(failure(rows.delete(['1', '3']))))).toBe('ERR_PUBLISH')
      row.resolve('row')
      expect(await loading).toBe('row')
      expect(['1', '2', '3'].map((key) => rows.peek(key))).toEqual([undefined, 'row', undefined])
    })
  })
}

function sharing({ describe, it, expect }: Runner): void {
  const replicating = { use: [replicate()] } as const

  describe('values that are shared', () => {
    it('arrive in other isolates, as what was loaded and as what was set', async () => {
      const at = world()
      const [here, there] = [await ready(at, replicating), await ready(at, replicating)]
      await at.run(here.rows.getOrSet('loaded', () => 'by here'))
      await at.run(here.rows.set('set', 'by here'))
      await at.runtime.advance(100)
      await at.run(there.cache.sync())
      expect([there.rows.peek('loaded'), there.rows.peek('set')]).toEqual(['by here', 'by here'])
      await at.run(here.rows.delete('set'))
      await at.run(there.cache.sync())
      expect(there.rows.peek('set')).toBe(undefined)
    })

    it('are gzipped above a size, and inflated again', async () => {
      const at = world()
      const options = { ...replicating, gzipAboveBytes: 1000 }
      const [here, there] = [await ready<unknown>(at, options), await ready<unknown>(at, options)]
      const large = { text: 'kedge ✓ '.repeat(2000), list: [1, null, { a: true }] }
      await here.rows.set('large', large)
      const { records } = at.log.read(UPDATES, { partition: 0, offset: 0 }, { maxBytes: 1_000_000 })!
      const value = records.at(-1)!.value!
      expect([value[0], value[1], value.length < 2000]).toEqual([0x1f, 0x8b, true])
      await there.cache.sync()
      expect(there.rows.peek('large')).toEqual(large)
    })

    it('that inflate beyond the bound are refused, and only their key goes', async () => {
      const at = world()
      const { rows, cache } = await ready(at, { ...replicating, maxMessageBytes: 10_000 })
      for (const key of ['1', '2']) await rows.getOrSet(key, () => 'row')
      const stream = new Blob(['0'.repeat(1_000_000)]).stream().pipeThrough(new CompressionStream('gzip'))
      const value = new Uint8Array(await new Response(stream).arrayBuffer())
      at.log.append(UPDATES, { key: bytes('rows/1'), value })
      await cache.sync()
      expect([rows.peek('1'), rows.peek('2'), cache.stats().refused]).toEqual([undefined, 'row', 1])
    })

    it('of a lower version do not win, in whichever order they come', async () => {
      const at = world()
      const [here, there] = [await ready(at, replicating), await ready(at, replicating)]
      await at.run(here.rows.set('1', 'second', { version: 2 }))
      const late = await at.run(there.rows.set('1', 'first', { version: 1 })).catch((error: unknown) => error)
      expect(late).toMatchObject({ code: 'ERR_SUPERSEDED', version: 2 })
      for (const { cache } of [here, there]) await at.run(cache.sync())
      for (const { rows } of [here, there]) expect(await at.run(rows.get('1'))).toBe('second')
    })

    it('fill a cache that begins, within limits', async () => {
      const at = world()
      const here = await ready(at, replicating)
      for (let nth = 0; nth < 20; nth++) await at.run(here.rows.set(`key-${nth}`, `row ${nth}`))
      const there = at.isolate(replicating)
      const rows = there.cache.namespace<string>('rows')
      expect(await at.run(prewarm(there.cache))).toMatchObject({ records: 20, applied: 20, complete: true })
      expect([rows.peek('key-0'), rows.peek('key-19')]).toEqual(['row 0', 'row 19'])
    })
  })
}

function asking({ describe, it, expect }: Runner): void {
  describe('a loader service', () => {
    for (const isolatesRequests of [false, true]) {
      const where = isolatesRequests ? 'where requests are isolated' : 'where promises may be shared'
      it(`loads once what two isolates miss, and says of what it has not that there is none, ${where}`, async () => {
        const at = world({ isolatesRequests })
        const [here, there] = [await ready(at), await ready(at)]
        const asked: string[] = []
        const rows = (keys: readonly string[]) => {
          asked.push(...keys)
          return keys.includes('1') ? { '1': 'Ada' } : {}
        }
        const kafka = memory({ on: at.log, runtime: at.runtime })
        const service = createLoader({ kafka, runtime: at.runtime, loaders: { rows } })
        const step = service.step({ budget: 1000 })
        await at.runtime.advance(10)
        const miss = (isolate: Ready<string>, key: string) =>
          isolate.rows.for(request()).getOrSet(
            key,
            viaLoader(() => 'own'),
          )
        const found = [miss(here, '1'), miss(there, '1'), miss(there, '2')]
        expect(await at.run(Promise.all(found))).toEqual(['Ada', 'Ada', undefined])
        await at.run(step)
        expect([asked.toSorted(), here.rows.peek('1')]).toEqual([['1', '2'], 'Ada'])
      })
    }
  })
}

function platform({ describe, it, expect }: Runner): void {
  const runtime = systemRuntime()

  /** Looks until it holds, at most ten seconds. */
  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let turns = 0; turns < 1000; turns++) {
      if (await holds()) return
      await runtime.sleep(10)
    }
    throw new Error('never came about')
  }

  function caches(count: number, options: Partial<CacheOptions> = {}): Cache[] {
    const on = new MemoryLog()
    return Array.from({ length: count }, () => createCache({ kafka: memory({ on }), ...options }))
  }

  describe('the platform', () => {
    it('has clocks that go on, and sleeps that end early with the reason of their signal', async () => {
      const before = [runtime.now(), runtime.monotonic()] as const
      await runtime.sleep(20)
      expect(runtime.now() >= before[0] && runtime.monotonic() > before[1]).toBe(true)
      const abort = new AbortController()
      const sleeping = failure(runtime.sleep(60_000, abort.signal))
      const reason = new RangeError('enough')
      abort.abort(reason)
      expect(await sleeping).toBe(reason)
      expect(await failure(runtime.sleep(1, abort.signal))).toBe(reason)
    })

    it('keeps two caches coherent by its own clocks and timers', async () => {
      const [here, there] = caches(2, { maxStaleness: 100 }) as [Cache, Cache]
      const db = source({ '1': 'old' })
      const rows = [here, there].map((cache) => cache.namespace<string>('rows'))
      for (const each of [here, there]) expect(await each.sync()).toMatchObject({ proved: true, lag: 0 })
      for (const each of rows) expect(await each.getOrSet('1', db.load)).toBe('old')
      db.rows.set('1', 'new')
      await rows[0]!.delete('1')
      await until(async () => (await rows[1]!.getOrSet('1', db.load)) === 'new')
      for (const each of [here, there]) await each.close()
    })

    it('shares one slow load among many callers', async () => {
      const [cache] = caches(1) as [Cache]
      const rows = cache.namespace<string>('rows')
      await cache.sync()
      let loads = 0
      const slow = async (): Promise<string> => {
        loads++
        await runtime.sleep(100)
        return 'Ada'
      }
      const found = await Promise.all(Array.from({ length: 20 }, () => rows.getOrSet('1', slow)))
      expect([new Set(found).size, loads]).toEqual([1, 1])
      await cache.close()
    })

    it('follows the log until its signal aborts', async () => {
      const [here, there] = caches(2, { maxStaleness: '1h', refreshAfter: '10s' }) as [Cache, Cache]
      const rows = there.namespace<string>('rows')
      await there.sync()
      const stop = new AbortController()
      const following = there.follow({ signal: stop.signal })
      await rows.getOrSet('1', () => 'old')
      await here.namespace('rows').delete('1')
      await until(() => rows.peek('1') === undefined)
      stop.abort()
      await following
      for (const each of [here, there]) await each.close()
      expect(codeOf(await failure(rows.get('1')))).toBe('ERR_CLOSED')
    })

    it('has wrong options refused by name', async () => {
      const kafka = memory()
      const refused = (options: object): string => {
        try {
          createCache({ kafka, ...options })
        } catch (error) {
          if (error instanceof TypeError) return error.message
        }
        return 'taken'
      }
      expect(refused({})).toBe('taken')
      expect(refused({ maxStalenes: '2s' }).includes('`maxStalenes`')).toBe(true)
      expect(refused({ ttl: '5 minutes' }).includes('`ttl`')).toBe(true)
    })
  })
}
