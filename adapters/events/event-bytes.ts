/** Keys and values as Lambda's Kafka events carry them: base64; `null`, or nothing, where a record has none. @module */
import * as z from 'zod'
import { fromBase64 } from '../kafka/rest/base64.ts'

export const eventBytes: z.ZodType<Uint8Array | null> = z
  .string()
  .transform(
    (text, context) =>
      fromBase64(text) ?? (context.addIssue({ code: 'custom', message: 'is not base64' }), z.NEVER),
  )
  .nullish()
  .transform((value) => value ?? null)
