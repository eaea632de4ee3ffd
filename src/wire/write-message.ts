/**
 * A write that is on its way to the source: a record of `cache-writes`.
 *
 * @module
 */
import * as z from 'zod/mini'
import { once } from '../runtime/once.ts'
import { idShape, namespaceName } from './ids.ts'
import { moment, v } from './message-fields.ts'

/** `cache-writes`: the value that a key is to have at its source, or that it is to have none. */
export interface WriteMessage {
  readonly v: 1
  readonly op: 'write'
  readonly ns: string
  readonly key: string
  readonly value?: unknown
  /** Instead of a value. */
  readonly deleted?: true | undefined
  /** Told apart from all others: the same write may stand in the log twice. */
  readonly id: string
  /** When it was written, in milliseconds since the epoch. */
  readonly at: number
}

const writeMessage = once(() =>
  z
    .object({
      v: v(),
      op: z.literal('write'),
      ns: namespaceName(),
      key: idShape(),
      value: z.optional(z.unknown()),
      deleted: z.optional(z.literal(true)),
      id: z.string().check(z.minLength(1), z.maxLength(64)),
      at: moment(),
    })
    .check(z.refine(({ value, deleted }) => (value === undefined) === (deleted === true))),
)

/** The write in a record of `cache-writes`, or `undefined` when it is none. Never throws. */
export function readWrite(message: unknown): WriteMessage | undefined {
  return writeMessage().safeParse(message).data
}
