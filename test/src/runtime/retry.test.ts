import { describe, expect, it, vi } from 'vitest'
import { backoffMs, repeat, retry, pauseMs } from '../../../src/runtime/retry.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'

const BACKOFF = { firstMs: 100, maxMs: 1000 }
const failure = new Error('down')

/** Fails so many times, then says how often it was called. */
function failing(times: number): { readonly call: () => Promise<number>; calls: number } {
  const made = {
    calls: 0,
    call: async () => {
      if (made.calls++ < times) throw failure
      return made.calls
    },
  }
  return made
}

describe('the pause after a failure', () => {
  it('doubles up to its bound, however many failures there were', () => {
    const pauses = [0, 1, 2, 3, 4, 5, 1e6, Infinity].map((failures) => backoffMs(BACKOFF, failures))

    expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000, 1000, 1000])
  })

  it('is between half and all of that where it is random', () => {
    expect([0, 0.5, 0.999].map((random) => backoffMs(BACKOFF, 1, random))).toEqual([100, 150, 199.9])
    expect(backoffMs(BACKOFF, 9, 0)).toBe(500)
  })

  it('is what the failed call asks for, if that is longer, up to a bound', () => {
    const asking = (retryAfterMs?: number) =>
      new KedgeError('ERR_RATE_LIMITED', 'too many', retryAfterMs === undefined ? {} : { retryAfterMs })
    const heeding = { ...BACKOFF, maxAskedMs: 5000 }

    expect(pauseMs(heeding, 0, asking(3000))).toBe(3000)
    expect(pauseMs(heeding, 0, asking(60_000))).toBe(5000)
    expect(pauseMs(heeding, 2, asking(30))).toBe(400)
    expect(pauseMs(heeding, 2, asking(), 0)).toBe(200)
    expect(pauseMs(heeding, 0, Object.assign(new Error('not ours'), { retryAfterMs: 3000 }))).toBe(100)
    expect(pauseMs(BACKOFF, 0, asking(3000))).toBe(100)
  })
})

describe('a retried call', () => {
  it('is called until it succeeds, with the pauses in between', async () => {
    const runtime = fakeRuntime()
    const made = failing(2)
    const asked = vi.fn<(error: unknown, failures: number) => number>((_, failures) =>
      backoffMs(BACKOFF, failures),
    )
    const outcome = retry(runtime, made.call, asked)
    await runtime.advance(99)
    expect(made.calls).toBe(1)
    await runtime.advance(1)
    expect(made.calls).toBe(2)
    await runtime.advance(200)

    expect(await outcome).toBe(3)
    expect(asked.mock.calls).toEqual([
      [failure, 0],
      [failure, 1],
    ])
    expect(runtime.sleeping).toBe(0)
  })

  it('ends with what is thrown instead of a pause', async () => {
    const runtime = fakeRuntime()
    const made = failing(9)
    const outcome = retry(runtime, made.call, (error) => {
      throw error
    })

    await expect(outcome).rejects.toBe(failure)
    expect(made.calls).toBe(1)
  })

  it('ends with the reason of its signal, in a pause or in a call, and leaves no timer', async () => {
    const runtime = fakeRuntime()
    const stop = new AbortController()
    const pausing = expect(retry(runtime, failing(9).call, () => 1000, stop.signal)).rejects.toBe('enough')
    const asked = vi.fn<() => number>(() => 1000)
    const call = async () => {
      await runtime.sleep(10)
      throw new Error('what the call made of its abort')
    }
    const calling = expect(retry(runtime, call, asked, stop.signal)).rejects.toBe('enough')
    await runtime.settle()
    stop.abort('enough')
    await runtime.advance(10)

    await Promise.all([pausing, calling])
    expect(asked).not.toHaveBeenCalled()
    expect(runtime.sleeping).toBe(0)
  })
})

describe('a repeated call', () => {
  it('goes on after each success, counts failures in a row, and resolves when it is aborted', async () => {
    const runtime = fakeRuntime()
    const stop = new AbortController()
    const outcomes = ['bad', 'bad', 'good', 'bad', 'good']
    const counts: number[] = []
    const call = async () => {
      const outcome = outcomes.shift()
      if (outcome === undefined) stop.abort()
      if (outcome === 'bad') throw failure
    }
    const running = repeat(
      runtime,
      call,
      (_, failures) => {
        counts.push(failures)
        return 100
      },
      stop.signal,
    )
    await runtime.advance(1000)

    expect(await running).toBeUndefined()
    expect(outcomes).toEqual([])
    expect(counts).toEqual([0, 1, 0])
  })

  it('resolves also where the abort ends a pause or a call', async () => {
    const runtime = fakeRuntime()
    const stop = new AbortController()
    const pausing = repeat(runtime, failing(9).call, () => 1000, stop.signal)
    const calling = repeat(
      runtime,
      () => runtime.sleep(1000, stop.signal),
      () => 1000,
      stop.signal,
    )
    await runtime.settle()
    stop.abort('enough')

    expect(await Promise.all([pausing, calling])).toEqual([undefined, undefined])
    expect(runtime.sleeping).toBe(0)
  })

  it('is not called under a signal that is aborted', async () => {
    const made = failing(0)
    await repeat(fakeRuntime(), made.call, () => 0, AbortSignal.abort())

    expect(made.calls).toBe(0)
  })

  it('rejects with what is thrown instead of a pause', async () => {
    const { signal } = new AbortController()
    const running = repeat(
      fakeRuntime(),
      failing(1).call,
      (error) => {
        throw error
      },
      signal,
    )

    await expect(running).rejects.toBe(failure)
  })
})
