/**
 * JSON in which no number loses a digit.
 *
 * `JSON.parse` makes doubles of numbers: 9007199254740993 becomes …992, 1.10 becomes 1.1, 1e400 becomes `null` when it is
 * written again. Two ids would become one key. Here a number that a double does not write down as it stood is kept as
 * its text, in a `LosslessNumber`. Most records have none, and are parsed by `JSON.parse`.
 *
 * @module
 */
import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json'
import { json } from '../src/codec.ts'
import type { Codec } from '../src/codec.ts'
import { isHeldByDouble } from './decimal.ts'

/** What bytes were decoded to. */
export interface Decoded {
  readonly value: unknown
  /** Whether there may be numbers in it that are no doubles. */
  readonly exact: boolean
  /** Whether its decoder may have rounded integers of 64 bits. */
  readonly rounds: boolean
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** @throws SyntaxError, or TypeError where it is not UTF-8; KedgeError `ERR_CODEC` where it is nested too deep. */
export function readJson(bytes: Uint8Array): Decoded {
  const value = json.decode(bytes)
  if (hasPlainNumbers(bytes)) return { value, exact: false, rounds: false }
  const options = {
    parseNumber: (text: string) => (isPlain(text) ? Number(text) : new LosslessNumber(text)),
    // As `JSON.parse` has it.
    onDuplicateKey: ({ newValue }: { newValue: unknown }) => newValue,
  }
  return { value: parse(decoder.decode(bytes), undefined, options), exact: true, rounds: false }
}

/** JSON by {@link readJson}, and by `codec` what it detects: whatever is decoded is a {@link Decoded}. */
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

/** The value with doubles wherever they hold the number; where none does, its text stays. */
export function withDoubles(value: unknown): unknown {
  if (isLosslessNumber(value)) return isHeldByDouble(value.value) ? Number(value.value) : value
  if (Array.isArray(value)) return value.map(withDoubles)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withDoubles(inner)]))
}

/** An integer that may have been another one before it became a double; `undefined` where there is none. */
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

/** Whether a double writes it down as it stands. */
const isPlain = (text: string): boolean => String(Number(text)) === text

const [QUOTE, BACKSLASH, MINUS, ZERO, NINE] = [0x22, 0x5c, 0x2d, 0x30, 0x39]
/** A double keeps 15 decimal digits (DBL_DIG), so that shorter integers need not be looked at. */
const SAFE_LENGTH = 15

/** Whether all numbers of a valid JSON text are plain. */
function hasPlainNumbers(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte === QUOTE) {
      for (at++; bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++
    } else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      const from = at
      let digits = true
      while (at + 1 < bytes.length && isOfNumber(bytes[at + 1]!)) {
        at++
        if (bytes[at]! < ZERO || bytes[at]! > NINE) digits = false
      }
      const short = digits && at - from < SAFE_LENGTH && byte !== MINUS
      if (!short && !isPlain(String.fromCharCode(...bytes.subarray(from, Math.min(at + 1, from + 50)))))
        return false
    }
  }
  return true
}

/** A digit, `.`, `+`, `-`, `E` or `e`. */
const isOfNumber = (byte: number): boolean =>
  (byte >= ZERO && byte <= NINE) || byte === 0x2e || byte === 0x2b || byte === MINUS || (byte | 0x20) === 0x65
