import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LoadContext, Runtime } from '../../../src/index.ts'
import { deferred, request, world } from '../world.ts'
import type { World } from '../world.ts'

/** What a read may make that costs more than many a load: timers, and controllers with their signals. */
describe('a miss', () => {
  let at: World
  let sleeps: number
  let controllers: number
  beforeEach(() => {
    at = world()
    sleeps = 0
    controllers = 0
    const Real = AbortController
    vi.stubGlobal(
      'AbortController',
      class extends Real {
        constructor() {
          super()
          controllers++
        }
      },
    )
  })
  afterEach(() => vi.unstubAllGlobals())

  async function ready(overrides: Partial<Runtime> = {}) {
    const { runtime } = at
    const counting: Runtime = {
      ...runtime,
      sleep: (ms, signal) => {
        sleeps++
        return runtime.sleep(ms, signal)
      },
      ...overrides,
    }
    const { cache } = at.isolate({ runtime: counting })
    const users = cache.namespace<string>('users', { hardTimeout: '2s' })
    await cache.sync()
    sleeps = controllers = 0
    return { cache, users }
  }
  const after = async (ms: number) => at.runtime.sleep(ms)

  it('sets no timer and makes no controller where the loader answers at once', async () => {
    const { users } = await ready()
    expect(await users.getOrSet('1', async () => 'Ada')).toBe('Ada')
    expect([...(await users.getOrSetMany(['2', '3'], async () => ({ '2': 'Bob' })))]).toEqual([['2', 'Bob']])
    await expect(users.getOrSet('4', async () => Promise.reject(new Error('down')))).rejects.toThrow('down')
    await at.runtime.settle()
    expect({ sleeps, controllers }).toEqual({ sleeps: 0, controllers: 0 })
  })

  it('sets one timer, which ends with the load, where the loader takes its time', async () => {
    const { users } = await ready()
    const row = deferred<string>()
    const asked = users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    expect({ sleeps, sleeping: at.runtime.sleeping }).toEqual({ sleeps: 1, sleeping: 1 })
    row.resolve('Ada')
    expect(await asked).toBe('Ada')
    expect(at.runtime.sleeping).toBe(0)
  })

  it('makes a signal for a loader that reads it: the same each time, and aborted at its deadline', async () => {
    const { users } = await ready()
    let context!: LoadContext<string>
    const asked = users.getOrSet('1', (given) => {
      context = given
      return new Promise(() => undefined)
    })
    const settled = Promise.allSettled([asked])
    await at.runtime.settle()
    const before = controllers
    const { signal } = context
    expect(controllers).toBe(before + 1)
    expect(context.signal).toBe(signal)
    await at.runtime.advance(1999)
    expect(signal.aborted).toBe(false)
    await at.runtime.advance(2)
    expect(await settled).toMatchObject([{ reason: { code: 'ERR_LOADER_TIMEOUT' } }])
    expect(signal).toMatchObject({ aborted: true, reason: { code: 'ERR_LOADER_TIMEOUT' } })
  })

  it('gives one that reads it only later a signal that is aborted already', async () => {
    const { users } = await ready()
    let context!: LoadContext<string>
    const asked = users.getOrSet('1', (given) => {
      context = given
      return new Promise(() => undefined)
    })
    const settled = Promise.allSettled([asked])
    await at.runtime.advance(2001)
    await settled
    expect(context.signal).toMatchObject({ aborted: true, reason: { code: 'ERR_LOADER_TIMEOUT' } })
  })

  it('of a thousand callers sets one timer', async () => {
    const { users } = await ready()
    const row = deferred<string>()
    const asked = Array.from({ length: 1000 }, () => users.getOrSet('1', () => row.promise))
    await at.runtime.settle()
    expect(sleeps).toBe(1)
    row.resolve('Ada')
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['Ada']))
    expect(controllers).toBe(1)
  })

  it('that others join ends for all of them at the deadline of the first', async () => {
    const { users } = await ready()
    const asked = [users.getOrSet('1', () => after(60_000).then(() => 'late'))]
    await at.runtime.advance(500)
    asked.push(users.getOrSet('1', () => 'not asked'))
    const settled = Promise.allSettled(asked)
    await at.runtime.advance(1500)
    const failed = { reason: { code: 'ERR_LOADER_TIMEOUT' } }
    expect(await settled).toMatchObject([failed, failed])
    expect(sleeps).toBe(1)
  })

  it('is given up by a caller whose own deadline is sooner, and goes on for the others', async () => {
    const { users } = await ready()
    const row = deferred<string>()
    const patient = users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    const hasty = Promise.allSettled([users.getOrSet('1', () => 'not asked', { hardTimeout: 300 })])
    await at.runtime.advance(302)
    expect(await hasty).toMatchObject([{ reason: { code: 'ERR_LOADER_TIMEOUT' } }])
    row.resolve('Ada')
    expect(await patient).toBe('Ada')
  })

  it('is given up by a caller whose signal is aborted, and goes on for the others', async () => {
    const { users } = await ready()
    const row = deferred<string>()
    const patient = users.getOrSet('1', () => row.promise)
    const leaving = new AbortController()
    const gone = Promise.allSettled([users.getOrSet('1', () => 'not asked', { signal: leaving.signal })])
    await at.runtime.settle()
    leaving.abort(new Error('left'))
    expect(await gone).toMatchObject([{ reason: { message: 'left' } }])
    row.resolve('Ada')
    expect(await patient).toBe('Ada')
  })

  it('is ended by closing the cache, with the signal of its loader', async () => {
    const { cache, users } = await ready()
    let signal!: AbortSignal
    const asked = users.getOrSet('1', (context) => {
      signal = context.signal
      return new Promise(() => undefined)
    })
    const settled = Promise.allSettled([asked])
    await at.runtime.settle()
    await cache.close()
    expect(await settled).toMatchObject([{ reason: { code: 'ERR_CLOSED' } }])
    expect(signal).toMatchObject({ aborted: true, reason: { code: 'ERR_CLOSED' } })
    expect(at.runtime.sleeping).toBe(0)
  })

  it('is shared by the callers of one request on Workers, which set no timers', async () => {
    const { cache } = await ready({ isolatesRequests: true })
    const users = cache.for(request()).namespace<string>('users')
    const row = deferred<string>()
    const asked = Array.from({ length: 100 }, () => users.getOrSet('1', () => row.promise))
    await at.runtime.settle()
    // The renewal of the lease, and the deadline of the load.
    expect(sleeps).toBe(2)
    row.resolve('Ada')
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['Ada']))
  })

  it('is looked at by each caller on Workers where it is not known of which request a caller is', async () => {
    const { cache } = await ready({ isolatesRequests: true })
    const users = cache.namespace<string>('users')
    const row = deferred<string>()
    const asked = Array.from({ length: 3 }, () => users.getOrSet('1', () => row.promise))
    await at.runtime.settle()
    expect(sleeps).toBe(4)
    row.resolve('Ada')
    await at.runtime.advance(100)
    expect(await Promise.all(asked)).toEqual(['Ada', 'Ada', 'Ada'])
  })

  it('is not waited for by the callers of other requests on Workers: they look, and take over', async () => {
    const { cache } = await ready({ isolatesRequests: true })
    const ask = (load: () => Promise<string>) =>
      cache.for(request()).namespace<string>('users').getOrSet('1', load)
    void ask(() => new Promise(() => undefined)).catch(() => undefined)
    const other = ask(async () => 'not asked')
    await at.runtime.settle()
    // The renewal of the lease, the leader's deadline, and the look of the other.
    expect(sleeps).toBe(3)
    await at.runtime.advance(2100)
    await expect(other).rejects.toMatchObject({ code: 'ERR_LOADER_TIMEOUT' })
  })

  describe('where the platform tells the turns of its event loop', () => {
    const turns = () => {
      const tasks: (() => void)[] = []
      const afterTurn = vi.fn<(task: () => void) => void>((task) => void tasks.push(task))
      const drop = () => tasks.splice(0)
      return { afterTurn, drop, endTurn: () => drop().forEach((task) => task()) }
    }
    const hangs = () => new Promise<string>(() => undefined)

    it('sets no timer within a turn, and one when the turn is over for each load that goes on', async () => {
      const { afterTurn, endTurn } = turns()
      const { users } = await ready({ afterTurn })
      const row = deferred<string>()
      const asked = users.getOrSet('1', () => row.promise)
      for (let nth = 0; nth < 10; nth++) await users.getOrSet(`short-${nth}`, async () => 'Bob')
      await at.runtime.settle()
      expect({ sleeps, controllers }).toEqual({ sleeps: 0, controllers: 0 })
      endTurn()
      expect({ sleeps, sleeping: at.runtime.sleeping }).toEqual({ sleeps: 1, sleeping: 1 })
      row.resolve('Ada')
      expect(await asked).toBe('Ada')
      expect(at.runtime.sleeping).toBe(0)
    })

    it('gives each load up at its deadline', async () => {
      const { afterTurn, endTurn } = turns()
      const { users } = await ready({ afterTurn })
      const settled = Promise.allSettled([users.getOrSet('1', hangs), users.getOrSet('2', hangs)])
      await at.runtime.settle()
      endTurn()
      await at.runtime.advance(2000)
      const failed = { reason: { code: 'ERR_LOADER_TIMEOUT' } }
      expect(await settled).toMatchObject([failed, failed])
      expect(at.runtime.sleeping).toBe(0)
    })

    it('ends loads of this turn, and of others, when the cache is closed', async () => {
      const { afterTurn, endTurn } = turns()
      const { cache, users } = await ready({ afterTurn })
      const asked = [users.getOrSet('1', hangs)]
      await at.runtime.settle()
      endTurn()
      asked.push(users.getOrSet('2', hangs))
      const settled = Promise.allSettled(asked)
      await at.runtime.settle()
      await cache.close()
      endTurn()
      const closed = { reason: { code: 'ERR_CLOSED' } }
      expect(await settled).toMatchObject([closed, closed])
      expect(at.runtime.sleeping).toBe(0)
    })

    it('gives loads up though the platform has lost a notice of a turn', async () => {
      const { afterTurn, drop, endTurn } = turns()
      const { users } = await ready({ afterTurn })
      endTurn()
      const settled = Promise.allSettled([users.getOrSet('1', hangs)])
      drop()
      for (let nth = 0; nth < 200; nth++) await users.getOrSet(`short-${nth}`, async () => 'Bob')
      endTurn()
      await at.runtime.advance(2000)
      expect(await settled).toMatchObject([{ reason: { code: 'ERR_LOADER_TIMEOUT' } }])
    })

    it('asks for few of them, however many loads end within one', async () => {
      const { afterTurn } = turns()
      const { users } = await ready({ afterTurn })
      afterTurn.mockClear()
      for (let nth = 0; nth < 6400; nth++) await users.getOrSet(`short-${nth}`, async () => 'Bob')
      // The clock asks for them, too.
      expect(afterTurn.mock.calls.length).toBeLessThan(300)
    })
  })
})
