/** A namespace's schema as users write it: what a bundle of the core holds of zod/mini. */
import * as z from 'zod/mini'

export const User: z.ZodMiniType<{ id: string; age: number; email?: string | undefined }> = z.object({
  id: z.string(),
  age: z.number(),
  email: z.optional(z.string()),
})
