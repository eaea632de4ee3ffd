/**
 * What a record of `cache-updates` says, also where a stranger wrote it.
 *
 * Beside kedge's own messages, the simple ones that another service would write are understood (decision 19):
 * `{ "key": …, "value": …, "ttl": … }`. The rule for doubt (decision 2): an update that cannot be read evicts its key.
 *
 * @module
 */
import * as z from 'zod/mini'
import { once } from '../runtime/once.ts'
import { durationMs } from '../runtime/duration.ts'
import type { Duration } from '../runtime/duration.ts'
import { idShape, MAX_IDS, namespaceName } from './ids.ts'
import { isOwn, logIdentity, moment, offset, v } from './message-fields.ts'
import { routeOf, splitRecordKey } from './record-key.ts'

const putMessage = once(() =>
  z.object({
    v: v(),
    op: z.literal('put'),
    ns: namespaceName(),
    key: idShape(),
    value: z.unknown(),
    ttl: z.number().check(z.positive()),
    at: moment(),
    asOf: offset(),
    log: logIdentity(),
    tags: z.optional(z.array(idShape()).check(z.maxLength(MAX_IDS))),
    version: z.optional(z.number()),
    settle: z.optional(z.number()),
  }),
)
const deleteMessage = once(() =>
  z.object({
    v: v(),
    op: z.literal('del'),
    ns: namespaceName(),
    key: idShape(),
    asOf: offset(),
    none: z.optional(z.literal(true)),
    at: z.optional(moment()),
    log: logIdentity(),
  }),
)

/** What another service writes without knowing kedge. Further fields are ignored. */
const simpleMessage = once(() =>
  z.object({
    key: z.union([idShape(), z.pipe(z.number(), z.transform(String))]),
    ns: z.optional(namespaceName()),
    namespace: z.optional(namespaceName()),
    // Optional in so many words: zod 4 takes a missing key for an error even where anything may stand.
    value: z.optional(z.unknown()),
    ttl: z.optional(z.union([z.number().check(z.positive()), z.string().check(z.maxLength(32))])),
  }),
)

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

/** Namespace and key of an update of our own, of which nothing else can be read. */
const whereabouts = once(() => z.object({ ns: namespaceName(), key: idShape() }))

const ownUpdate = once(() => z.discriminatedUnion('op', [putMessage(), deleteMessage()]))

/** What a record of `cache-updates` stands for; `undefined` when it names no key at all. Never throws. */
export function readUpdate(
  message: unknown,
  recordKey: string | undefined,
  isNamespace: (name: string) => boolean,
  defaultTtlMs: (namespace: string) => number,
): Arrived | undefined {
  const own = ownUpdate().safeParse(message)
  if (own.success) {
    const said = own.data
    if (said.op === 'del') {
      const none = said.none && ({ none: true, at: said.at, logId: said.log } as const)
      return { kind: 'drop', namespace: said.ns, key: said.key, asOf: said.asOf, unreadable: false, ...none }
    }
    const { ns, key, value, ttl, at, asOf, log, tags, version, settle } = said
    if (value !== undefined)
      return {
        kind: 'value',
        namespace: ns,
        key,
        value,
        ttlMs: ttl,
        at,
        asOf,
        logId: log,
        tags,
        version,
        settleMs: settle,
      }
  }
  const split = splitRecordKey(recordKey, isNamespace)
  const simple = isOwn(message) ? undefined : simpleMessage().safeParse(message).data
  if (simple) {
    const namespace =
      simple.ns ?? simple.namespace ?? routeOf([simple.key], recordKey, isNamespace) ?? split?.namespace
    if (namespace === undefined || simple.value === undefined) {
      return { kind: 'drop', namespace, key: simple.key, asOf: undefined, unreadable: false }
    }
    const ttlMs = simpleTtlMs(simple.ttl, defaultTtlMs(namespace))
    if (ttlMs !== undefined) {
      const none = { at: undefined, asOf: undefined, logId: undefined, tags: undefined, version: undefined }
      return { kind: 'value', namespace, key: simple.key, value: simple.value, ttlMs, ...none }
    }
  }
  const unreadable = message !== undefined
  const named = isOwn(message) ? whereabouts().safeParse(message).data : undefined
  if (named) return { kind: 'drop', namespace: named.ns, key: named.key, asOf: undefined, unreadable }
  if (split) return { kind: 'drop', ...split, asOf: undefined, unreadable }
  if (recordKey === undefined || recordKey.length === 0) return undefined
  return { kind: 'drop', namespace: undefined, key: recordKey, asOf: undefined, unreadable }
}

function simpleTtlMs(ttl: number | string | undefined, defaultMs: number): number | undefined {
  if (ttl === undefined) return defaultMs
  try {
    return durationMs(ttl as Duration, 'ttl')
  } catch {
    return undefined
  }
}
