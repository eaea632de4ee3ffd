import { describe, expect, it } from 'vitest'
import type { KedgeEvent } from '../../../src/api/events.ts'
import { RequestScope } from '../../../src/coherence/request-scope.ts'
import { releaseUpdates } from '../../../src/replicate/awaited-updates.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'

function context() {
  const kept: Promise<unknown>[] = []
  return { kept, waitUntil: (promise: Promise<unknown>) => void kept.push(promise) }
}

describe('the token of a request', () => {
  it('is none where nothing was written', () => {
    expect(new RequestScope(fakeRuntime(), undefined, context()).token).toBeUndefined()
  })

  it('stands for every write, and for the token that the request came with', () => {
    const scope = new RequestScope(fakeRuntime(), undefined, context(), 'k1.0-5.1-9')
    expect(scope.token).toBe('k1.0-5.1-9')

    scope.wrote('k1.0-12')
    scope.wrote('k1.2-3')
    scope.wrote('k1.0-7')
    expect(scope.token).toBe('k1.0-12.1-9.2-3')
  })

  it('does not name a partition that is not there, nor one that was written here and in which it lay before', () => {
    const after = 'k1.0-9007199254740991.3-8317.7-5_2-6.4-9'
    const scope = new RequestScope(fakeRuntime(), undefined, context(), after, undefined, 4)
    expect(scope.token).toBe('k1.0-9007199254740991.3-8317_2-6.4-9')

    scope.wrote('k1.0-14_2-3')
    expect(scope.token).toBe('k1.0-14.3-8317_2-3.4-9')
  })

  it('leaves out what was found to be of another log', () => {
    const scope = new RequestScope(fakeRuntime(), undefined, context(), 'k1.0-5.1-9_3-4.4-4~aaa')
    scope.release(0, () => false)
    releaseUpdates(scope, (updates) => updates.has(4))
    expect(scope.token).toBe('k1.0-5.1-9_3-4~aaa')

    scope.release(0, ({ required, log }) => required === 5 && log === 'aaa')
    expect(scope.token).toBe('k1.1-9_3-4~aaa')
    scope.release(1, () => true)
    expect(scope.token).toBeUndefined()
    scope.wrote('k1.0-2~bbb')
    expect(scope.token).toBe('k1.0-2~bbb')
  })

  it('is none for what belongs to no request, which would gather tokens for ever', () => {
    const scope = new RequestScope(fakeRuntime(), undefined)
    scope.wrote('k1.0-12')

    expect(scope.token).toBeUndefined()
  })

  it('is ERR_TOKEN at the start where it is none', () => {
    expect(() => new RequestScope(fakeRuntime(), undefined, context(), 'nonsense')).toThrow(
      expect.objectContaining({ name: 'KedgeError', code: 'ERR_TOKEN' }),
    )
  })
})

describe('what a read in a request must have passed', () => {
  it('is nothing without a token', () => {
    const scope = new RequestScope(fakeRuntime(), undefined, context())

    expect(scope.requires).toBe(false)
    expect(scope.required(0, undefined)).toEqual({ required: 0, log: undefined })
  })

  it('is the further of the request’s token and the call’s, in that partition', () => {
    const scope = new RequestScope(fakeRuntime(), undefined, context(), 'k1.0-5.1-9')

    expect(scope.requires).toBe(true)
    expect(scope.required(0, undefined).required).toBe(5)
    expect(scope.required(0, 'k1.0-7').required).toBe(7)
    expect(scope.required(0, 'k1.0-3').required).toBe(5)
    expect(scope.required(1, 'k1.0-70').required).toBe(9)
    expect(scope.required(2, 'k1.2-4').required).toBe(4)
    expect(scope.required(3, undefined).required).toBe(0)
  })

  it('is of no log that can be passed by its number where the two name different ones', () => {
    const scope = new RequestScope(fakeRuntime(), undefined, context(), 'k1.0-5.1-9~aaa')

    expect(scope.required(0, undefined).log).toBe('aaa')
    expect(scope.required(0, 'k1.0-7').log).toBe('aaa')
    expect(scope.required(0, 'k1.0-7~aaa').log).toBe('aaa')
    expect(scope.required(0, 'k1.0-7~bbb')).toEqual({ required: 7, log: '0' })
    expect(scope.required(2, 'k1.2-7~bbb')).toEqual({ required: 7, log: 'bbb' })
    expect(scope.required(1, 'k1.2-7~bbb')).toEqual({ required: 9, log: 'aaa' })
  })

  it('is ERR_TOKEN where the call’s is none', () => {
    const scope = new RequestScope(fakeRuntime(), undefined, context())

    expect(() => scope.required(0, 'k1.')).toThrow(expect.objectContaining({ code: 'ERR_TOKEN' }))
  })
})

describe('the background work of a request', () => {
  it('is handed to its context, not to the platform', () => {
    const request = context()
    const platform: Promise<unknown>[] = []
    const runtime = {
      ...fakeRuntime(),
      waitUntil: (promise: Promise<unknown>) => void platform.push(promise),
    }
    new RequestScope(runtime, undefined, request).waitUntil(Promise.resolve())

    expect([request.kept.length, platform.length]).toEqual([1, 0])
  })

  it('is handed to the platform where there is no request, and goes on where that has no place for it', async () => {
    const platform: Promise<unknown>[] = []
    const runtime = {
      ...fakeRuntime(),
      waitUntil: (promise: Promise<unknown>) => void platform.push(promise),
    }
    new RequestScope(runtime, undefined).waitUntil(Promise.resolve())
    expect(platform.length).toBe(1)

    const events: KedgeEvent[] = []
    new RequestScope(fakeRuntime(), (event) => void events.push(event)).waitUntil(
      Promise.reject(new Error('mine')),
    )
    await fakeRuntime().settle()
    expect(events).toHaveLength(1)
  })

  it('fails as an event, and never in the hands of the platform', async () => {
    const request = context()
    const events: KedgeEvent[] = []
    const error = new Error('mine')
    new RequestScope(fakeRuntime(), (event) => void events.push(event), request).waitUntil(
      Promise.reject(error),
    )

    await expect(request.kept[0]).resolves.toBeUndefined()
    expect(events).toEqual([{ type: 'background_error', error }])
  })

  it('fails quietly without a listener', async () => {
    const request = context()
    new RequestScope(fakeRuntime(), undefined, request).waitUntil(Promise.reject(new Error('mine')))

    await expect(request.kept[0]).resolves.toBeUndefined()
  })
})
