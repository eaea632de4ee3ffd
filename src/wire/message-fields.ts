/** What fields of several messages must be, and which messages are this package's own. @module */
import * as z from 'zod'

/** The version of a message. */
export const v: z.ZodLiteral<1> = z.literal(1)
export const offset: z.ZodNumber = z.number().int().nonnegative()
/** Milliseconds since the epoch. */
export const moment: z.ZodNumber = z.number().nonnegative()
export const logIdentity: z.ZodOptional<z.ZodString> = z.string().max(64).optional()

/** A message that carries a version is kedge's own, perhaps of a later release: never a simple one. */
export const isOwn = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'v' in message && 'op' in message
