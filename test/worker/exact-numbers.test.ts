import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inexactNumber } from '../../worker/exact-numbers.ts'

/** A number of JSON as its digits and their place: compared exactly, in whole numbers. */
function rational(text: string): readonly [numerator: bigint, power: bigint] {
  const [, sign, whole, fraction = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!
  return [BigInt(`${sign}${whole}${fraction}`), BigInt(power) - BigInt(fraction.length)]
}

function isEqual(one: string, other: string): boolean {
  const [[a, p], [b, q]] = [rational(one), rational(other)]
  const least = p < q ? p : q
  return a * 10n ** (p - least) === b * 10n ** (q - least)
}

const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((all) => all.join(''))
const whole = digits(1, 30).map((text) => BigInt(text).toString())
const token = fc
  .tuple(
    fc.constantFrom('', '-'),
    whole,
    fc.option(
      digits(1, 25).map((text) => `.${text}`),
      { nil: '' },
    ),
    fc.option(
      fc
        .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 40 }))
        .map((all) => all.join('')),
      { nil: '' },
    ),
  )
  .map((all) => all.join(''))

describe('a number of JSON', () => {
  it.each([
    ['9007199254740993', 'one more than a double counts to'],
    ['-9007199254740993', 'and below'],
    ['1152921504606846976', 'a double, which prints as another number'],
    ['12345678901234567.89', 'a fraction that is cut'],
    ['1e400', 'more than there is'],
    ['1e-400', 'nothing, and not quite'],
    ['123456789012345678901234567890', 'thirty digits'],
    ['9007199254740993.0', 'a whole number with a point'],
    ['9007199254740993e0', 'and with an exponent'],
  ])('%s is found (%s)', (text) => {
    expect(inexactNumber(text)).toBe(text)
    expect(inexactNumber(`{"id":[true,${text}]}`)).toBe(text)
  })

  it.each([
    '0',
    '-0',
    '1.10',
    '1e2',
    '1E+2',
    '100000000000000000000',
    '1.5e300',
    '0.1',
    '0.30000000000000004',
    '9007199254740992',
    '0.10000000000000001',
    '4.9E-324',
    '0e999',
    '0.000000000000000000000',
  ])('%s is fine', (text) => {
    expect(inexactNumber(text)).toBeUndefined()
  })

  it('is found exactly where it would come out as another one', () => {
    fc.assert(
      fc.property(token, (text) => {
        const value = Number(text)
        const comesBack = Number.isFinite(value) && isEqual(text, String(value))
        if (comesBack) expect(inexactNumber(text)).toBeUndefined()
        // Of the others only fractions may pass, and only as one of the ways to write that double.
        else if (inexactNumber(text) === undefined) {
          const [numerator, power] = rational(text)
          expect(power < 0n && numerator % 10n ** -power !== 0n).toBe(true)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('never becomes the same as another one: two ids stay two', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
        fc.integer({ min: 1, max: 3 }),
        (id, apart) => {
          const [one, other] = [String(id), String(id + BigInt(apart))]
          const kept = [one, other].filter((text) => inexactNumber(text) === undefined)
          expect(new Set(kept.map((text) => JSON.stringify(JSON.parse(text)))).size).toBe(kept.length)
          for (const text of kept) expect(BigInt(Number(text))).toBe(BigInt(text))
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('is not looked for within texts and names', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.constant('9007199254740993'), fc.integer())),
        (value) => {
          expect(inexactNumber(JSON.stringify(value))).toBeUndefined()
        },
      ),
    )
    expect(inexactNumber('{"a\\"9007199254740993":"\\\\","b":9007199254740993}')).toBe('9007199254740993')
  })

  it('of a million digits is found as fast as any', () => {
    for (const text of [`1${'0'.repeat(1_000_000)}1`, `0.${'0'.repeat(1_000_000)}1`]) {
      const before = process.cpuUsage().user
      expect(inexactNumber(text)).toBe(text)
      expect((process.cpuUsage().user - before) / 1000).toBeLessThan(1000)
    }
  })
})
