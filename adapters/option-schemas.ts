/**
 * Options of adapters, checked by schemas. The schema of an option is made when the option is first given: a start pays for no
 * other.
 *
 * @module
 */
import type * as z from 'zod/mini'
import { issueMessage } from '../src/api/issue-message.ts'
import type { Fault, Options as OptionsOf } from '../src/api/option-check.ts'
import { once } from '../src/runtime/once.ts'

/** The schema of one option. */
export interface OptionSchema {
  (): z.ZodMiniType
  /** Whether the option must be given. */
  readonly required?: true
}

/** The options of an object; those of an object in it. */
export type Options = OptionsOf<OptionSchema>

/** An option that must be given. */
export const required = (make: () => z.ZodMiniType): OptionSchema =>
  Object.assign(once(make), { required: true } as const)

/** What is wrong with the value of an option. */
export function faultBySchema(schema: OptionSchema, value: unknown): Fault | undefined {
  if (value === undefined && schema.required !== true) return undefined
  const issue = schema().safeParse(value, { error: issueMessage }).error?.issues[0]
  if (issue?.code === 'unrecognized_keys') return { path: [...issue.path, issue.keys[0]!], says: undefined }
  return issue && { path: issue.path, says: issue.message }
}
