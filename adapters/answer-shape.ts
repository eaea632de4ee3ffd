/**
 * What strangers answer, checked by hand (decision 115): the first thing that is wrong ends the check, and the error names
 * its place and never its value.
 *
 * @module
 */
import { type Fault, must, type OptionTest, within } from '../src/api/option-check.ts'
import { text as textTest } from '../src/api/option-tests.ts'
import { KedgeError } from '../src/ports/errors.ts'

/** Says what is wrong with a value that is no `T`. */
export interface Shape<T> extends OptionTest {
  /** Never there: it carries the type. */
  readonly of?: T
}

export const text: Shape<string> = textTest
/** What is looked at later, or passed over where it is wrong. */
export const anything: Shape<unknown> = () => undefined
/** JSON can say 1e999, which is none. */
export const number: Shape<number> = must(Number.isFinite, 'must be a number')
/** A whole number that is exact: 2^53 is not. */
export const int: Shape<number> = must(Number.isSafeInteger, 'must be a whole number')
/** An offset, or the number of a partition. */
export const offsetShape: Shape<number> = (value) =>
  int(value) ?? ((value as number) < 0 ? 'must not be below 0' : undefined)

/* @__NO_SIDE_EFFECTS__ */
export const optional =
  <T>(shape: Shape<T>): Shape<T | undefined> =>
  (value) =>
    value === undefined ? undefined : shape(value)

/* @__NO_SIDE_EFFECTS__ */
export const nullish =
  <T>(shape: Shape<T>): Shape<T | null | undefined> =>
  (value) =>
    value === null || value === undefined ? undefined : shape(value)

/* @__NO_SIDE_EFFECTS__ */
export const nullable =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value) =>
    value === null ? undefined : shape(value)

/** A list of so many values, each with a shape of its own. */
/* @__NO_SIDE_EFFECTS__ */
export const tuple =
  <T extends readonly unknown[]>(...shapes: { readonly [at in keyof T]: Shape<T[at]> }): Shape<T> =>
  (value) => {
    if (!Array.isArray(value) || value.length !== shapes.length) return 'must be a list of ' + shapes.length
    for (const [at, shape] of shapes.entries()) {
      const fault = shape(value[at])
      if (fault !== undefined) return within(at, fault)
    }
    return undefined
  }

/** An object with these fields. It may have others, of which nothing is known. */
/* @__NO_SIDE_EFFECTS__ */
export function fields<T>(shapes: { readonly [name in keyof T]: Shape<T[name]> }): Shape<T> {
  const tests = Object.entries<OptionTest>(shapes)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object'
    for (const [name, test] of tests) {
      const fault = test((value as Readonly<Record<string, unknown>>)[name])
      if (fault !== undefined) return within(name, fault)
    }
    return undefined
  }
}

/* @__NO_SIDE_EFFECTS__ */
export const listOf =
  <T>(element: Shape<T>, least = 0, most: number = Infinity): Shape<readonly T[]> =>
  (value) => {
    if (!Array.isArray(value)) return 'must be a list'
    if (value.length < least || value.length > most) return `must be a list of ${least} to ${most}`
    for (const [at, each] of value.entries()) {
      const fault = element(each)
      if (fault !== undefined) return within(at, fault)
    }
    return undefined
  }

export const fits = <T>(value: unknown, shape: Shape<T>): value is T => shape(value) === undefined

/**
 * The value of an answer.
 * @throws KedgeError `ERR_PROTOCOL` when it is not what the protocol promises
 */
export function promised<T>(value: unknown, shape: Shape<T>, doing: string): T {
  const fault = shape(value)
  if (fault === undefined) return value as T
  throw new KedgeError('ERR_PROTOCOL', `${doing}: the answer is not what the protocol promises`, {
    cause: new TypeError(textOf(fault)),
  })
}

const textOf = (fault: string | Fault): string =>
  typeof fault === 'string' ? fault : `${fault.path.join('.')}: ${fault.says}`
