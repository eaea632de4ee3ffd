/**
 * Numbers in JSON text that a double does not hold: `JSON.parse` rounds them, and two ids become one.
 *
 * @module
 */

/** Digits that any double keeps (IEEE 754 binary64: `DBL_DIG`), where there is no exponent. */
const KEPT = 15
/** What `toPrecision` can do. */
const MAX_PRECISION = 100

/**
 * The first number that would be another one if it were parsed and printed; `undefined` where all stay what they are.
 * Numbers are compared, not texts: `1.10`, `1e2` and `-0` are fine.
 *
 * @param json valid JSON
 */
export function inexactNumber(json: string): string | undefined {
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at)
    if (char === QUOTE) at = endOfString(json, at)
    else if (char === MINUS || isDigit(char)) {
      const from = at
      while (isOfNumber(json.charCodeAt(at + 1))) at++
      const text = json.slice(from, at + 1)
      if (!isKept(text)) return text
    }
  }
  return undefined
}

const [QUOTE, BACKSLASH, MINUS, PLUS, DOT, ZERO, NINE] = [0x22, 0x5c, 0x2d, 0x2b, 0x2e, 0x30, 0x39] as const

const isDigit = (char: number): boolean => char >= ZERO && char <= NINE
/** Also `e` and `E`. */
const isOfNumber = (char: number): boolean =>
  isDigit(char) || char === DOT || char === MINUS || char === PLUS || (char | 0x20) === 0x65

function endOfString(json: string, start: number): number {
  let at = start + 1
  while (at < json.length && json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1
  return at
}

function isKept(text: string): boolean {
  if (text.length <= KEPT && !/e/i.test(text)) return true
  const value = Number(text)
  if (!Number.isFinite(value)) return false
  const written = decimalOf(text)
  if (same(written, decimalOf(String(value)))) return true
  // A fraction is often written with all 17 digits of its double, `0.10000000000000001`: that is the same double. Whole
  // numbers are ids, and must come out as they came in.
  const { digits, exponent } = written
  if (exponent >= 0 || digits.length > MAX_PRECISION || digits === '') return false
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
