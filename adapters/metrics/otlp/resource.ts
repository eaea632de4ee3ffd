/** What a process says of itself: the attributes of OTLP's resource. @module */
import type { OptionTest } from '../../../src/api/option-check.ts'

const MAX_ATTRIBUTES = 64
const MAX_TEXT = 256

const isAttribute = ([name, value]: [string, unknown]): boolean => {
  if (name === '' || name.length > MAX_TEXT) return false
  if (typeof value === 'string') return value.length <= MAX_TEXT
  return typeof value === 'boolean' || Number.isFinite(value)
}

/** Attributes by name. Every push has all of them. */
export const resourceOption: OptionTest = (value) => {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const entries = isObject ? Object.entries(value) : undefined
  return entries !== undefined && entries.length <= MAX_ATTRIBUTES && entries.every(isAttribute)
    ? undefined
    : `must be an object of at most ${MAX_ATTRIBUTES} texts of ${MAX_TEXT} characters, numbers or truth values`
}
