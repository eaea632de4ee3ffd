/**
 * Values of a domain: many small values that are written together, in one record of `cache-updates`.
 *
 * The topic is compacted to the last record of a domain, so a domain is written whole each time (decision 61).
 * Readers that know nothing of domains find no key in it, and drop nothing that is held.
 *
 * @module
 */
import { isId, isNamespaceName } from './ids.ts'
import {
  is,
  isList,
  isMoment,
  isName,
  isOffset,
  isPositive,
  isTags,
  optional,
  shape,
} from './message-fields.ts'
import type { PutsMessage } from './messages.ts'
import type { ArrivedValue } from './read-update.ts'
import { domainRecordKey, isUnderKeyOf } from './record-key.ts'

const isValue = shape<PutsMessage['values'][number]>({
  key: isId,
  value: (value) => value !== undefined,
  ttl: isPositive,
  tags: optional(isTags),
})
const isPuts = shape<PutsMessage>({
  v: is(1),
  op: is('puts'),
  ns: isNamespaceName,
  domain: isId,
  values: (values) => isList(values, isValue),
  at: isMoment,
  asOf: isOffset,
  log: optional(isName),
})

/**
 * The values of a domain in a record of `cache-updates`; `undefined` when it holds none, or stands under another key. Never
 * throws.
 *
 * @param recordKey the record's key as text, where it has one
 */
export function readGroup(message: unknown, recordKey: string | undefined): ArrivedValue[] | undefined {
  if (!isPuts(message)) return undefined
  const { ns: namespace, domain, at, asOf, log: logId } = message
  if (!isUnderKeyOf(recordKey, domainRecordKey(namespace, domain))) return undefined
  return message.values.map(({ key, value, ttl: ttlMs, tags }) => ({
    kind: 'value',
    namespace,
    key,
    value,
    ttlMs,
    at,
    asOf,
    logId,
    tags,
    version: undefined,
  }))
}
