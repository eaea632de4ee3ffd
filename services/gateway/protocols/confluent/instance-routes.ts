/** The functions that the routes of consumer instances share. @module */
import type { Context } from 'hono'
import * as z from 'zod'
import type { Consumer } from '../../consumer.ts'

export const INSTANCE = '/consumers/:group/instances/:instance'

export const topicName: z.ZodString = z.string().min(1).max(249)
export const topicPartition: z.ZodObject<{ topic: z.ZodString; partition: z.ZodInt }> = z.object({
  topic: topicName,
  partition: z.int().min(0).max(0x7fff_ffff),
})

export interface InstanceRoutes {
  /** @throws Refusal for a body that is not of v2's control type, or not of the shape. */
  readonly body: <T>(c: Context, schema: z.ZodType<T>) => Promise<T>
  /**
   * Runs `work` on the instance that the path names, one request at a time.
   * @throws Refusal `unknown-instance`.
   */
  readonly instance: <T>(c: Context, work: (consumer: Consumer) => Promise<T>) => Promise<T>
  /** @throws Refusal `too-large`. */
  readonly bounded: <T>(partitions: readonly T[]) => readonly T[]
  /** Whether the instance is there, and in use. */
  readonly wants: (consumer: Consumer) => boolean
}
