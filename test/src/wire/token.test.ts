import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import {
  formatToken,
  joinTokens,
  logMark,
  parseToken,
  readToken,
  writeToken,
} from '../../../src/wire/token.ts'

const positions = fc
  .uniqueArray(fc.tuple(fc.nat(999), fc.nat(Number.MAX_SAFE_INTEGER)), {
    minLength: 1,
    maxLength: 16,
    selector: ([partition]) => partition,
  })
  .map((pairs) => new Map(pairs))

const thrownBy = (token: unknown): unknown => {
  try {
    return parseToken(token as string)
  } catch (error) {
    return error
  }
}

describe('a token', () => {
  it('has room for every partition that a cache may have', () => {
    const all = new Map(Array.from({ length: 100 }, (_, partition) => [partition, Number.MAX_SAFE_INTEGER]))
    expect(parseToken(formatToken(all))).toEqual(all)
  })

  it('is written by partition, in ascending order', () => {
    const written = formatToken(
      new Map([
        [10, 7],
        [2, 40],
      ]),
    )

    expect(written).toBe('k1.2-40.10-7')
  })

  it('reads back as the positions it was made of', () => {
    fc.assert(
      fc.property(positions, (each) => {
        expect(parseToken(formatToken(each))).toEqual(each)
      }),
    )
  })

  it('fits a header and a cookie as it stands', () => {
    fc.assert(
      fc.property(positions, (each) => {
        expect(formatToken(each)).toMatch(/^[\w.-]+$/)
        expect(encodeURIComponent(writeToken({ evictions: each, updates: each, log: 'z7z' }))).toMatch(
          /~z7z$/,
        )
      }),
    )
  })

  it('names the log that its positions are of, in short form, where that is known', () => {
    fc.assert(
      fc.property(positions, fc.string(), (evictions, logId) => {
        const log = logMark(logId)
        expect(log).toMatch(/^[\da-z]{1,7}$/)
        expect(log).not.toBe('0')
        const updates = new Map([[1, 2]])
        expect(readToken(writeToken({ evictions, updates, log }))).toEqual({ evictions, updates, log })
      }),
    )
    expect(readToken('k1.0-5_0-3').log).toBeUndefined()
    expect(logMark('abcdefghijklmnopqrstuv')).not.toBe(logMark('abcdefghijklmnopqrstuw'))
  })

  it('counts with the furthest offset where a partition is named twice', () => {
    expect(parseToken('k1.0-9.0-4')).toEqual(new Map([[0, 9]]))
  })

  it.each([
    [''],
    ['k1'],
    ['k1.'],
    ['k1.0'],
    ['k1.0-'],
    ['k1.-1'],
    ['k1.0--1'],
    ['k1.0-1.'],
    ['k1.0-1;x=1'],
    ['k1.0-1\n'],
    ['k2.0-1'],
    [' k1.0-1'],
    ['k1.0-1.5'],
    ['k1.0-1~'],
    ['k1.0-1~A'],
    ['k1.0-1~12345678'],
    ['k1.0-1~a_0-1'],
    ['k1~a'],
    ['k1.0-1e3'],
    ['k1.123456-1'],
    ['k1.0-99999999999999999'],
    [`k1${'.0-1'.repeat(1100)}`],
    [undefined],
    [null],
    [7],
    [{}],
    [['k1.0-1']],
  ])('is refused when it is %j', (token) => {
    expect(thrownBy(token)).toMatchObject({ name: 'KedgeError', code: 'ERR_TOKEN', retryable: false })
  })

  it('is refused when its offset is beyond what a number can hold exactly', () => {
    expect(parseToken('k1.0-9007199254740991')).toEqual(new Map([[0, Number.MAX_SAFE_INTEGER]]))
    expect(thrownBy('k1.0-9007199254740992')).toMatchObject({ code: 'ERR_TOKEN' })
  })

  it('is refused without being repeated in the message', () => {
    expect((thrownBy('k1.s3cret') as Error).message).not.toContain('s3cret')
  })
})

describe('joined tokens', () => {
  it('stand for each of them: no position is lower than in any', () => {
    fc.assert(
      fc.property(fc.array(positions, { minLength: 1, maxLength: 4 }), (all) => {
        const joined = parseToken(joinTokens(...all.map(formatToken))!)
        for (const one of all)
          for (const [partition, offset] of one) expect(joined.get(partition)).toBeGreaterThanOrEqual(offset)
        for (const [partition, offset] of joined)
          expect(all.some((one) => one.get(partition) === offset)).toBe(true)
      }),
    )
  })

  it('name the log of both; of several logs none, so that no reader takes their numbers as passed', () => {
    expect(joinTokens('k1.0-5~aaa', 'k1.0-7')).toBe('k1.0-7~aaa')
    expect(joinTokens('k1.0-5', 'k1.1-7~aaa')).toBe('k1.0-5.1-7~aaa')
    expect(joinTokens('k1.0-5~aaa', 'k1.1-7~aaa')).toBe('k1.0-5.1-7~aaa')
    expect(joinTokens('k1.0-5~aaa', 'k1.0-7~bbb')).toBe('k1.0-7~0')
    expect(joinTokens('k1.0-5~aaa', 'k1.0-7~bbb', 'k1.1-1~aaa')).toBe('k1.0-7.1-1~0')
  })

  it('leave out what is no token yet, and are none where nothing is left', () => {
    expect(joinTokens(undefined, 'k1.0-5', undefined)).toBe('k1.0-5')
    expect(joinTokens(undefined)).toBeUndefined()
    expect(joinTokens()).toBeUndefined()
  })

  it('are refused when one of them is not a token', () => {
    expect(() => joinTokens('k1.0-5', 'nonsense')).toThrow(expect.objectContaining({ code: 'ERR_TOKEN' }))
  })
})
