/**
 * Which numbers of JSON pass through a double unchanged. `JSON.parse` rounds the others, and two ids become one.
 *
 * @module
 */

/** Digits that any double keeps (IEEE 754 binary64: `DBL_DIG`), where there is no exponent. */
const KEPT = 15
/** What `toPrecision` can do. */
const MAX_PRECISION = 100
const ZERO = 0x30

/**
 * Whether a double that is written down again is the same number: `1.10`, `1e2` and `-0` are.
 *
 * @param text a number as JSON writes it
 */
export function isHeldByDouble(text: string): boolean {
  if (text.length <= KEPT && !/e/i.test(text)) return true
  const value = Number(text)
  return Number.isFinite(value) && same(decimalOf(text), decimalOf(String(value)))
}

/**
 * Whether it is a fraction with more digits of its double than JavaScript writes, `0.10000000000000001`: another number, and
 * the same double. Never a whole number: they are ids, and must come out as they came in.
 *
 * @param text a number as JSON writes it
 */
export function isDoubleInFull(text: string): boolean {
  const value = Number(text)
  const written = decimalOf(text)
  const { digits, exponent } = written
  if (!Number.isFinite(value) || exponent >= 0 || digits === '' || digits.length > MAX_PRECISION) return false
  return same(written, decimalOf(value.toPrecision(digits.length)))
}

/** `digits × 10^exponent`, without zeros at either end of the digits. */
interface Decimal {
  readonly negative: boolean
  readonly digits: string
  readonly exponent: number
}

const same = (a: Decimal, b: Decimal): boolean =>
  a.digits === b.digits && (a.digits === '' || (a.exponent === b.exponent && a.negative === b.negative))

function decimalOf(text: string): Decimal {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e')
  const negative = mantissa.startsWith('-')
  const [whole = '', fraction = ''] = (negative ? mantissa.slice(1) : mantissa).split('.')
  const all = whole + fraction
  // By hand: a pattern for zeros at the end takes a time that grows with the square of a stranger's text.
  let from = 0
  while (all.charCodeAt(from) === ZERO) from++
  let to = all.length
  while (to > from && all.charCodeAt(to - 1) === ZERO) to--
  return {
    negative,
    digits: all.slice(from, to),
    exponent: Number(power) - fraction.length + (all.length - to),
  }
}
