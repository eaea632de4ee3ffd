/** The messages of `cache-requests`, as a loader service reads them. @module */
import { isId, isNamespaceName } from './ids.ts'
import { is, isMoment, isName, isOffset, optional, shape } from './message-fields.ts'
import type { RequestMessage } from './messages.ts'

const isRequest = shape<RequestMessage>({
  v: is(1),
  op: is('load'),
  ns: isNamespaceName,
  key: isId,
  deadline: isMoment,
  end: optional(isOffset),
  asOf: optional(isOffset),
  log: optional(isName),
})

/** The request in a record of `cache-requests`, or `undefined` when it is none. */
export function readRequest(message: unknown): RequestMessage | undefined {
  if (!isRequest(message)) return undefined
  const { v, op, ns, key, deadline, end, asOf, log } = message
  return { v, op, ns, key, deadline, end, asOf, log }
}
