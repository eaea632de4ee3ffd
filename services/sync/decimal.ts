/** Numbers as the decimal text that JSON writes them in, of any length. @module */

/** Numbers longer than this are compared as text. */
const MAX_LENGTH = 400
/** Up to so many zeros a number is written out; beyond that with an exponent. */
const MAX_ZEROS = 100
const PARTS = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/**
 * One text for each number: `1.0`, `1` and `10e-1` are `1`, and every digit that counts is there. Two numbers never have
 * the same one.
 */
export function plainDecimal(text: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    (text.length <= MAX_LENGTH && PARTS.exec(text)) || []
  if (sign === undefined) return text
  const all = (whole + fraction).replace(/^0+/, '')
  const digits = all.replace(/0+$/, '')
  if (digits === '') return '0'
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(all.length - digits.length)
  if (power > MAX_ZEROS || power < -MAX_ZEROS) return `${sign}${digits}e${power}`
  const shift = Number(power)
  if (shift >= 0) return sign + digits + '0'.repeat(shift)
  const padded = digits.padStart(1 - shift, '0')
  return `${sign}${padded.slice(0, shift)}.${padded.slice(shift)}`
}
