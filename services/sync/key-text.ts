/** The text of a value in a key. @module */
import { isLosslessNumber } from 'lossless-json'
import { plainDecimal } from './decimal.ts'

/** The text of a text, a number (all of its digits) or a boolean; `undefined` for others and empty texts. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  if (typeof value === 'number') return Number.isFinite(value) ? plainDecimal(String(value)) : undefined
  if (isLosslessNumber(value)) return plainDecimal(value.value)
  return typeof value === 'boolean' || typeof value === 'bigint' ? String(value) : undefined
}
