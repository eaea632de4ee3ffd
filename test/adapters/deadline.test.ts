import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { answeredWithin } from '../../adapters/deadline.ts'
import { rejection } from './kafka/scripted-fetch.ts'

describe('answeredWithin()', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('resolves with what the work resolves with, and leaves nothing behind', async () => {
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    expect(await answeredWithin(1000, signal, async () => 'done')).toBe('done')
    expect(vi.getTimerCount()).toBe(0)
    expect(remove.mock.calls.length).toBe(add.mock.calls.length)
  })

  it("rejects with the caller's reason where the work turns the abort into something else", async () => {
    const controller = new AbortController()
    const working = rejection(
      answeredWithin(1000, controller.signal, async (signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw new Error('wrapped by the transport')
      }),
    )
    const wrapping = rejection(
      answeredWithin(1000, controller.signal, async () => {
        controller.abort('the reason')
        throw new Error('wrapped by the transport')
      }),
    )
    expect(await wrapping).toBe('the reason')
    expect(await working).toBe('the reason')
  })

  it('rejects as the work does while nothing was aborted', async () => {
    const error = new Error('own')
    expect(await rejection(answeredWithin(1000, undefined, () => Promise.reject(error)))).toBe(error)
  })

  it('does not begin when the signal has ended', async () => {
    const work = vi.fn<() => Promise<void>>()
    expect(await rejection(answeredWithin(1000, AbortSignal.abort('before'), work))).toBe('before')
    expect(work).not.toHaveBeenCalled()
  })
})
