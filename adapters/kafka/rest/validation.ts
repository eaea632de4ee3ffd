/** Lists in what strangers send, for those that check it by schemas. @module */
import * as z from 'zod/mini'
import { issueMessage } from '../../../src/api/issue-message.ts'

/**
 * An array of such things, refused at the first that is wrong. Zod's own has a complaint about each thing that is wrong: of eight megabytes of zeros it
 * makes two gigabytes of them.
 */
export function listOf<T>(element: z.ZodMiniType<T>, min = 0): z.ZodMiniType<T[]> {
  const list = z.pipe(
    z.array(z.unknown()).check(z.minLength(min)),
    z.transform((things, context) => {
      const found: T[] = []
      for (const [at, thing] of things.entries()) {
        const result = element.safeParse(thing, { error: issueMessage })
        if (!result.success) {
          const issue = result.error.issues[0]!
          const path = [at, ...issue.path]
          context.issues.push({ code: 'custom', path, message: issue.message, input: thing })
          return z.NEVER
        }
        found.push(result.data)
      }
      return found
    }),
  )
  ELEMENTS.set(list, element)
  return list
}

/** For what describes schemas: the element of such a list stands in a function. */
const ELEMENTS = new WeakMap<object, z.ZodMiniType>()

/** The element of a list that `listOf` has made. */
export const elementOf = (list: object): z.ZodMiniType | undefined => ELEMENTS.get(list)
