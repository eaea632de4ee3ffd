import { describe, expect, it } from 'vitest'
import { isKedgeError, KedgeError } from '../../../src/ports/errors.ts'

describe('an error of kedge', () => {
  it('is an Error with a name, a code and a message', () => {
    const error = new KedgeError('ERR_TOKEN', 'not a kedge token')

    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe('KedgeError')
    expect(error.code).toBe('ERR_TOKEN')
    expect(String(error)).toBe('KedgeError: not a kedge token')
  })

  it('is not to be repeated unless it says so', () => {
    expect(new KedgeError('ERR_AUTH', 'no').retryable).toBe(false)
    expect(
      new KedgeError('ERR_RATE_LIMITED', 'later', { retryable: true, retryAfterMs: 1500 }),
    ).toMatchObject({
      retryable: true,
      retryAfterMs: 1500,
    })
  })

  it('carries its cause where it has one, also a falsy one, and no such property where it has none', () => {
    const cause = new Error('socket hang up')

    expect(new KedgeError('ERR_NETWORK', 'no answer', { cause }).cause).toBe(cause)
    expect('cause' in new KedgeError('ERR_NETWORK', 'no answer', { cause: undefined })).toBe(true)
    expect('cause' in new KedgeError('ERR_NETWORK', 'no answer')).toBe(false)
  })

  it('serialises without its brand or its stack', () => {
    expect(Object.keys(new KedgeError('ERR_TOKEN', 'x')).toSorted()).toEqual([
      'code',
      'name',
      'retryAfterMs',
      'retryable',
      'version',
    ])
  })
})

describe('telling errors of kedge from others', () => {
  it('recognises its own, subclasses of it, and those of another copy of the package', () => {
    class Narrower extends KedgeError {}
    const foreign = Object.assign(new Error('x'), { [Symbol.for('kedge.error')]: true })

    expect(isKedgeError(new KedgeError('ERR_TOKEN', 'x'))).toBe(true)
    expect(isKedgeError(new Narrower('ERR_TOKEN', 'x'))).toBe(true)
    expect(isKedgeError(foreign)).toBe(true)
  })

  it.each([[new Error('ERR_TOKEN')], [{ code: 'ERR_TOKEN' }], ['ERR_TOKEN'], [null], [undefined], [0]])(
    'does not take %o for one',
    (other) => {
      expect(isKedgeError(other)).toBe(false)
    },
  )
})
