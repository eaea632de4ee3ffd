/** Records with JSON in them. @module */
import type { LogRecord, NewRecord } from 'kedge'
import type * as z from 'zod'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The event in a record; `undefined`, and a warning, where it does not fit the topic. */
export function eventOf<T>(schema: z.ZodType<T>, record: LogRecord, topic: string): T | undefined {
  const { partition, offset, value } = record
  try {
    return schema.parse(JSON.parse(decoder.decode(value ?? undefined)))
  } catch {
    console.warn(`${topic} ${partition}/${offset} is passed over: it is no event of an order`)
    return undefined
  }
}

export const recordOf = (key: string, value: unknown): NewRecord => ({
  key: encoder.encode(key),
  value: value === null ? null : encoder.encode(JSON.stringify(value)),
})
