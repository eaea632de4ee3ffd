/**
 * What a record of `cache-updates` says, also where a stranger wrote it.
 *
 * Beside kedge's own messages, the simple ones that another service would write are understood (decision 19):
 * `{ "key": …, "value": …, "ttl": … }`. The rule for doubt (decision 2): an update that cannot be read evicts its key.
 *
 * @module
 */
import { durationMs } from '../runtime/duration.ts'
import type { Duration } from '../runtime/duration.ts'
import { isId, isNamespaceName } from './ids.ts'
import {
  is,
  isMoment,
  isName,
  isNumber,
  isOffset,
  isOwn,
  isPositive,
  isTags,
  isVersion,
  optional,
  shape,
} from './message-fields.ts'
import type { DeleteMessage, PutMessage } from './messages.ts'
import { isUnderKeyOf, routeOf, splitRecordKey, updateRecordKey } from './record-key.ts'

const isPut = shape<PutMessage>({
  v: is(1),
  op: is('put'),
  ns: isNamespaceName,
  key: isId,
  value: (value) => value !== undefined,
  ttl: isPositive,
  at: isMoment,
  asOf: isOffset,
  log: optional(isName),
  tags: optional(isTags),
  version: optional(isVersion),
  settle: optional(isNumber),
})
const isDelete = shape<DeleteMessage>({
  v: is(1),
  op: is('del'),
  ns: isNamespaceName,
  key: isId,
  asOf: isOffset,
  none: optional(is(true)),
  at: optional(isMoment),
  log: optional(isName),
})

/** What another service writes without knowing kedge. Further fields are ignored. */
interface SimpleUpdate {
  readonly key: string | number
  readonly ns?: string
  readonly namespace?: string
  readonly value?: unknown
  readonly ttl?: number | string
}
const isSimple = shape<SimpleUpdate>({
  key: (key) => isId(key) || isNumber(key),
  ns: optional(isNamespaceName),
  namespace: optional(isNamespaceName),
  value: () => true,
  ttl: optional((ttl) => isPositive(ttl) || (typeof ttl === 'string' && ttl.length <= 32)),
})
/** Namespace and key of an update of our own, of which nothing else can be read. */
const isPlace = shape<{ readonly ns: string; readonly key: string }>({ ns: isNamespaceName, key: isId })

/** A value as it arrives from `cache-updates`. */
export interface ArrivedValue {
  readonly kind: 'value'
  readonly namespace: string
  readonly key: string
  readonly value: unknown
  readonly ttlMs: number
  /** When its load began, by the writer's clock; `undefined` in simple messages. */
  readonly at: number | undefined
  /** `undefined` in simple messages. */
  readonly asOf: number | undefined
  readonly logId: string | undefined
  readonly tags: readonly string[] | undefined
  readonly version: number | undefined
  /** How long its source had settled, at least, when it was loaded; `undefined` where that is not said. */
  readonly settleMs?: number | undefined
}

/** A key whose value must go: deleted, replaced, or its update could not be read. */
export interface ArrivedDrop {
  readonly kind: 'drop'
  /** `undefined`: in every namespace. */
  readonly namespace: string | undefined
  readonly key: string
  /** Values as of this position or later stay; `undefined`: none does. */
  readonly asOf: number | undefined
  readonly unreadable: boolean
  /** The source was read as of `asOf`, and has none. */
  readonly none?: true
  /** When that load began, by the writer's clock. */
  readonly at?: number | undefined
  readonly logId?: string | undefined
}

export type Arrived = ArrivedValue | ArrivedDrop

/** What a record of `cache-updates` stands for; `undefined` when it names no key at all. Never throws. */
export function readUpdate(
  message: unknown,
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
  defaultTtlMs: (namespace: string) => number,
): Arrived | undefined {
  if ((isPut(message) || isDelete(message)) && !isOwnPlace(message, recordKey))
    return { kind: 'drop', namespace: message.ns, key: message.key, asOf: undefined, unreadable: true }
  if (isPut(message)) {
    const {
      ns: namespace,
      key,
      value,
      ttl: ttlMs,
      at,
      asOf,
      log: logId,
      tags,
      version,
      settle: settleMs,
    } = message
    return { kind: 'value', namespace, key, value, ttlMs, at, asOf, logId, tags, version, settleMs }
  }
  if (isDelete(message)) {
    const { ns: namespace, key, asOf, none, at, log: logId } = message
    return { kind: 'drop', namespace, key, asOf, unreadable: false, ...(none && { none, at, logId }) }
  }
  const split = splitRecordKey(recordKey, isNamespace)
  if (!isOwn(message) && isSimple(message)) {
    const { ns, namespace: named, value, ttl } = message
    const key = String(message.key)
    const namespace = ns ?? named ?? routeOf([key], recordKey, isNamespace) ?? split?.namespace
    const asOf = undefined
    // The record names one entry, its value another one.
    if (split && recordKey !== key && (split.namespace !== namespace || split.key !== key))
      return { kind: 'drop', namespace, key, asOf, unreadable: true }
    if (namespace === undefined || value === undefined)
      return { kind: 'drop', namespace, key, asOf, unreadable: false }
    const ttlMs = simpleTtlMs(ttl, defaultTtlMs(namespace))
    if (ttlMs !== undefined) {
      const none = { at: undefined, asOf, logId: undefined, tags: undefined, version: undefined }
      return { kind: 'value', namespace, key, value, ttlMs, ...none }
    }
  }
  const unreadable = message !== undefined
  if (isOwn(message) && isPlace(message))
    return { kind: 'drop', namespace: message.ns, key: message.key, asOf: undefined, unreadable }
  if (split) return { kind: 'drop', ...split, asOf: undefined, unreadable }
  if (recordKey === undefined || recordKey.length === 0) return undefined
  return { kind: 'drop', namespace: undefined, key: recordKey, asOf: undefined, unreadable }
}

const isOwnPlace = ({ ns, key }: PutMessage | DeleteMessage, recordKey: string | undefined): boolean =>
  isUnderKeyOf(recordKey, updateRecordKey(ns, key))

function simpleTtlMs(ttl: number | string | undefined, defaultMs: number): number | undefined {
  if (ttl === undefined) return defaultMs
  try {
    return durationMs(ttl as Duration, 'ttl')
  } catch {
    return undefined
  }
}
