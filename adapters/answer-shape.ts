/**
 * What strangers answer, checked by hand (decision 115): the first thing that is wrong ends the check, and the error names
 * its place and never its value.
 *
 * @module
 */
import { typeName } from '../src/api/issue-message.ts'
import { type Fault, type OptionTest, within } from '../src/api/option-check.ts'
import { KedgeError } from '../src/ports/errors.ts'

/** Says what is wrong with a value that is no `T`. */
export interface Shape<T> extends OptionTest {
  /** Never there: it carries the type. */
  readonly of?: T
}

/** In the words that zod has for it: services check by its schemas. */
const expected = (what: string, value: unknown): string =>
  `Invalid input: expected ${what}, received ${typeName(value)}`

/* @__NO_SIDE_EFFECTS__ */
const kind =
  <T>(what: string, holds: (value: unknown) => boolean): Shape<T> =>
  (value) =>
    holds(value) ? undefined : expected(what, value)

export const text: Shape<string> = kind('string', (value) => typeof value === 'string')
/** JSON can say 1e999, which is none. */
export const number: Shape<number> = kind('number', Number.isFinite)
/** A whole number that is exact: 2^53 is not. */
export const int: Shape<number> = kind('int', Number.isSafeInteger)
/** An offset, or the number of a partition. */
export const offsetShape: Shape<number> = (value) =>
  int(value) ?? ((value as number) < 0 ? 'Too small: expected number to be >=0' : undefined)

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
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return expected('object', value)
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
    if (!Array.isArray(value)) return expected('array', value)
    if (value.length < least || value.length > most)
      return `Invalid input: expected ${least} to ${most} items, received ${value.length}`
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
