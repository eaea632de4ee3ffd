/**
 * What travels over the worker's HTTP interface, as schemas: requests are checked by them, and the OpenAPI
 * document is made from them.
 *
 * @module
 */
import * as z from 'zod/mini'
import { checkId, MAX_IDS, MAX_KEY_LENGTH, NAMESPACE_PATTERN } from '../src/wire/ids.ts'
import type { Duration } from '../src/runtime/duration.ts'
import { once } from '../src/runtime/once.ts'
import { DurationShape } from './duration.ts'

/** Keys in one batch. */
const MAX_BATCH_KEYS = 100

/** Tags of one value. */
const MAX_TAGS = 100

function id(what: 'key' | 'tag' | 'prefix'): z.ZodMiniType<string> {
  return z.string().check(
    z.minLength(1),
    z.maxLength(MAX_KEY_LENGTH),
    z.refine((text) => isWellFormed(text, what), { error: `a ${what} must be well-formed text` }),
  )
}

function isWellFormed(text: string, what: 'key' | 'tag' | 'prefix'): boolean {
  try {
    checkId(text, what)
    return true
  } catch {
    return false
  }
}

export const NamespaceName: () => z.ZodMiniType<string> = once(() =>
  z.string().check(z.regex(NAMESPACE_PATTERN)),
)
export const Key: () => z.ZodMiniType<string> = once(() => id('key'))
export const Tags: () => z.ZodMiniType<string[]> = once(() => z.array(id('tag')).check(z.maxLength(MAX_TAGS)))

/** What the OpenAPI document says of a schema beside its shape. */
export const Descriptions: () => z.core.$ZodRegistry<Record<string, unknown>> = once(() => z.registry())

/** A value: anything that JSON can say, `null` included. */
const value = once(() => z.unknown().register(Descriptions(), { description: 'Any JSON value.' }))

const ttl = once(() =>
  DurationShape()
    .clone()
    .register(Descriptions(), {
      description: 'Time to live: milliseconds, or a number with a unit (`ms`, `s`, `m`, `h`, `d`).',
      examples: [60_000, '5m'],
      // What `durationMs` takes.
      anyOf: [
        { type: 'number', minimum: 0 },
        { type: 'string', pattern: '^[0-9]{1,15}(?:\\.[0-9]+)?(?:ms|s|m|h|d)$' },
      ],
    }),
)

/** What `readToken` takes, but for the largest offsets: of a number of 16 digits no pattern says whether it is exact. */
export const TokenText: () => z.ZodMiniType<string> = once(() =>
  z
    .string()
    .check(
      z.maxLength(4096),
      z.regex(
        /^k1(?:\.[0-9]{1,5}-[0-9]{1,15})+(?:_[0-9]{1,5}-[0-9]{1,15}(?:\.[0-9]{1,5}-[0-9]{1,15})*)?(?:~[0-9a-z]{1,7})?$/,
      ),
    ),
)

export interface PutBody {
  readonly value: unknown
  readonly ttl?: Duration | undefined
  readonly tags?: readonly string[] | undefined
  readonly version?: number | undefined
}

/** `PUT /cache/:namespace/:key` */
export const PutBody: () => z.ZodMiniType<PutBody> = once(() =>
  z.strictObject({
    value: value(),
    ttl: z.optional(ttl()),
    tags: z.optional(Tags()),
    version: z.optional(z.int()).register(Descriptions(), {
      description: 'Version of the row: the higher one wins. Refused with 409 where a higher one stands.',
    }),
  }),
)

export interface BatchBody {
  readonly keys: readonly string[]
}

/** `POST /cache/:namespace/batch` */
export const BatchBody: () => z.ZodMiniType<BatchBody> = once(() =>
  z.strictObject({
    keys: z.array(Key()).check(z.minLength(1), z.maxLength(MAX_BATCH_KEYS)),
  }),
)

export type EvictionBody =
  | { readonly namespace: string; readonly keys: readonly string[] }
  | { readonly namespace: string; readonly tags: readonly string[] }
  | { readonly namespace: string; readonly prefix: string }
  | { readonly namespace: string; readonly all: true }
  | { readonly all: true }

/** `POST /evictions` */
export const EvictionBody: () => z.ZodMiniType<EvictionBody> = once(() =>
  z.union(
    [
      z.strictObject({
        namespace: NamespaceName(),
        keys: z.array(Key()).check(z.minLength(1), z.maxLength(MAX_IDS)),
      }),
      z.strictObject({
        namespace: NamespaceName(),
        tags: z.array(id('tag')).check(z.minLength(1), z.maxLength(MAX_IDS)),
      }),
      z.strictObject({ namespace: NamespaceName(), prefix: id('prefix') }),
      z.strictObject({ namespace: NamespaceName(), all: z.literal(true) }),
      z.strictObject({ all: z.literal(true) }),
    ],
    {
      error: 'must be a namespace with one of `keys`, `tags`, `prefix` or `all: true`, or `all: true` alone',
    },
  ),
)

/** Every answer, for the OpenAPI document. */
export const ValueAnswer: () => z.ZodMiniType = once(() =>
  z.object({ namespace: NamespaceName(), key: Key(), value: value() }),
)
export const TokenAnswer: () => z.ZodMiniType = once(() =>
  z.object({
    token: TokenText()
      .clone()
      .register(Descriptions(), {
        description: 'Show it in the header `kedge-token` to read what was written.',
        examples: ['k1.0-42'],
      }),
  }),
)
export const BatchAnswer: () => z.ZodMiniType = once(() =>
  z.object({
    values: z.record(z.string(), value()),
    missing: z
      .array(Key())
      .register(Descriptions(), { description: 'Keys without a value, in the order asked for.' }),
  }),
)
export const ReadyAnswer: () => z.ZodMiniType = once(() =>
  z.object({
    ready: z.literal(true),
    ageMs: z.number().register(Descriptions(), { description: 'Milliseconds since freshness was proved.' }),
    lag: z.int().register(Descriptions(), { description: 'Records in the log that were not read yet.' }),
    unreadable: z.optional(z.object({ records: z.int(), agoMs: z.number() })).register(Descriptions(), {
      description:
        'Records that could not be read, for which everything was dropped, and since when there was none.',
    }),
    origin: z.optional(z.object({ failures: z.int(), forMs: z.number() })).register(Descriptions(), {
      description:
        'Requests to the origin that failed since its last good answer, and since when. Absent while it answers.',
    }),
  }),
)
export const ProblemAnswer: () => z.ZodMiniType = once(() =>
  z.object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().register(Descriptions(), { examples: ['ERR_PUBLISH'] }),
    version: z
      .optional(z.int())
      .register(Descriptions(), { description: 'Of `ERR_SUPERSEDED`: the version of the row that stands.' }),
  }),
)

const MAX_ISSUES = 5
const MAX_TEXT = 400

/** What is wrong with a stranger's data, short: at most a few places, and no more of the data than its names. */
export function faultsOf(error: z.core.$ZodError): string {
  const faults = error.issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
    const place = path.map(String).join('.')
    return place === '' ? message : `${place}: ${message}`
  })
  const text = faults.join('; ')
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} …` : text
}
