import { describe, expect, it, vi } from 'vitest'
import { settledWithin, withDeadline } from '../../../src/runtime/deadline.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'

const tooLate = new Error('too late')
const expired = () => tooLate
const never = () => new Promise<never>(() => undefined)

/** What has become of the promise so far. */
function watch(promise: Promise<unknown>): { outcome: unknown } {
  const seen: { outcome: unknown } = { outcome: 'pending' }
  promise.then(
    (value) => (seen.outcome = { value }),
    (error: unknown) => (seen.outcome = { error }),
  )
  return seen
}

describe('a task with a deadline', () => {
  it('resolves with what the task resolves with, and leaves no timer', async () => {
    const runtime = fakeRuntime()

    expect(await withDeadline(runtime, 1000, expired, async () => 42)).toBe(42)
    await runtime.settle()
    expect(runtime.sleeping).toBe(0)
  })

  it('rejects with what the task throws, at once or later, and leaves no timer', async () => {
    const runtime = fakeRuntime()
    const thrown = new Error('mine')

    await expect(withDeadline(runtime, 1000, expired, () => Promise.reject(thrown))).rejects.toBe(thrown)
    const atOnce = () => {
      throw thrown
    }
    await expect(withDeadline(runtime, 1000, expired, atOnce)).rejects.toBe(thrown)
    await runtime.settle()
    expect(runtime.sleeping).toBe(0)
  })

  it('is given up at its deadline, not before, though it ignores its signal', async () => {
    const runtime = fakeRuntime()
    const seen = watch(withDeadline(runtime, 1000, expired, never))

    await runtime.advance(999)
    expect(seen.outcome).toBe('pending')
    await runtime.advance(1)
    await runtime.settle()
    expect(seen.outcome).toEqual({ error: tooLate })
    expect(runtime.sleeping).toBe(0)
  })

  it('has its signal aborted with the same error', async () => {
    const runtime = fakeRuntime()
    let signal: AbortSignal | undefined
    const seen = watch(
      withDeadline(runtime, 1000, expired, (given) => {
        signal = given
        return never()
      }),
    )
    await runtime.advance(1000)

    expect(signal?.reason).toBe(tooLate)
    expect(seen.outcome).toEqual({ error: tooLate })
  })

  it('rejects with the deadline also where the task makes something else of its signal', async () => {
    const runtime = fakeRuntime()
    const seen = watch(
      withDeadline(
        runtime,
        1000,
        expired,
        (signal) =>
          new Promise((resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('wrapped')))
            signal.addEventListener('abort', () => resolve(42))
          }),
      ),
    )
    await runtime.advance(1000)
    await runtime.settle()

    expect(seen.outcome).toEqual({ error: tooLate })
  })

  it('does not abort the signal of a task that was in time', async () => {
    const runtime = fakeRuntime()
    let signal: AbortSignal | undefined
    await withDeadline(runtime, 1000, expired, async (given) => void (signal = given))
    await runtime.advance(5000)

    expect(signal?.aborted).toBe(false)
  })

  it('makes its error only when it is needed', async () => {
    const runtime = fakeRuntime()
    const make = vi.fn<() => unknown>(expired)
    await withDeadline(runtime, 1000, make, async () => 42)
    await runtime.advance(5000)

    expect(make).not.toHaveBeenCalled()
  })

  it.each([[new Error('gone')], [{ not: 'an error' }], ['text'], [0]])(
    'ends with its parent, by the reason %o itself',
    async (reason) => {
      const runtime = fakeRuntime()
      const parent = new AbortController()
      let signal: AbortSignal | undefined
      const seen = watch(
        withDeadline(
          runtime,
          1000,
          expired,
          (given) => {
            signal = given
            return never()
          },
          parent.signal,
        ),
      )
      parent.abort(reason)
      await runtime.settle()

      expect(seen.outcome).toEqual({ error: reason })
      expect((seen.outcome as { error: unknown }).error).toBe(reason)
      expect(signal?.reason).toBe(reason)
      expect(runtime.sleeping).toBe(0)
    },
  )

  it('does not begin under a parent that is aborted', async () => {
    const runtime = fakeRuntime()
    const task = vi.fn<() => Promise<never>>(never)
    const reason = new Error('gone')

    await expect(withDeadline(runtime, 1000, expired, task, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(task).not.toHaveBeenCalled()
    expect(runtime.sleeping).toBe(0)
  })

  it('does not mind a parent that is aborted after it ended, and does not listen to it any more', async () => {
    const runtime = fakeRuntime()
    const parent = new AbortController()
    const added = vi.spyOn(parent.signal, 'addEventListener')
    const removed = vi.spyOn(parent.signal, 'removeEventListener')
    let signal: AbortSignal | undefined
    await withDeadline(runtime, 1000, expired, async (given) => void (signal = given), parent.signal)
    parent.abort()

    expect(signal?.aborted).toBe(false)
    expect(added).toHaveBeenCalledTimes(1)
    expect(removed).toHaveBeenCalledTimes(1)
  })

  it('ends by the reason of its parent where the task fails, or throws, in the same turn', async () => {
    const runtime = fakeRuntime()
    const [parent, other] = [new AbortController(), new AbortController()]
    const fails = withDeadline(
      runtime,
      1000,
      expired,
      async () => {
        parent.abort('the reason')
        throw new Error('wrapped by the transport')
      },
      parent.signal,
    )
    await expect(fails).rejects.toBe('the reason')
    const throws = withDeadline(
      runtime,
      1000,
      expired,
      () => {
        other.abort('the reason')
        throw new Error('wrapped by the transport')
      },
      other.signal,
    )
    await expect(throws).rejects.toBe('the reason')
  })

  it('keeps to its first reason', async () => {
    const runtime = fakeRuntime()
    const parent = new AbortController()
    const seen = watch(withDeadline(runtime, 1000, expired, never, parent.signal))
    await runtime.advance(1000)
    parent.abort(new Error('gone'))
    await runtime.settle()

    expect(seen.outcome).toEqual({ error: tooLate })
  })
})

describe('waiting for a promise', () => {
  it('returns true when the promise settled in time, whichever way', async () => {
    const runtime = fakeRuntime()

    expect(await settledWithin(runtime, Promise.resolve(42), 1000)).toBe(true)
    expect(await settledWithin(runtime, Promise.reject(new Error('mine')), 1000)).toBe(true)
    await runtime.settle()
    expect(runtime.sleeping).toBe(0)
  })

  it('returns false when the time is over', async () => {
    const runtime = fakeRuntime()
    const seen = watch(settledWithin(runtime, never(), 1000))
    await runtime.advance(999)
    expect(seen.outcome).toBe('pending')
    await runtime.advance(1)
    await runtime.settle()

    expect(seen.outcome).toEqual({ value: false })
    expect(runtime.sleeping).toBe(0)
  })

  it('rejects with the reason of its signal itself, and leaves no timer', async () => {
    const runtime = fakeRuntime()
    const controller = new AbortController()
    const reason = { why: 'enough' }
    const waited = settledWithin(runtime, never(), 1000, controller.signal)
    controller.abort(reason)

    await expect(waited).rejects.toBe(reason)
    await runtime.settle()
    expect(runtime.sleeping).toBe(0)
    await expect(settledWithin(runtime, Promise.resolve(), 1000, controller.signal)).rejects.toBe(reason)
  })

  it('lets the promise go on, and its late failure is no unhandled rejection', async () => {
    const runtime = fakeRuntime()
    let fail: (error: Error) => void = () => undefined
    const promise = new Promise<void>((_, reject) => (fail = reject))
    const seen = watch(settledWithin(runtime, promise, 10))
    await runtime.advance(10)
    await runtime.settle()
    fail(new Error('late'))
    await runtime.settle()

    expect(seen.outcome).toEqual({ value: false })
  })

  it('without end takes no timer', async () => {
    const runtime = fakeRuntime()
    const controller = new AbortController()
    const waited = settledWithin(runtime, never(), Infinity, controller.signal)
    await runtime.settle()
    expect(runtime.sleeping).toBe(0)
    controller.abort('done')

    await expect(waited).rejects.toBe('done')
  })
})
