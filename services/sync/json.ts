/**
 * JSON in which no number loses a digit.
 *
 * `JSON.parse` makes doubles of numbers: 9007199254740993 becomes …992, 1.10 becomes 1.1, 1e400 becomes `null` when it is
 * written again. Two ids would become one key. Here a number that a double does not write down as it stood is kept as
 * its text, in a `LosslessNumber`. Most records have none, and are parsed by
 * `JSON.parse` (decision 85).
 *
 * @module
 */
import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json'
import { json } from '../../src/wire/codec.ts'
import type { Codec } from '../../src/wire/codec.ts'
import { isHeldByDouble } from '../../src/wire/exact-number.ts'

/** A decoded value. */
export interface Decoded {
  readonly value: unknown
  /** Whether there may be numbers in it that are no doubles. */
  readonly exact: boolean
  /** Whether the decoder may have rounded 64-bit integers. */
  readonly rounds: boolean
}

const decoder = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

/** @throws SyntaxError, or TypeError where it is not UTF-8; KedgeError `ERR_CODEC` where it is nested too deep. */
export function readJson(bytes: Uint8Array): Decoded {
  const text = decoder.decode(bytes)
  const numbers: string[] = []
  const marked = withMarks(text, numbers)
  if (numbers.length === 0) return { value: json.decode(bytes), exact: false, rounds: false }
  const value = OWN_MARK.test(text)
    ? parse(text, undefined, { parseNumber, onDuplicateKey: ({ newValue }) => newValue })
    : unmarked(json.decode(encoder.encode(marked)), numbers)
  return { value, exact: true, rounds: false }
}

/** JSON by {@link readJson}, and by `codec` the formats that it detects. Each decoded value is a {@link Decoded}. */
export const exactCodec = (codec: Codec | undefined): Codec => ({
  ...json,
  name: (codec ?? json).name,
  detects: () => true,
  decode: (bytes): Decoded =>
    codec !== undefined && codec !== json && codec.detects(bytes)
      ? { value: codec.decode(bytes), exact: false, rounds: true }
      : readJson(bytes),
})

/** The JSON of a value, with its numbers as they stood; `undefined` where it has none. */
export const writeJson = (value: unknown): string | undefined => stringify(value)

/** The value with doubles wherever a double holds the number exactly; other numbers stay text. */
export function withDoubles(value: unknown): unknown {
  if (isLosslessNumber(value)) return isHeldByDouble(value.value) ? Number(value.value) : value
  if (Array.isArray(value)) return value.map(withDoubles)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withDoubles(inner)]))
}

/** An integer that the decoder may have rounded to a double; `undefined` where there is none. */
export function roundedIn(value: unknown): number | undefined {
  if (typeof value === 'number')
    return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) <= 2 ** 64
      ? value
      : undefined
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined
  for (const inner of Object.values(value)) {
    const found = roundedIn(inner)
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether a double prints the same text. */
const isPlain = (text: string): boolean => String(Number(text)) === text

const parseNumber = (text: string) => (isPlain(text) ? Number(text) : new LosslessNumber(text))

/** Begins a text that stands in the place of a number, so that `JSON.parse` does the work. */
const MARK = '\uE000'
/** The mark as it may occur in the input, plain or escaped. */
const OWN_MARK = /\uE000|\\ue000/i
const [QUOTE, BACKSLASH, MINUS, ZERO, NINE] = [0x22, 0x5c, 0x2d, 0x30, 0x39]
/** A double keeps 15 decimal digits (DBL_DIG), so that shorter whole numbers need not be looked at. */
const SAFE_LENGTH = 15
/** RFC 8259, 6, and what follows it: in the place of a name it would be no JSON, and as a text it would. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const IS_NAME = /\s*:/y

/** The text with a mark for each number that is not plain. Invalid JSON stays invalid. */
function withMarks(text: string, numbers: string[]): string {
  let marked = ''
  let copied = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) {
      for (at++; at < text.length && text.charCodeAt(at) !== QUOTE; at++)
        if (text.charCodeAt(at) === BACKSLASH) at++
    } else if (unit === MINUS || (unit >= ZERO && unit <= NINE)) {
      const from = at
      let digits = unit !== MINUS
      while (at + 1 < text.length && isOfNumber(text.charCodeAt(at + 1))) {
        at++
        if (text.charCodeAt(at) < ZERO || text.charCodeAt(at) > NINE) digits = false
      }
      if (digits && at - from < SAFE_LENGTH) continue
      const number = text.slice(from, at + 1)
      if (isPlain(number) || !NUMBER.test(number)) continue
      IS_NAME.lastIndex = at + 1
      if (IS_NAME.test(text)) continue
      marked += `${text.slice(copied, from)}"${MARK}${numbers.length}"`
      numbers.push(number)
      copied = at + 1
    }
  }
  return marked + text.slice(copied)
}

/** A digit, `.`, `+`, `-`, `E` or `e`. */
const isOfNumber = (unit: number): boolean =>
  (unit >= ZERO && unit <= NINE) || unit === 0x2e || unit === 0x2b || unit === MINUS || (unit | 0x20) === 0x65

/** The value with each mark replaced by its number. Changes the parsed value in place. */
function unmarked(value: unknown, numbers: readonly string[]): unknown {
  if (typeof value === 'string')
    return value.startsWith(MARK) ? new LosslessNumber(numbers[Number(value.slice(1))]!) : value
  if (typeof value !== 'object' || value === null) return value
  for (const [name, inner] of Object.entries(value)) {
    const meant = unmarked(inner, numbers)
    // An assignment to `__proto__` would set the prototype, not a field.
    if (meant !== inner) Object.defineProperty(value, name, { value: meant, ...FIELD })
  }
  return value
}

const FIELD = { writable: true, enumerable: true, configurable: true } as const
