/** Shapes of what strangers send, checked before other code reads it. @module */
import * as z from 'zod'

/** An offset, or the number of a partition. */
export const offsetShape: z.ZodType<number> = z.int().nonnegative()

/** A topic's partitions are at most this many here; an isolate polls one or a few. */
export const MAX_PARTITIONS = 4096

/**
 * An array of such things, refused at the first that is wrong. Zod's own has a complaint about each thing that is wrong: of eight megabytes of zeros it
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
