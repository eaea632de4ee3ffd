/**
 * The lines of a dump: what one isolate holds of a namespace, as NDJSON for another process.
 *
 * The first line says which log the dump is of and how far it was applied, each line after it carries a value, and the last one
 * says whether that was all. A dump without its last line has been cut; the lines that did come are good by themselves.
 *
 * @module
 */
import { isNamespaceName } from '../../wire/ids.ts'
import {
  is,
  isMoment,
  isName,
  isNumber,
  isOffset,
  isPositive,
  optional,
  shape,
} from '../../wire/message-fields.ts'
import type { PutMessage } from '../../wire/messages.ts'
import type { Token } from '../../wire/token.ts'

/** The first line. */
export interface DumpHead {
  readonly v: 1
  readonly op: 'dump'
  readonly ns: string
  /** Identity of the evictions topic, where it tells one. */
  readonly log?: string | undefined
  /** Every eviction below it has been applied to the values. */
  readonly position: number
  /** That position as a token. */
  readonly token: Token
}

/** A line for each value: the message that carries it to other isolates, and what the sender knew when it wrote the line. */
export interface DumpValue extends PutMessage {
  /** Every eviction below it has been applied to this value. */
  readonly position: number
  /** What is left of `ttl`, in milliseconds: needs no clock that two machines share. */
  readonly left: number
}

/** The last line. */
export interface DumpEnd {
  readonly v: 1
  readonly op: 'end'
  /** How many values were written. */
  readonly values: number
  /** How many are left out because JSON would lose a part of them, or they are too large for a message. */
  readonly omitted: number
  /** Whether the dump has everything that it may have: no bound was met, and the log is still the same. */
  readonly complete: boolean
}

export const isDumpHead: (value: unknown) => value is Omit<DumpHead, 'token'> = /* @__PURE__ */ shape<
  Omit<DumpHead, 'token'>
>({
  v: is(1),
  op: is('dump'),
  ns: isNamespaceName,
  log: optional(isName),
  position: isOffset,
})

export const isDumpEnd: (value: unknown) => value is DumpEnd = /* @__PURE__ */ shape<DumpEnd>({
  v: is(1),
  op: is('end'),
  values: isNumber,
  omitted: isNumber,
  complete: (value) => typeof value === 'boolean',
})

/** What a line says beside its message, which is judged as any update is. */
export const isDumpedAt: (value: unknown) => value is Pick<DumpValue, 'ttl' | 'at' | 'position' | 'left'> =
  /* @__PURE__ */ shape<Pick<DumpValue, 'ttl' | 'at' | 'position' | 'left'>>({
    ttl: isPositive,
    at: isMoment,
    position: isOffset,
    left: isPositive,
  })
