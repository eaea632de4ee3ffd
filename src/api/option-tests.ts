/** What single options must be: of the core, of features, of adapters. @module */
import { must } from './option-check.ts'
import type { OptionTest } from './option-check.ts'

const isNumber = (value: unknown): boolean => Number.isFinite(value)
export const isText = (value: unknown): boolean => typeof value === 'string'
export const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
export const isFunction = (value: unknown): boolean => typeof value === 'function'
const isDuration = (value: unknown): boolean => isNumber(value) || isText(value)

/** A number of at least 0, or a whole one of at least 1. */
/* @__NO_SIDE_EFFECTS__ */
export function numberTo(most: number, isWhole = false): OptionTest {
  return must(
    (value) =>
      isNumber(value) && value >= Number(isWhole) && value <= most && !(isWhole && !Number.isInteger(value)),
    `must be a ${isWhole ? 'whole number from 1' : 'number from 0'} to ${most}`,
  )
}
/* @__NO_SIDE_EFFECTS__ */
export function countTo(most: number): OptionTest {
  return numberTo(most, true)
}
// Marked one by one: a bundler would keep those that nothing uses.
export const count: OptionTest = countTo(Number.MAX_SAFE_INTEGER)
export const text: OptionTest = /* @__PURE__ */ must(isText, 'must be a string')
export const texts: OptionTest = /* @__PURE__ */ must(isTexts, 'must be an array of strings')
export const truth: OptionTest = /* @__PURE__ */ must(
  (value) => typeof value === 'boolean',
  'must be true or false',
)
export const duration: OptionTest = /* @__PURE__ */ must(isDuration, 'must be a duration')
export const callback: OptionTest = /* @__PURE__ */ must(isFunction, 'must be a function')
export const durationOrCallback: OptionTest = /* @__PURE__ */ must(
  (value) => isDuration(value) || isFunction(value),
  'must be a duration or a function',
)
export const countOrNone: OptionTest = (value) => (value === 0 ? undefined : count(value))
export const durationOrFalse: OptionTest = (value) => (value === false ? undefined : duration(value))
export const signal: OptionTest = /* @__PURE__ */ must(
  (value: unknown) => value instanceof AbortSignal,
  'must be an AbortSignal',
)
