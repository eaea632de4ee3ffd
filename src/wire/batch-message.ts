/**
 * Values of a domain: many small values that are written together, in one record of `cache-updates`.
 *
 * The topic is compacted to the last record of a domain, so a domain is written whole each time. Readers that know
 * nothing of domains find no key in it, and drop nothing that is held.
 *
 * @module
 */
import * as z from 'zod'
import { MAX_IDS, idShape, NAMESPACE_PATTERN } from './ids.ts'
import type { ArrivedValue } from './messages.ts'

/** `cache-updates`: values of a domain, in one record, all from the same moment. */
export interface PutsMessage {
  readonly v: 1
  readonly op: 'puts'
  readonly ns: string
  readonly domain: string
  readonly values: readonly {
    readonly key: string
    readonly value: unknown
    readonly ttl: number
    readonly tags?: readonly string[] | undefined
  }[]
  readonly at: number
  readonly asOf: number
  readonly log?: string | undefined
}

const putsMessage = z.object({
  v: z.literal(1),
  op: z.literal('puts'),
  ns: z.string().regex(NAMESPACE_PATTERN),
  domain: idShape,
  values: z
    .array(
      z.object({
        key: idShape,
        value: z.unknown(),
        ttl: z.number().positive(),
        tags: z.array(idShape).max(MAX_IDS).optional(),
      }),
    )
    .min(1)
    .max(MAX_IDS),
  at: z.number().nonnegative(),
  asOf: z.number().int().nonnegative(),
  log: z.string().max(64).optional(),
})

/** The key of a record with the values of a domain. Names have no `#`: it is no key of a single value. */
export const domainRecordKey = (namespace: string, domain: string): string => `${namespace}#${domain}`

/** The values of a domain in a record of `cache-updates`; `undefined` when it holds none. Never throws. */
export function readGroup(message: unknown): ArrivedValue[] | undefined {
  const said = putsMessage.safeParse(message).data
  return said?.values.flatMap(({ key, value, ttl: ttlMs, tags }) => {
    const { ns: namespace, at, asOf, log: logId } = said
    const common = { kind: 'value', namespace, at, asOf, logId, version: undefined } as const
    return value === undefined ? [] : [{ ...common, key, value, ttlMs, tags }]
  })
}
