import { describe, expect, it } from 'vitest'
import { createCache } from '../../../src/index.ts'
import { fakeRuntime, memory } from '../../../src/testing/index.ts'
import { lagPace } from '../../../services/sync/index.ts'
import type { LagPaceOptions } from '../../../services/sync/index.ts'
import { replicate } from '../../../src/replicate/index.ts'

const URL = 'http://sync:9090/lag'

/** A sync whose store reports pressure. */
function told(answer: () => Response | Promise<Response>) {
  const runtime = fakeRuntime()
  const asked: string[] = []
  const pace = lagPace({
    url: URL,
    maxDelay: '2s',
    runtime,
    fetch: async (input) => {
      asked.push(input as string)
      return answer()
    },
  })
  /** How long a write waits, in milliseconds. */
  const wait = async (): Promise<number> => {
    const began = runtime.monotonic()
    let ended: number | undefined
    void pace().then(() => (ended = runtime.monotonic()))
    for (let passed = 0; ended === undefined && passed < 100; passed++) await runtime.advance(100)
    return ended! - began
  }
  return { runtime, pace, wait, asked }
}

describe('The pace of a producer', () => {
  it.each([
    [0, 0],
    [0.5, 1000],
    [1, 2000],
  ])('under a pressure of %d is a wait of %d ms', async (pressure, ms) => {
    expect(await told(() => Response.json({ pressure })).wait()).toBe(ms)
  })

  it('is asked for once in a second, however many write', async () => {
    const { pace, runtime, asked } = told(() => Response.json({ pressure: 0 }))
    await Promise.all(Array.from({ length: 50 }, () => pace()))
    expect(asked).toEqual([URL])
    await runtime.advance(1000)
    await pace()
    expect(asked).toHaveLength(2)
  })

  it.each<[string, () => Response | Promise<Response>]>([
    ['cannot be reached', () => Promise.reject(new Error('connection refused'))],
    ['fails', () => new Response('', { status: 500 })],
    ['says something else', () => Response.json({ pressure: 7 })],
    ['says no JSON', () => new Response('<html>')],
    ['says too much', () => new Response('x'.repeat(200_000))],
  ])('is none where the sync %s', async (_, answer) => {
    expect(await told(answer).wait()).toBe(0)
  })

  it('is none where the sync is silent, after its timeout', async () => {
    expect(await told(() => new Promise(() => undefined)).wait()).toBe(500)
  })

  it('ends with the signal', async () => {
    const { pace, runtime } = told(() => Response.json({ pressure: 1 }))
    const stop = new AbortController()
    const waiting = pace(stop.signal).catch((error: unknown) => error)
    await runtime.advance(100)
    const reason = new Error('enough')
    stop.abort(reason)
    expect(await waiting).toBe(reason)
  })

  it.each([
    [{ url: 'sync' }, /`url`/],
    [{ url: URL, maxDelay: 'soon' }, /`maxDelay`/],
    [{ url: URL, speed: 1 }, /`speed` is not an option of lagPace\(\)/],
  ])('refuses %j', (options, message) => {
    expect(() => lagPace(options as LagPaceOptions)).toThrow(TypeError)
    expect(() => lagPace(options as LagPaceOptions)).toThrow(message)
  })
})

describe('A cache with a pace', () => {
  function paced(pace: (signal: AbortSignal) => Promise<void>) {
    const runtime = fakeRuntime()
    const kafka = memory({ runtime })
    const cache = createCache({ kafka, runtime, use: [replicate({ pace })] })
    const rows = cache.namespace<number>('rows')
    return {
      runtime,
      rows,
      updates: () => kafka.log.offsets('cache-updates', 0).end,
      evictions: () => kafka.log.offsets('cache-evictions', 0).end,
    }
  }

  it('waits before it shares a value, and never before an eviction', async () => {
    const { runtime, rows, updates, evictions } = paced((signal) => runtime.sleep(2000, signal))
    const set = rows.set('a', 1)
    await runtime.advance(1000)
    expect([evictions(), updates()]).toEqual([1, 0])
    await rows.delete('b')
    expect([evictions(), updates()]).toEqual([2, 1])
    await runtime.advance(1000)
    await set
    expect(updates()).toBe(2)
  })

  it('waits for five seconds at most', async () => {
    const { runtime, rows, updates } = paced(() => new Promise(() => undefined))
    const set = rows.set('a', 1)
    await runtime.advance(5000)
    await set
    expect(updates()).toBe(1)
  })

  it('goes on when its pace fails', async () => {
    const { rows, updates } = paced(() => Promise.reject(new Error('broken')))
    await rows.set('a', 1)
    expect(updates()).toBe(1)
  })
})
