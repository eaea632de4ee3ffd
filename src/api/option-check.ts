/**
 * Options, checked one by one by a table of what each must be (decision 112).
 *
 * @module
 */
/** What is wrong with options. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  /** `undefined` where the path names no option. */
  readonly says: string | undefined
}

/** What one option must be: says what is wrong with a value, and where in it. */
export interface OptionTest {
  (value: unknown): string | Fault | undefined
  /** Whether the option must be given. */
  readonly required?: true
}

/** The options of an object; those of an object in it. */
export interface Options {
  readonly [name: string]: OptionTest | Options
}

/** One that says this of a value for which that does not hold. */
/* @__NO_SIDE_EFFECTS__ */
export function must(holds: (value: never) => boolean, says: string): OptionTest {
  return (value) => (holds(value as never) ? undefined : says)
}

/** The first thing that is wrong with the options, or `undefined`. */
export function faultIn(known: Options, options: unknown): Fault | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    return { path: [], says: 'must be an object' }
  for (const [name, test] of Object.entries(known)) {
    const value = (options as Readonly<Record<string, unknown>>)[name]
    if (value === undefined && test.required !== true) continue
    const fault = typeof test === 'function' ? test(value) : faultIn(test, value)
    if (fault !== undefined) return within(name, fault)
  }
  for (const name in options) if (!Object.hasOwn(known, name)) return { path: [name], says: undefined }
  return undefined
}

/** What is wrong with a value, from where that value is in. */
export const within = (name: PropertyKey, fault: string | Fault): Fault =>
  typeof fault === 'string'
    ? { path: [name], says: fault }
    : { path: [name, ...fault.path], says: fault.says }

/** Refuses wrong and unknown options of a function. @throws TypeError that quotes the option, and never its value. */
export const checkFeatureOptions = (known: Options, options: unknown, name: string): void =>
  refuseFault(faultIn(known, options), name)

function refuseFault(fault: Fault | undefined, name: string): void {
  if (!fault) return
  const place = fault.path.join('.')
  if (fault.says === undefined) throw new TypeError(`\`${place}\` is not an option of ${name}()`)
  throw new TypeError(`${place === '' ? `the options of ${name}()` : `\`${place}\``}: ${fault.says}`)
}
