/** The functions that the routes of consumer instances share. @module */
import type { Context } from 'hono'
import * as z from 'zod/mini'
import type { Consumer } from '../../consumer.ts'

export const INSTANCE = '/consumers/:group/instances/:instance'

export const topicName: z.ZodMiniType<string> = z.string().check(z.minLength(1), z.maxLength(249))
export const topicPartition: z.ZodMiniObject<{
  topic: z.ZodMiniType<string>
  partition: z.ZodMiniType<number>
}> = z.object({
  topic: topicName,
  partition: z.int().check(z.gte(0), z.lte(0x7fff_ffff)),
})

export interface InstanceRoutes {
  /** @throws Refusal for a body that is not of v2's control type, or not of the shape. */
  readonly body: <T>(c: Context, schema: z.ZodMiniType<T>) => Promise<T>
  /**
   * Runs `work` on the instance that the path names, one request at a time.
   * @throws Refusal `unknown-instance`.
   */
  readonly instance: <T>(c: Context, work: (consumer: Consumer) => Promise<T>) => Promise<T>
  /** @throws Refusal `too-large`. */
  readonly bounded: <T>(partitions: readonly T[]) => readonly T[]
  /** Whether the instance is there, and in use. */
  readonly wants: (c: Context, consumer: Consumer) => boolean
}
