/** Options that the sink and the tier share. @module */
import * as z from 'zod'
import type { RedisConnection } from './connection.ts'

/** Braces would decide the slot. */
export const prefixShape: z.ZodType = z
  .string({ error: 'must be a string' })
  .regex(/^[^{}\s]{1,64}$/, { error: 'must be 1 to 64 characters without braces and spaces' })

/** @throws TypeError where it was not made by one of ours. */
export function checkConnection(connection: RedisConnection): void {
  if (typeof connection?.pipeline === 'function') return
  throw new TypeError('`connection` must be made by ioredis(), nodeRedis() or upstashRedis()')
}
