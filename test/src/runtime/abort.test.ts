import { describe, expect, it, vi } from 'vitest'
import { eitherSignal, onAbort, untilAborted } from '../../../src/runtime/abort.ts'

/** How many listeners of the signal were added, less those that were removed. */
function counted(signal: AbortSignal): { readonly listening: number } {
  const add = vi.spyOn(signal, 'addEventListener')
  const remove = vi.spyOn(signal, 'removeEventListener')
  return {
    get listening() {
      return add.mock.calls.length - remove.mock.calls.length
    },
  }
}

describe('listening to an abort', () => {
  it('is called once, with the reason', () => {
    const controller = new AbortController()
    const heard = vi.fn<(reason: unknown) => void>()
    onAbort(controller.signal, heard)
    expect(heard).not.toHaveBeenCalled()
    controller.abort('enough')

    expect(heard.mock.calls).toEqual([['enough']])
  })

  it('is called at once where the signal is aborted already', () => {
    const heard = vi.fn<(reason: unknown) => void>()
    onAbort(AbortSignal.abort('before'), heard)

    expect(heard.mock.calls).toEqual([['before']])
  })

  it('ends, and leaves no listener', () => {
    const controller = new AbortController()
    const seen = counted(controller.signal)
    const heard = vi.fn<(reason: unknown) => void>()
    const off = onAbort(controller.signal, heard)
    expect(seen.listening).toBe(1)
    off()
    controller.abort('too late')

    expect(heard).not.toHaveBeenCalled()
    expect(seen.listening).toBe(0)
  })

  it('to no signal is never called', () => {
    const heard = vi.fn<(reason: unknown) => void>()
    onAbort(undefined, heard)()

    expect(heard).not.toHaveBeenCalled()
  })
})

describe('a task under a signal', () => {
  const never = () => new Promise<never>(() => undefined)

  it('rejects with the reason of its signal, though it ignores it', async () => {
    const controller = new AbortController()
    const ended = untilAborted(controller.signal, never)
    controller.abort('enough')

    await expect(ended).rejects.toBe('enough')
  })

  it('does not begin where its signal is aborted', async () => {
    const task = vi.fn<() => Promise<never>>(never)

    await expect(untilAborted(AbortSignal.abort('before'), task)).rejects.toBe('before')
    expect(task).not.toHaveBeenCalled()
  })

  it('settles as it does, and leaves no listener', async () => {
    const { signal } = new AbortController()
    const seen = counted(signal)
    const thrown = new Error('mine')

    expect(await untilAborted(signal, async () => 42)).toBe(42)
    await expect(untilAborted(signal, () => Promise.reject(thrown))).rejects.toBe(thrown)
    const atOnce = () => {
      throw thrown
    }
    await expect(untilAborted(signal, atOnce)).rejects.toBe(thrown)
    expect(seen.listening).toBe(0)
  })
})

describe('a signal that others end', () => {
  it.each([[0], [1]])('is aborted by number %i of two, with its reason itself', (which) => {
    const others = [new AbortController(), new AbortController()]
    const reason = { why: which }
    const { signal } = eitherSignal(...others.map((other) => other.signal))
    expect(signal.aborted).toBe(false)
    others[which]!.abort(reason)
    others[1 - which]!.abort('later')

    expect(signal.reason).toBe(reason)
  })

  it('is aborted from the start where one of the others is', () => {
    const { signal } = eitherSignal(undefined, AbortSignal.abort('before'), new AbortController().signal)

    expect(signal.reason).toBe('before')
  })

  it('is aborted by itself, and the others are not', () => {
    const other = new AbortController()
    const own = eitherSignal(other.signal)
    own.abort('mine')

    expect(own.signal.reason).toBe('mine')
    expect(other.signal.aborted).toBe(false)
  })

  it('leaves no listener when it is done, and hears nothing any more', () => {
    const others = [new AbortController(), new AbortController()]
    const seen = others.map(({ signal }) => counted(signal))
    const own = eitherSignal(...others.map(({ signal }) => signal))
    expect(seen.map(({ listening }) => listening)).toEqual([1, 1])
    own.done()
    for (const other of others) other.abort()

    expect(own.signal.aborted).toBe(false)
    expect(seen.map(({ listening }) => listening)).toEqual([0, 0])
  })

  it('is made when it is first read: aborted then, where it has ended before', () => {
    const made = vi.spyOn(globalThis, 'AbortController')
    try {
      const [ended, going] = [eitherSignal(), eitherSignal()]
      ended.abort('before')
      going.done()
      expect(made).not.toHaveBeenCalled()

      expect(ended.signal.reason).toBe('before')
      expect(ended.signal).toBe(ended.signal)
      expect(going.signal.aborted).toBe(false)
      expect(made).toHaveBeenCalledTimes(2)
    } finally {
      made.mockRestore()
    }
  })

  it('says its end to its own listener first, with the first reason, and at once where it has ended', () => {
    const own = eitherSignal()
    const heard: unknown[] = []
    own.signal.addEventListener('abort', () => heard.push('signal'))
    own.onEnd((reason) => heard.push(reason))
    own.abort('first')
    own.abort('second')
    own.onEnd((reason) => heard.push(`late: ${String(reason)}`))

    expect(heard).toEqual(['first', 'signal', 'late: first'])
  })
})
