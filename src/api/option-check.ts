/**
 * Options, checked one by one. The schema of an option is made when the option is first given: a start pays for no other.
 *
 * @module
 */
import type * as z from 'zod/mini'
import { once } from '../runtime/once.ts'
import { issueMessage } from './issue-message.ts'

/** The schema of one option. */
export interface OptionSchema {
  (): z.ZodMiniType
  /** Whether the option must be given. */
  readonly required?: true
}

/** The options of an object; those of an object in it. */
export interface Options {
  readonly [name: string]: OptionSchema | Options
}

/** What is wrong with options. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  /** `undefined` where the path names no option. */
  readonly says: string | undefined
}

/** An option that must be given. */
export const required = (make: () => z.ZodMiniType): OptionSchema =>
  Object.assign(once(make), { required: true } as const)

/** The first thing that is wrong with the options, or `undefined`. */
export function faultIn(known: Options, options: unknown): Fault | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    return { path: [], says: issueMessage({ code: 'invalid_type', expected: 'object', input: options }) }
  for (const name of Object.keys(known)) {
    const fault = faultOf(known[name]!, (options as Readonly<Record<string, unknown>>)[name])
    if (fault !== undefined) return { path: [name, ...fault.path], says: fault.says }
  }
  for (const name in options) if (!Object.hasOwn(known, name)) return { path: [name], says: undefined }
  return undefined
}

function faultOf(known: OptionSchema | Options, value: unknown): Fault | undefined {
  if (value === undefined && known.required !== true) return undefined
  if (typeof known === 'object') return faultIn(known, value)
  const issue = known().safeParse(value, { error: issueMessage }).error?.issues[0]
  if (issue?.code === 'unrecognized_keys') return { path: [...issue.path, issue.keys[0]!], says: undefined }
  return issue && { path: issue.path, says: issue.message }
}

/**
 * Refuses wrong and unknown options of a function.
 * @throws TypeError that quotes the option, and never its value.
 */
export function checkFeatureOptions(known: Options, options: unknown, name: string): void {
  const fault = faultIn(known, options)
  if (!fault) return
  const place = fault.path.join('.')
  if (fault.says === undefined) throw new TypeError(`\`${place}\` is not an option of ${name}()`)
  throw new TypeError(
    place === '' ? `the options of ${name}(): must be an object` : `\`${place}\`: ${fault.says}`,
  )
}
