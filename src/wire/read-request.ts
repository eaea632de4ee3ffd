/** The messages of `cache-requests`, as a loader service reads them. @module */
import * as z from 'zod/mini'
import { once } from '../runtime/once.ts'
import { idShape, namespaceName } from './ids.ts'
import { logIdentity, moment, offset, v } from './message-fields.ts'
import type { RequestMessage } from './messages.ts'

const requestMessage = once(() =>
  z.object({
    v: v(),
    op: z.literal('load'),
    ns: namespaceName(),
    key: idShape(),
    deadline: moment(),
    end: z.optional(offset()),
    asOf: z.optional(offset()),
    log: logIdentity(),
  }),
)

/** The request in a record of `cache-requests`, or `undefined` when it is none. */
export function readRequest(message: unknown): RequestMessage | undefined {
  return requestMessage().safeParse(message).data
}
