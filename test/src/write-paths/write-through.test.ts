import { beforeEach, describe, expect, it } from 'vitest'
import { isKedgeError, KedgeError } from '../../../src/index.ts'
import type { CacheOptions, Feature } from '../../../src/index.ts'
import { deferred, source, world } from '../world.ts'
import type { World } from '../world.ts'
import { writeThrough, writeIntents } from '../../../src/write-paths/index.ts'
import { prewarm, replicate } from '../../../src/replicate/index.ts'

/** Announced writes, and values through the updates topic. */
const BOTH = [writeIntents(), replicate()]
const decoder = new TextDecoder()
const unreachable = () => new KedgeError('ERR_NETWORK', 'reset')

describe('writeThrough', () => {
  let at: World
  beforeEach(() => {
    at = world()
  })

  /** An isolate that may have missed no intent any more. */
  async function ready(options: Partial<CacheOptions> = {}) {
    const isolate = at.isolate({ ttl: '1h', use: [writeIntents()], ...options })
    const users = isolate.cache.namespace<string>('users')
    await at.run(isolate.cache.sync())
    await at.runtime.advance(60_100)
    await at.run(isolate.cache.sync())
    return { ...isolate, users }
  }
  const written = (topic = 'cache-evictions') =>
    at.log
      .read(topic, { partition: 0, offset: 0 }, { maxBytes: 1e6, isolation: 'uncommitted' })!
      .records.map(({ value }) => JSON.parse(decoder.decode(value!)) as Record<string, unknown>)

  it('announces, lets the store commit, evicts, and returns the token of the eviction', async () => {
    const here = await ready()
    const there = await ready()
    const db = source({ '7': 'old' })
    await there.users.getOrSet('7', db.load)
    let before = 0
    const token = await writeThrough(here.users, '7', 'new', (value, { key }) => {
      before = written().length
      db.rows.set(key, value)
    })
    expect(before).toBe(1)
    const [intent, evict, ...none] = written()
    expect(intent).toMatchObject({ op: 'intent', ns: 'users', keys: ['7'], ttl: 10_000 })
    expect(evict).toEqual({ v: 1, op: 'evict', ns: 'users', keys: ['7'], closes: [intent!['id']] })
    expect(none).toEqual([])
    expect(token).toMatch(/^k1\.0-2~/)
    expect(await at.run(there.users.getOrSet('7', db.load, { after: token }))).toBe('new')
    expect(there.users.peek('7')).toBe('new')
    // Without a version the value does not count as the last one: it is loaded.
    expect(here.users.peek('7')).toBeUndefined()
  })

  it('stores nothing where the clocks stepped back while it announced: the intent may have ended', async () => {
    const { users, kafka } = await ready()
    const produce = kafka.produce.bind(kafka)
    kafka.produce = async (...call) => {
      const positions = await produce(...call)
      at.runtime.stepClocks(-3_600_000)
      return positions
    }
    let stored = 0
    const write = writeThrough(users, '7', 'new', () => void stored++, { intent: '2s' })
    await expect(at.run(write)).rejects.toMatchObject({ code: 'ERR_PUBLISH', retryable: true })
    expect(stored).toBe(0)
  })

  it('gives the store no more time than the intent has, where the clocks step back meanwhile', async () => {
    const { users } = await ready()
    const store = async () => {
      await at.runtime.sleep(1500)
      at.runtime.stepClocks(-3_600_000)
      await at.runtime.sleep(5000)
    }
    let ended: unknown
    writeThrough(users, '7', 'new', store, { intent: '2s' }).catch((error: unknown) => (ended = error))
    await at.runtime.advance(2600)
    expect(ended).toMatchObject({ code: 'ERR_STORE_TIMEOUT' })
  })

  it('stands for a row that is deleted, too', async () => {
    const here = await ready()
    const db = source({ '7': 'old' })
    await here.users.getOrSet('7', db.load)
    await writeThrough(here.users, '7', undefined, (_, { key }) => void db.rows.delete(key))
    expect(await here.users.getOrSet('7', db.load)).toBeUndefined()
  })

  it('passes on what the store threw, untouched, after the intent was closed', async () => {
    const here = await ready()
    const broken = { odd: 'error' }
    const write = writeThrough(here.users, '7', 'new', () => Promise.reject(broken))
    await expect(write).rejects.toBe(broken)
    expect(written().map(({ op }) => op)).toEqual(['intent', 'evict'])
    await here.users.getOrSet('7', () => 'row')
    expect(here.users.peek('7')).toBe('row')
  })

  it('passes it on also where the intent cannot be closed: that expires', async () => {
    const here = await ready()
    const broken = new Error('unique constraint')
    const write = writeThrough(here.users, '7', 'new', () => {
      here.kafka.fail(unreachable(), { on: 'produce' })
      throw broken
    })
    await expect(write).rejects.toBe(broken)
    here.kafka.fail()
    await here.users.getOrSet('7', () => 'row')
    expect(here.users.peek('7')).toBeUndefined()
    await at.runtime.advance(10_100)
    await at.run(here.cache.sync())
    await here.users.getOrSet('7', () => 'row')
    expect(here.users.peek('7')).toBe('row')
  })

  it('stores nothing where the intent is not acknowledged', async () => {
    const here = await ready()
    here.kafka.fail(unreachable(), { on: 'produce' })
    let stored = false
    const write = writeThrough(here.users, '7', 'new', () => void (stored = true))
    await expect(write).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(stored).toBe(false)
  })

  it('stores nothing where the intent is acknowledged so late that it covers nothing', async () => {
    const here = await ready()
    here.kafka.pause()
    let stored = false
    const write = writeThrough(here.users, '7', 'new', () => void (stored = true))
    write.catch(() => undefined)
    await at.runtime.advance(9000)
    here.kafka.resume()
    await expect(at.run(write)).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(stored).toBe(false)
  })

  it('says when the eviction after the commit failed, and nothing stale is held anywhere', async () => {
    const here = await ready()
    const there = await ready()
    const db = source({ '7': 'old' })
    await there.users.getOrSet('7', db.load)
    const write = writeThrough(here.users, '7', 'new', async (value) => {
      // Another isolate loads just before the commit.
      await at.run(there.cache.sync())
      expect(await there.users.getOrSet('7', db.load)).toBe('old')
      db.rows.set('7', value)
      here.kafka.fail(unreachable(), { on: 'produce' })
    })
    await expect(write).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    for (const users of [here.users, there.users]) expect(await users.getOrSet('7', db.load)).toBe('new')
  })

  it('asks a store to give up in time, says that its end is not known, and evicts again when it does end', async () => {
    const here = await ready()
    const there = await ready()
    const db = source({ '7': 'old' })
    const since = at.runtime.monotonic()
    let askedAfterMs = 0
    const end = deferred<void>()
    const write = writeThrough(here.users, '7', 'new', async (value, { signal }) => {
      signal.addEventListener('abort', () => (askedAfterMs = at.runtime.monotonic() - since))
      await end.promise
      db.rows.set('7', value)
    })
    const failure = await at.run(write).catch((error: unknown) => error)
    expect(isKedgeError(failure) && failure.code).toBe('ERR_STORE_TIMEOUT')
    expect(askedAfterMs).toBe(8000)
    expect(at.runtime.monotonic() - since).toBe(10_000)
    expect(written().map(({ op }) => op)).toEqual(['intent', 'evict'])
    await at.run(there.cache.sync())
    await there.users.getOrSet('7', db.load)
    end.resolve()
    await at.runtime.settle()
    expect(written().map(({ op }) => op)).toEqual(['intent', 'evict', 'evict'])
    await at.run(there.cache.sync())
    expect(await there.users.getOrSet('7', db.load)).toBe('new')
  })

  it('trusts a store that gives up when it is asked', async () => {
    const here = await ready()
    const write = writeThrough(
      here.users,
      '7',
      'new',
      (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      { intent: '5s' },
    )
    await expect(at.run(write)).rejects.toMatchObject({ code: 'ERR_STORE_TIMEOUT' })
    expect(written().map(({ op }) => op)).toEqual(['intent', 'evict'])
  })

  it('relays its own signal, and still evicts', async () => {
    const here = await ready()
    const caller = new AbortController()
    const reason = new Error('gone')
    const write = writeThrough(
      here.users,
      '7',
      'new',
      (_, { signal }) => {
        caller.abort(reason)
        signal.throwIfAborted()
      },
      { signal: caller.signal },
    )
    await expect(write).rejects.toBe(reason)
    expect(written().map(({ op }) => op)).toEqual(['intent', 'evict'])
  })

  describe('of two isolates that reach the log in the other order than the store', () => {
    /** A commits first and evicts last. */
    async function interleave(versions: boolean, use: readonly Feature[]) {
      const [a, b, c] = [await ready({ use }), await ready({ use }), await ready({ use })]
      const db = source<string>({ '7': 'old' })
      let version = 0
      const committed = deferred<void>()
      const release = deferred<void>()
      const store = (hold: boolean) => async (value: string) => {
        db.rows.set('7', value)
        const mine = ++version
        if (hold) {
          committed.resolve()
          await release.promise
        }
        return versions ? { version: mine } : undefined
      }
      const slow = writeThrough(a.users, '7', 'of a', store(true))
      await at.run(committed.promise)
      await at.run(writeThrough(b.users, '7', 'of b', store(false)))
      release.resolve()
      await at.run(slow)
      await at.runtime.advance(1000)
      return { isolates: [a, b, c], db }
    }

    for (const versions of [true, false]) {
      for (const use of [[writeIntents()], BOTH]) {
        const names = use.map(({ name }) => name).join(' and ')
        it(`every isolate ends with the store's last value (${versions ? 'with' : 'without'} versions, ${names})`, async () => {
          const { isolates, db } = await interleave(versions, use)
          for (const { cache, users } of isolates) {
            await at.run(cache.sync())
            expect([undefined, 'of b']).toContain(users.peek('7'))
            expect(await users.getOrSet('7', db.load)).toBe('of b')
            await at.run(cache.sync())
            expect(await users.getOrSet('7', db.load)).toBe('of b')
          }
          // Also one that starts now and takes over what was shared.
          const late = at.isolate({ ttl: '1h', use })
          const users = late.cache.namespace<string>('users')
          await at.run(prewarm(late.cache))
          expect([undefined, 'of b']).toContain(users.peek('7'))
        })
      }
    }
  })

  it('holds and shares a value whose version the store returns, where no other writer writes it', async () => {
    const here = await ready({ use: BOTH })
    const there = await ready({ use: BOTH })
    await at.run(here.cache.sync())
    await writeThrough(here.users, '7', 'new', () => ({ version: 3 }))
    expect(here.users.peek('7')).toBe('new')
    await at.runtime.advance(10)
    expect(written('cache-updates')).toMatchObject([
      { op: 'put', key: '7', value: 'new', version: 3, asOf: 1 },
    ])
    await at.run(there.cache.sync())
    expect(there.users.peek('7')).toBe('new')
  })

  it('does not hold a value where another writer has meanwhile evicted the key without a version', async () => {
    const here = await ready()
    const there = await ready()
    const db = source({ '7': 'old' })
    await at.run(here.cache.sync())
    await writeThrough(here.users, '7', 'first', async (value) => {
      db.rows.set('7', value)
      await at.run(writeThrough(there.users, '7', 'second', (later) => void db.rows.set('7', later)))
      await at.run(here.cache.sync())
      return { version: 1 }
    })
    expect(await here.users.getOrSet('7', db.load)).toBe('second')
  })

  it('shares nothing while another writer writes the key', async () => {
    const here = await ready({ use: BOTH })
    const there = await ready({ use: BOTH })
    const release = deferred<void>()
    const other = writeThrough(there.users, '7', 'other', () => release.promise)
    await at.runtime.settle()
    await writeThrough(here.users, '7', 'new', () => ({ version: 3 }))
    await at.runtime.advance(10)
    expect(written('cache-updates')).toEqual([])
    expect(here.users.peek('7')).toBeUndefined()
    release.resolve()
    await at.run(other)
  })

  describe('of a writer that dies right after its commit', () => {
    async function crash(intent: '5s' | false) {
      const [writer, reader] = [await ready(), await ready()]
      const db = source({ '7': 'old' })
      await reader.users.getOrSet('7', db.load)
      const write = writeThrough(
        writer.users,
        '7',
        'new',
        async (value) => {
          await at.run(reader.cache.sync())
          await reader.users.getOrSet('7', db.load)
          db.rows.set('7', value)
          writer.kafka.pause()
        },
        { intent },
      )
      write.catch(() => undefined)
      await at.runtime.advance(100)
      return { reader, db }
    }

    it('no isolate serves the old value', async () => {
      const { reader, db } = await crash('5s')
      await at.run(reader.cache.sync())
      expect(await reader.users.getOrSet('7', db.load)).toBe('new')
      await at.runtime.advance(7000)
      await at.run(reader.cache.sync())
      expect(await reader.users.getOrSet('7', db.load)).toBe('new')
      expect(reader.users.peek('7')).toBe('new')
    })

    it('without an intent it is served until its TTL ends', async () => {
      const { reader, db } = await crash(false)
      await at.runtime.advance(600_000)
      await at.run(reader.cache.sync())
      expect(await reader.users.getOrSet('7', db.load)).toBe('old')
    })
  })

  it('refuses what it cannot keep', async () => {
    const { users, cache } = await ready({ use: [writeIntents({ namespaces: ['users'] })] })
    const store = () => undefined
    await expect(writeThrough(users, '7', 'a', store, { intent: '2m' })).rejects.toThrow('`intent`')
    await expect(writeThrough(users, '7', 'a', store, { intent: 0 })).rejects.toThrow('`intent`')
    await expect(writeThrough(users, '', 'a', store)).rejects.toThrow('key')
    await expect(writeThrough(users, '7', 'a', store, { version: 1 } as never)).rejects.toThrow('`version`')
    const plain = cache.namespace<string>('plain')
    await expect(writeThrough(plain, '7', 'a', store)).rejects.toThrow('writeIntents()')
    expect(await writeThrough(plain, '7', 'a', store, { intent: false })).toMatch(/^k1/)
    for (const max of ['11m', 0, 'soon', -1, null] as never[])
      expect(() => writeIntents({ max })).toThrow('`max`')
    const long = at.isolate({
      use: [writeIntents({ max: (name) => (name === 'other' ? '11m' : '1m') })],
    }).cache
    expect(() => long.namespace('other')).toThrow('`max`')
    expect(() => long.namespace('users')).not.toThrow()
    await cache.close()
    await expect(writeThrough(users, '7', 'a', store)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})
