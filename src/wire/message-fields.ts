/** What fields of several messages must be, and which messages are this package's own. @module */
import * as z from 'zod/mini'
import { once } from '../runtime/once.ts'

/** The version of a message. */
export const v: () => z.ZodMiniLiteral<1> = once(() => z.literal(1))
export const offset: () => z.ZodMiniType<number> = once(() => z.int().check(z.nonnegative()))
/** Milliseconds since the epoch. */
export const moment: () => z.ZodMiniType<number> = once(() => z.number().check(z.nonnegative()))
export const logIdentity: () => z.ZodMiniOptional<z.ZodMiniType<string>> = once(() =>
  z.optional(z.string().check(z.maxLength(64))),
)

/** A message that carries a version is kedge's own, perhaps of a later release: never a simple one. */
export const isOwn = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'v' in message && 'op' in message
