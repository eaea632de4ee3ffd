/**
 * Numbers in JSON text that a double does not hold: `JSON.parse` rounds them, and two ids become one (decision 104).
 *
 * @module
 */
import { isDoubleInFull, isHeldByDouble } from '../src/wire/exact-number.ts'

/**
 * The first number that would be another one if it were parsed and printed; `undefined` where all stay what they are.
 * Numbers are compared, not texts: `1.10`, `1e2` and `-0` are fine. So is a fraction in the 17 digits of its double, as C's
 * `%.17g` writes it: refusing it would turn away whole answers of such a client for nothing.
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
      if (!isHeldByDouble(text) && !isDoubleInFull(text)) return text
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
