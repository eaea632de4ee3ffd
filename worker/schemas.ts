/**
 * What travels over the worker's HTTP interface, as schemas: requests are checked by them, and the OpenAPI
 * document is made from them.
 *
 * @module
 */
import * as z from 'zod'
import { checkId, MAX_IDS, MAX_KEY_LENGTH, NAMESPACE_PATTERN } from '../src/wire/ids.ts'
import type { Duration } from '../src/runtime/duration.ts'
import { DurationShape } from './duration.ts'

/** Keys in one batch. */
const MAX_BATCH_KEYS = 100

/** Tags of one value. */
const MAX_TAGS = 100

function id(what: 'key' | 'tag' | 'prefix'): z.ZodString {
  return z
    .string()
    .min(1)
    .max(MAX_KEY_LENGTH)
    .refine((text) => isWellFormed(text, what), { error: `a ${what} must be well-formed text` })
}

function isWellFormed(text: string, what: 'key' | 'tag' | 'prefix'): boolean {
  try {
    checkId(text, what)
    return true
  } catch {
    return false
  }
}

export const NamespaceName: z.ZodString = z.string().regex(NAMESPACE_PATTERN)
export const Key: z.ZodString = id('key')
export const Tags: z.ZodArray<z.ZodString> = z.array(id('tag')).max(MAX_TAGS)

/** A value: anything that JSON can say, `null` included. */
const value = z.unknown().meta({ description: 'Any JSON value.' })

const ttl = DurationShape.meta({
  description: 'Time to live: milliseconds, or a number with a unit (`ms`, `s`, `m`, `h`, `d`).',
  examples: [60_000, '5m'],
})

export interface PutBody {
  readonly value: unknown
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | undefined
  readonly version?: number | undefined
}

/** `PUT /cache/:namespace/:key` */
export const PutBody: z.ZodType<PutBody> = z.strictObject({
  value,
  ttl: ttl.optional(),
  tags: Tags.optional(),
  version: z.number().optional().meta({ description: 'Version of the row: the higher one wins.' }),
})

export interface BatchBody {
  readonly keys: readonly string[]
}

/** `POST /cache/:namespace/batch` */
export const BatchBody: z.ZodType<BatchBody> = z.strictObject({
  keys: z.array(Key).min(1).max(MAX_BATCH_KEYS),
})

export type EvictionBody =
  | { readonly namespace: string; readonly keys: readonly string[] }
  | { readonly namespace: string; readonly tags: readonly string[] }
  | { readonly namespace: string; readonly prefix: string }
  | { readonly namespace: string; readonly all: true }
  | { readonly all: true }

/** `POST /evictions` */
export const EvictionBody: z.ZodType<EvictionBody> = z.union(
  [
    z.strictObject({ namespace: NamespaceName, keys: z.array(Key).min(1).max(MAX_IDS) }),
    z.strictObject({ namespace: NamespaceName, tags: z.array(id('tag')).min(1).max(MAX_IDS) }),
    z.strictObject({ namespace: NamespaceName, prefix: id('prefix') }),
    z.strictObject({ namespace: NamespaceName, all: z.literal(true) }),
    z.strictObject({ all: z.literal(true) }),
  ],
  { error: 'must be a namespace with one of `keys`, `tags`, `prefix` or `all: true`, or `all: true` alone' },
)

/** Every answer, for the OpenAPI document. */
export const ValueAnswer: z.ZodType = z.object({ namespace: NamespaceName, key: Key, value })
export const TokenAnswer: z.ZodType = z.object({
  token: z
    .string()
    .max(1024)
    .meta({
      description: 'Show it in the header `kedge-token` to read what was written.',
      examples: ['k1.0-42'],
    }),
})
export const BatchAnswer: z.ZodType = z.object({
  values: z.record(z.string(), value),
  missing: z.array(Key).meta({ description: 'Keys without a value, in the order asked for.' }),
})
export const ReadyAnswer: z.ZodType = z.object({
  ready: z.literal(true),
  ageMs: z.number().meta({ description: 'Milliseconds since freshness was proved.' }),
  lag: z.number().int().meta({ description: 'Records in the log that were not read yet.' }),
})
export const ProblemAnswer: z.ZodType = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string().meta({ examples: ['ERR_PUBLISH'] }),
})

const MAX_ISSUES = 5
const MAX_TEXT = 400

/** What is wrong with a stranger's data, short: at most a few places, and no more of the data than its names. */
export function faultsOf(error: z.ZodError): string {
  const faults = error.issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
    const place = path.map(String).join('.')
    return place === '' ? message : `${place}: ${message}`
  })
  const text = faults.join('; ')
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} …` : text
}
