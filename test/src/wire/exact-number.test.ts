import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isDoubleInFull, isHeldByDouble } from '../../../src/wire/exact-number.ts'

const digits = (min: number, max: number) =>
  fc.string({
    unit: fc.constantFrom(...Array.from({ length: 10 }, (_, digit) => String(digit))),
    minLength: min,
    maxLength: max,
  })
/** Any number that JSON can hold. */
const number = fc
  .tuple(
    fc.constantFrom('', '-'),
    digits(1, 40).map((text) => text.replace(/^0+(?=\d)/, '')),
    fc.oneof(
      fc.constant(''),
      digits(1, 25).map((text) => `.${text}`),
    ),
    fc.oneof(
      fc.constant(''),
      fc
        .tuple(fc.constantFrom('e', 'E+', 'e-'), fc.integer({ min: 0, max: 400 }))
        .map(([e, power]) => `${e}${power}`),
    ),
  )
  .map((parts) => parts.join(''))

/** The number in units of 10^-900: exact, and by another way than the one under test. */
function scaled(text: string): bigint {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e')
  const [units = '', fraction = ''] = mantissa.split('.')
  return BigInt(units + fraction) * 10n ** BigInt(900 + Number(power) - fraction.length)
}

describe('a double', () => {
  it('holds a number where it is written down as the same one', () => {
    const held = ['1', '0.1', '1.50', '1.10', '9007199254740992', '1e21', '-0', '0e999', '1E+2']
    expect(held.filter((text) => !isHeldByDouble(text))).toEqual([])
    const others = [
      '9007199254740993',
      '9007199254740993.0',
      '0.10000000000000001',
      '0.1234567890123456789',
      '12345678901234567.89',
      '1e400',
      '1e-400',
      '1e-99999999999999999999',
    ]
    expect(others.filter(isHeldByDouble)).toEqual([])
  })

  it('holds exactly the numbers that come out as they went in', () => {
    fc.assert(
      fc.property(number, (text) => {
        const value = Number(text)
        const comesBack = Number.isFinite(value) && scaled(text) === scaled(String(value))
        expect(isHeldByDouble(text)).toBe(comesBack)
      }),
      { numRuns: 3000 },
    )
  })

  it('may be written in full, where it is a fraction', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 17, max: 40 }),
        (value, most) => {
          const text = value.toPrecision(most)
          if (Number.isInteger(value)) expect(isDoubleInFull(text)).toBe(false)
          else expect([text, isHeldByDouble(text) || isDoubleInFull(text)]).toEqual([text, true])
        },
      ),
    )
    expect(
      ['0.10000000000000001', '0.30000000000000004', '-4.9406564584124654e-324'].filter(isDoubleInFull),
    ).toHaveLength(3)
    expect(
      ['0.1234567890123456789', '9007199254740993', '1152921504606846976', '1e400'].filter(isDoubleInFull),
    ).toEqual([])
  })
})
