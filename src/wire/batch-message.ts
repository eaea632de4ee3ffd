/**
 * Values of a domain: many small values that are written together, in one record of `cache-updates`.
 *
 * The topic is compacted to the last record of a domain, so a domain is written whole each time (decision 61).
 * Readers that know nothing of domains find no key in it, and drop nothing that is held.
 *
 * @module
 */
import * as z from 'zod/mini'
import { once } from '../runtime/once.ts'
import { MAX_IDS, idShape, namespaceName } from './ids.ts'
import { logIdentity, moment, offset, v } from './message-fields.ts'
import type { ArrivedValue } from './read-update.ts'

const putsMessage = once(() =>
  z.object({
    v: v(),
    op: z.literal('puts'),
    ns: namespaceName(),
    domain: idShape(),
    values: z
      .array(
        z.object({
          key: idShape(),
          value: z.unknown(),
          ttl: z.number().check(z.positive()),
          tags: z.optional(z.array(idShape()).check(z.maxLength(MAX_IDS))),
        }),
      )
      .check(z.minLength(1), z.maxLength(MAX_IDS)),
    at: moment(),
    asOf: offset(),
    log: logIdentity(),
  }),
)

/** The values of a domain in a record of `cache-updates`; `undefined` when it holds none. Never throws. */
export function readGroup(message: unknown): ArrivedValue[] | undefined {
  const said = putsMessage().safeParse(message).data
  return said?.values.flatMap(({ key, value, ttl: ttlMs, tags }) => {
    const { ns: namespace, at, asOf, log: logId } = said
    const common = { kind: 'value', namespace, at, asOf, logId, version: undefined } as const
    return value === undefined ? [] : [{ ...common, key, value, ttlMs, tags }]
  })
}
