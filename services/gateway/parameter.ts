/** Numbers in paths and queries. @module */
import type { Context } from 'hono'
import { Refusal } from './refusal.ts'

/** A whole number of at least 0 that a JavaScript number holds exactly. @throws Refusal `malformed`. */
export function wholeNumber(text: string, name: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new Refusal('malformed', `Invalid parameter '${name}'`)
  return value
}

/** The partition of the path. A path segment that is no number is refused as an unknown partition. */
export function partitionOfPath(c: Context): number {
  const text = c.req.param('partition') ?? ''
  if (!/^\d{1,9}$/.test(text)) throw new Refusal('unknown-partition', 'Partition not found.')
  return Number(text)
}
