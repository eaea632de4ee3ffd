/**
 * What fields of messages must be, and which messages are this package's own.
 *
 * By hand and not by schemas: to decode an eviction, check it and apply it takes a few microseconds, of which a schema
 * would take the most, and more where a platform allows no code that is made at run time (decision 111).
 *
 * @module
 */
import { isId, MAX_IDS } from './ids.ts'

/** Whether a value that a stranger has sent is what it should be. */
export type Test = (value: unknown) => boolean

export const isNumber = (value: unknown): value is number => Number.isFinite(value)
export const isPositive: Test = (value) => isNumber(value) && value > 0
/** Milliseconds since the epoch. */
export const isMoment: Test = (value) => isNumber(value) && value >= 0
export const isOffset: Test = (value) => isMoment(value) && Number.isSafeInteger(value)
/** The version of a row. Beyond a safe integer two versions may be one number, and none could ever follow the last. */
export const isVersion = (value: unknown): value is number => Number.isSafeInteger(value)
/** The name of a log, of a cache, of an intent or of a write. */
export const isName = (value: unknown): value is string => typeof value === 'string' && value.length <= 64
export const isIds = (value: unknown): value is readonly string[] => isList(value, isId)
/** Those of a value: there may be none. */
export const isTags: Test = (value) => isIds(value) || (Array.isArray(value) && value.length === 0)

/* @__NO_SIDE_EFFECTS__ */
export function is(one: unknown): Test {
  return (value) => value === one
}

/* @__NO_SIDE_EFFECTS__ */
export function optional(test: Test): Test {
  return (value) => value === undefined || test(value)
}

/** A list of at least one, and of no more than a message may have. */
export function isList<T>(value: unknown, test: (each: unknown) => each is T): value is readonly T[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_IDS) return false
  for (const each of value) if (!test(each)) return false
  return true
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a value is an object with these fields. It may have others: a later release writes them. */
/* @__NO_SIDE_EFFECTS__ */
export function shape<T>(fields: { readonly [name in keyof Required<T>]: Test }): (
  value: unknown,
) => value is T {
  const tests = Object.entries<Test>(fields)
  return (value): value is T => {
    if (!isObject(value)) return false
    for (const [name, test] of tests) if (!test(value[name])) return false
    return true
  }
}

/** A message that carries a version is kedge's own, perhaps of a later release: never a simple one. */
export const isOwn = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'v' in message && 'op' in message
