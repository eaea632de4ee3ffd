import { describe, expect, it, vi } from 'vitest'
import { sleep, startTimer, systemRuntime } from '../../../src/ports/runtime.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'

describe('a timer that can be stopped', () => {
  it.each([
    ['the platform’s own', { sleep }],
    [
      'that of a runtime with a sleep of its own',
      systemRuntime({ sleep: (ms, signal) => sleep(ms, signal) }),
    ],
  ])('calls its task after the time, by the timer of %s', async (_, runtime) => {
    vi.useFakeTimers()
    try {
      const task = vi.fn<() => void>()
      startTimer(runtime, 1000, task)
      await vi.advanceTimersByTimeAsync(999)
      expect(task).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(1)

      expect(task).toHaveBeenCalledTimes(1)
    } finally {
      vi.useRealTimers()
    }
  })

  it.each([
    ['the platform’s own', { sleep }],
    [
      'that of a runtime with a sleep of its own',
      systemRuntime({ sleep: (ms, signal) => sleep(ms, signal) }),
    ],
  ])('is stopped, and leaves no timer, by the timer of %s', async (_, runtime) => {
    vi.useFakeTimers()
    try {
      const task = vi.fn<() => void>()
      startTimer(runtime, 1000, task)()
      expect(vi.getTimerCount()).toBe(0)
      await vi.advanceTimersByTimeAsync(5000)

      expect(task).not.toHaveBeenCalled()
    } finally {
      vi.useRealTimers()
    }
  })

  it('is that of a runtime, where it has one of its own', async () => {
    const runtime = fakeRuntime()
    const task = vi.fn<() => void>()
    const stop = startTimer(runtime, 1000, task)
    startTimer(runtime, 2000, task)
    expect(runtime.sleeping).toBe(2)
    stop()
    await runtime.advance(2000)

    expect(task).toHaveBeenCalledTimes(1)
  })

  it('does not fire at once where the time is longer than a timer can hold', async () => {
    vi.useFakeTimers()
    try {
      const task = vi.fn<() => void>()
      const stop = startTimer({ sleep }, 2 ** 40, task)
      await vi.advanceTimersByTimeAsync(60_000)
      stop()

      expect(task).not.toHaveBeenCalled()
    } finally {
      vi.useRealTimers()
    }
  })
})
