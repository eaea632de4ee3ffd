/** Keys and values as Lambda's Kafka events carry them: base64; `null`, or nothing, where a record has none. @module */
import * as z from 'zod/mini'
import { fromBase64 } from '../kafka/rest/base64.ts'

export const eventBytes: z.ZodMiniType<Uint8Array | null> = z.pipe(
  z.nullish(z.string()),
  z.transform((text, context) => {
    if (text === undefined || text === null) return null
    const bytes = fromBase64(text)
    if (bytes === undefined) context.issues.push({ code: 'custom', message: 'is not base64', input: text })
    return bytes ?? z.NEVER
  }),
)
