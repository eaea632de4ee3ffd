/** Arrays in what strangers send, refused at the first thing that is wrong in them. @module */
import * as z from 'zod'

/**
 * An array of such things. Zod's own has a complaint about each thing that is wrong: of eight megabytes of zeros it
 * makes two gigabytes of them.
 */
export function listOf<T>(element: z.ZodType<T>, min = 0): z.ZodType<T[]> {
  return z
    .array(z.unknown())
    .min(min)
    .transform((things, context) => {
      const found: T[] = []
      for (const [at, thing] of things.entries()) {
        const result = element.safeParse(thing)
        if (!result.success) {
          const issue = result.error.issues[0]!
          context.addIssue({
            code: 'custom',
            path: [at, ...issue.path],
            message: issue.message,
            input: thing,
          })
          return z.NEVER
        }
        found.push(result.data)
      }
      return found
    })
}
