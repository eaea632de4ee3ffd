/**
 * Options, checked one by one by a table of what each must be (decision 112).
 *
 * @module
 */
import { typeName } from './issue-message.ts'

/** What is wrong with options. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  /** `undefined` where the path names no option. */
  readonly says: string | undefined
}

/** What one option must be: says what is wrong with a value, and where in it. */
export type OptionTest = (value: unknown) => string | Fault | undefined

/** The options of an object; those of an object in it. `T` says what one option must be. */
export interface Options<T = OptionTest> {
  readonly [name: string]: T | Options<T>
}

/** The first thing that is wrong with the options, or `undefined`. @param faultOf asked for each option, given or not */
export function faultIn<T extends (...args: never[]) => unknown>(
  known: Options<T>,
  options: unknown,
  faultOf: (test: T, value: unknown) => Fault | undefined,
): Fault | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    return { path: [], says: expected('object', options) }
  for (const [name, test] of Object.entries(known)) {
    const value = (options as Readonly<Record<string, unknown>>)[name]
    const isGroup = typeof test !== 'function'
    const fault = isGroup ? value !== undefined && faultIn(test, value, faultOf) : faultOf(test, value)
    if (fault) return { path: [name, ...fault.path], says: fault.says }
  }
  for (const name in options) if (!Object.hasOwn(known, name)) return { path: [name], says: undefined }
  return undefined
}

/** What is wrong with the value of an option. None must be given. */
export function faultBy(test: OptionTest, value: unknown): Fault | undefined {
  const fault = value === undefined ? undefined : test(value)
  return typeof fault === 'string' ? { path: [], says: fault } : fault
}

/** In the words that zod has for it: adapters check by its schemas. */
export const expected = (what: string, value: unknown): string =>
  `Invalid input: expected ${what}, received ${typeName(value)}`

/** Refuses wrong and unknown options of a function. @throws TypeError that quotes the option, and never its value. */
export const checkFeatureOptions = (known: Options, options: unknown, name: string): void =>
  refuseFault(faultIn(known, options, faultBy), name)

/** @throws TypeError that quotes the option of the function that is wrong, and never its value. */
export function refuseFault(fault: Fault | undefined, name: string): void {
  if (!fault) return
  const place = fault.path.join('.')
  if (fault.says === undefined) throw new TypeError(`\`${place}\` is not an option of ${name}()`)
  throw new TypeError(
    place === '' ? `the options of ${name}(): must be an object` : `\`${place}\`: ${fault.says}`,
  )
}
