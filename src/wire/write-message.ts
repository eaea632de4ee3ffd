/**
 * A write that is on its way to the source: a record of `cache-writes`.
 *
 * @module
 */
import { isId, isNamespaceName } from './ids.ts'
import { is, isMoment, isName, optional, shape } from './message-fields.ts'

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

const isWrite = shape<WriteMessage>({
  v: is(1),
  op: is('write'),
  ns: isNamespaceName,
  key: isId,
  value: () => true,
  deleted: optional(is(true)),
  id: (value) => isName(value) && value !== '',
  at: isMoment,
})

/** The write in a record of `cache-writes`, or `undefined` when it is none. Never throws. */
export function readWrite(message: unknown): WriteMessage | undefined {
  if (!isWrite(message)) return undefined
  const { v, op, ns, key, value, deleted, id, at } = message
  return (value === undefined) === (deleted === true) ? { v, op, ns, key, value, deleted, id, at } : undefined
}
