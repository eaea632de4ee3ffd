/** What stands in a key for a value. @module */
import { isLosslessNumber } from 'lossless-json'
import { plainDecimal } from './decimal.ts'

/** Texts, numbers and truths have a text, numbers one with all of their digits; nothing else has, and an empty one is none. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  if (typeof value === 'number') return Number.isFinite(value) ? plainDecimal(String(value)) : undefined
  if (isLosslessNumber(value)) return plainDecimal(value.value)
  return typeof value === 'boolean' || typeof value === 'bigint' ? String(value) : undefined
}
