import { AsyncLocalStorage } from 'node:async_hooks'
import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheOptions, Runtime } from '../../../src/index.ts'
import { deferred, request, source, world } from '../world.ts'
import type { World } from '../world.ts'

describe('where promises may be shared', () => {
  let at: World
  beforeEach(() => {
    at = world()
  })

  async function ready(options: Partial<CacheOptions> = {}) {
    const isolate = at.isolate(options)
    const users = isolate.cache.namespace<string>('users')
    await isolate.cache.sync()
    return { ...isolate, users }
  }

  it('a hundred callers of one key are one load', async () => {
    const { users } = await ready()
    const db = source({ '1': 'Ada' })
    const found = await Promise.all(Array.from({ length: 100 }, () => users.getOrSet('1', db.load)))
    expect(new Set(found)).toEqual(new Set(['Ada']))
    expect(db.reads).toBe(1)
  })

  it('a hundred callers of a key that was just deleted here are one load, where the source lags', async () => {
    const { cache } = await ready()
    const orders = cache.namespace<string>('orders', { settle: '1s' })
    await orders.delete('1')
    const db = source({ '1': 'Ada' })
    const found = await Promise.all(Array.from({ length: 100 }, () => orders.getOrSet('1', db.load)))
    expect(new Set(found)).toEqual(new Set(['Ada']))
    expect(db.reads).toBe(1)
  })

  it('a load begins after the call that asks for it has returned', async () => {
    const { users } = await ready()
    const seen: string[] = []
    const asked = users.getOrSet('1', () => (seen.push('load'), 'Ada'))
    seen.push('returned')
    await asked
    expect(seen).toEqual(['returned', 'load'])
  })

  it('all of them get the error, and the next caller loads again', async () => {
    const { users } = await ready()
    let loads = 0
    const fails = async () => {
      loads++
      throw new Error('down')
    }
    const found = await Promise.allSettled(Array.from({ length: 10 }, () => users.getOrSet('1', fails)))
    expect(found.every(({ status }) => status === 'rejected')).toBe(true)
    expect(loads).toBe(1)
    expect(await users.getOrSet('1', () => 'up')).toBe('up')
  })

  it('a key loaded alone is waited for by a load of many, and the other way round', async () => {
    const { users } = await ready()
    const row = deferred<string>()
    const one = users.getOrSet('1', () => row.promise)
    const asked: (readonly string[])[] = []
    const many = users.getOrSetMany(['1', '2'], async (keys) => {
      asked.push(keys)
      return { '2': 'Bob' }
    })
    const two = users.getOrSet('2', () => 'not asked')
    await at.runtime.settle()
    row.resolve('Ada')
    expect([await one, [...(await many).values()], await two]).toEqual(['Ada', ['Ada', 'Bob'], 'Bob'])
    expect(asked).toEqual([['2']])
  })

  it('a loader that throws at once, or before its first await, is like one that rejects', async () => {
    const { users } = await ready()
    const thrower = (): string => {
      throw new RangeError('sync')
    }
    await expect(users.getOrSet('1', thrower)).rejects.toThrow('sync')
    await expect(
      users.getOrSetMany(['1'], () => {
        throw new RangeError('sync')
      }),
    ).rejects.toThrow('sync')
  })

  it('a caller that joins waits no longer than its own hardTimeout', async () => {
    const { users } = await ready()
    void users.getOrSet('1', () => new Promise<string>(() => undefined)).catch(() => undefined)
    await at.runtime.settle()
    const joined = users.getOrSet('1', () => 'x', { hardTimeout: 100 })
    const before = at.runtime.monotonic()
    await expect(at.run(joined)).rejects.toMatchObject({ code: 'ERR_LOADER_TIMEOUT' })
    expect(at.runtime.monotonic() - before).toBeLessThan(200)
  })

  it('while freshness cannot be known, a load is shared only for maxStaleness from its beginning', async () => {
    const { users, kafka } = await ready({ maxStaleness: '2s', maxOutage: '1h' })
    await at.runtime.advance(100)
    kafka.fail(new Error('down'))
    await at.runtime.advance(5000)
    const rows = [deferred<string>(), deferred<string>()]
    let loads = 0
    const load = () => rows[loads++]!.promise
    const first = users.getOrSet('1', load)
    await at.runtime.advance(1500)
    const second = users.getOrSet('1', load)
    await at.runtime.advance(1000)
    const third = users.getOrSet('1', load)
    await at.runtime.advance(50)
    expect(loads).toBe(2)
    rows[0]!.resolve('early')
    rows[1]!.resolve('late')
    expect(await Promise.all([first, second, third])).toEqual(['early', 'early', 'late'])
  })
})

describe('where requests are isolated', () => {
  interface Request {
    readonly context: ReturnType<typeof request>
    gone: boolean
  }
  const requests = new AsyncLocalStorage<Request>()
  let at: World
  beforeEach(() => {
    at = world({ isolatesRequests: true })
  })

  /** Timers of a request that is gone never fire, as in workerd. */
  function mortal(runtime: Runtime): Runtime {
    return {
      ...runtime,
      sleep: (ms, signal) => {
        const owner = requests.getStore()
        return new Promise((resolve, reject) => {
          runtime.sleep(ms, signal).then(
            () => owner?.gone || resolve(),
            (error: unknown) => owner?.gone || reject(error as Error),
          )
        })
      },
    }
  }

  async function ready(options: Partial<CacheOptions> = {}) {
    const isolate = at.isolate({ runtime: mortal(at.runtime), ...options })
    isolate.cache.namespace('users')
    await at.run(isolate.cache.sync())
    /** Runs `work` in a request of its own. */
    const ask = <T>(work: (users: ReturnType<typeof isolate.cache.namespace<string>>) => Promise<T>) => {
      const owner: Request = { context: request(), gone: false }
      const answer = requests.run(owner, () =>
        work(isolate.cache.for(owner.context).namespace<string>('users')),
      )
      return { answer, end: () => void (owner.gone = true), owner }
    }
    return { ...isolate, ask }
  }

  it('followers see the outcome by looking, and there is one load', async () => {
    const { ask } = await ready()
    const db = source({ '1': 'Ada' })
    const slow = async (context: { key: string }) => {
      await at.runtime.sleep(300)
      return db.load(context)
    }
    const calls = Array.from({ length: 20 }, () => ask((users) => users.getOrSet('1', slow)).answer)
    expect(new Set(await at.run(Promise.all(calls)))).toEqual(new Set(['Ada']))
    expect(db.reads).toBe(1)
  })

  it('followers get the error too', async () => {
    const { ask } = await ready()
    const fails = async () => {
      await at.runtime.sleep(100)
      throw new Error('down')
    }
    const calls = [1, 2, 3].map(() => ask((users) => users.getOrSet('1', fails)).answer)
    for (const settled of await at.run(Promise.allSettled(calls))) expect(settled.status).toBe('rejected')
  })

  it('a leader whose request ends early hangs no follower: one of them takes over', async () => {
    const { ask, of } = await ready()
    const leader = ask((users) => users.getOrSet('1', () => new Promise<string>(() => undefined)))
    await at.runtime.advance(20)
    const db = source({ '1': 'Ada' })
    const followers = Array.from({ length: 5 }, () => ask((users) => users.getOrSet('1', db.load)).answer)
    await at.runtime.advance(100)
    leader.end()
    const before = at.runtime.monotonic()
    expect(await at.run(Promise.all(followers))).toEqual(Array.from({ length: 5 }, () => 'Ada'))
    expect(at.runtime.monotonic() - before).toBeLessThan(1000)
    expect(db.reads).toBe(1)
    expect(of('takeover').length).toBeGreaterThan(0)
  })

  it('a leader that lives is not taken over, however slow', async () => {
    const { ask, of } = await ready()
    const leader = ask((users) =>
      users.getOrSet('1', async () => {
        await at.runtime.sleep(8000)
        return 'slow'
      }),
    )
    await at.runtime.advance(10)
    const follower = ask((users) => users.getOrSet('1', () => 'fast'))
    expect(await at.run(Promise.all([leader.answer, follower.answer]))).toEqual(['slow', 'slow'])
    expect(of('takeover')).toEqual([])
  })

  it('a follower that takes over waits no longer than its own hardTimeout', async () => {
    const { ask } = await ready({ hardTimeout: '1s' })
    const leader = ask((users) => users.getOrSet('1', () => new Promise<string>(() => undefined)))
    await at.runtime.advance(20)
    const before = at.runtime.monotonic()
    const follower = ask((users) => users.getOrSet('1', () => new Promise<string>(() => undefined)))
    await at.runtime.advance(300)
    leader.end()
    await expect(at.run(follower.answer)).rejects.toMatchObject({ code: 'ERR_LOADER_TIMEOUT' })
    expect(at.runtime.monotonic() - before).toBeLessThan(1100)
  })

  it('a place for loads that vanished with its request becomes free again', async () => {
    const { ask } = await ready({ maxLoads: 1, hardTimeout: '1s' })
    const leader = ask((users) => users.getOrSet('1', () => new Promise<string>(() => undefined)))
    await at.runtime.advance(20)
    leader.end()
    const next = ask((users) => users.getOrSet('2', () => 'x', { hardTimeout: '10s' }))
    expect(await at.run(next.answer)).toBe('x')
  })

  it('a poll that vanished with its request does not keep others from polling', async () => {
    const { ask, kafka } = await ready()
    await at.run(ask((users) => users.getOrSet('1', () => 'x')).answer)
    await at.runtime.advance(5000)
    kafka.pause()
    const first = ask((users) => users.get('1'))
    await at.runtime.settle()
    first.end()
    await at.runtime.advance(200)
    kafka.resume()
    const second = ask((users) => users.getEntry('1'))
    expect(await at.run(second.answer)).toMatchObject({ state: 'fresh', value: 'x' })
  })

  it('everything a request starts is under its waitUntil', async () => {
    const { ask } = await ready()
    await at.runtime.advance(5000)
    const { owner, answer } = ask((users) => users.getOrSet('1', () => 'x'))
    await at.run(answer)
    // The poll, the load, and the renewal of its lease.
    expect(owner.context.work).toHaveLength(3)
    await at.run(Promise.all(owner.context.work))
  })
})
