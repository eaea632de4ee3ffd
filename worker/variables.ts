/**
 * The variables of the deployable worker, one by one. What they mean together is said in `bindings.ts`.
 *
 * @module
 */
import * as z from 'zod/mini'
import type { KVNamespaceLike } from '../adapters/stores/workers-kv.ts'
import { NAMESPACE_PATTERN } from '../src/wire/ids.ts'
import type { Duration } from '../src/runtime/duration.ts'
import { BEARER_TOKEN_PATTERN } from './auth.ts'
import { DurationText } from './duration.ts'
import { parseTagTemplate } from './origin-tags.ts'

const text = z.string({ error: 'must be a text' }).check(z.maxLength(8192, { error: 'is too long' }))
const url = text.check(
  z.refine(isPlainUrl, {
    error: 'must be an http or https address without user, query and fragment',
  }),
)
const count = z.pipe(
  text.check(z.regex(/^[1-9]\d{0,14}$/, { error: 'must be a positive whole number' })),
  z.transform((value) => Number(value)),
)
const topic = text.check(z.regex(/^[A-Za-z0-9._-]{1,249}$/, { error: 'must be the name of a Kafka topic' }))
/** Names that are steps through a path have no address at the origin. */
const namespaces = list('must be a comma list of namespaces').check(
  z.refine((names) => names.every((name) => NAMESPACE_PATTERN.test(name) && !/^\.{1,2}$/.test(name)), {
    error: 'must be a comma list of names of letters, digits, `.`, `_` and `-`',
  }),
)
const tokens = list('must be a comma list of tokens').check(
  z.refine((all) => all.every((token) => BEARER_TOKEN_PATTERN.test(token)), {
    error: 'must be a comma list of tokens of letters, digits and `-._~+/`',
  }),
)

const kvNamespace = z.custom<KVNamespaceLike>(
  (value: unknown) =>
    ['getWithMetadata', 'put', 'delete'].every(
      (method) => typeof (value as Record<string, unknown> | undefined)?.[method] === 'function',
    ),
  { error: 'must be a KV namespace' },
)

function oneOf<const T extends readonly [string, ...string[]]>(
  ...values: T
): z.ZodMiniType<T[number], string> {
  return z.enum(values, { error: `must be one of ${values.map((value) => `'${value}'`).join(', ')}` })
}

function list(error: string): z.ZodMiniType<string[], string> {
  return z
    .pipe(
      text,
      z.transform((value) => value.split(',').map((item) => item.trim())),
    )
    .check(z.refine((items) => items.every((item) => item !== ''), { error }))
}

function isTagTemplate(template: string): boolean {
  try {
    parseTagTemplate(template, 'ORIGIN_TAGS')
    return true
  } catch {
    return false
  }
}

function isPlainUrl(value: string): boolean {
  const parsed = URL.canParse(value) ? new URL(value) : undefined
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') return false
  return parsed.username + parsed.password + parsed.search + parsed.hash === ''
}

/** The variables as they were given; those without a default may be absent. */
export interface Variables {
  readonly KAFKA_REST_URL: string
  /** @default 'confluent' */
  readonly KAFKA_FLAVOR: 'confluent' | 'gateway' | 'upstash'
  /** Whether the log is reached through a kedge gateway. @default false */
  readonly KAFKA_USERNAME?: string | undefined
  readonly KAFKA_PASSWORD?: string | undefined
  readonly KAFKA_TOKEN?: string | undefined
  /** @default 'cache-evictions' */
  readonly EVICTIONS_TOPIC: string
  /** @default 1 */
  readonly EVICTION_PARTITIONS: number
  readonly UPDATES_TOPIC?: string | undefined
  readonly UPDATE_PARTITIONS?: number | undefined
  readonly ORIGIN_URL?: string | undefined
  readonly ORIGIN_TOKEN?: string | undefined
  /** What the bodies of the origin are. @default 'plain' */
  readonly ORIGIN_FORMAT?: 'plain' | 'envelope' | undefined
  /** @default 'cache-tag' */
  readonly ORIGIN_TAGS_HEADER?: string | undefined
  readonly ORIGIN_TAGS?: readonly string[] | undefined
  /** @default 'honour' */
  readonly ORIGIN_CACHE_CONTROL?: 'honour' | 'ignore' | undefined
  /** @default '1d' */
  readonly ORIGIN_MAX_TTL?: Duration | undefined
  readonly NAMESPACES?: readonly string[] | undefined
  readonly TTL?: Duration | undefined
  readonly SWR?: Duration | undefined
  readonly STALE_IF_ERROR?: Duration | undefined
  readonly MAX_STALENESS?: Duration | undefined
  readonly REFRESH_AFTER?: Duration | undefined
  readonly POLL_TIMEOUT?: Duration | undefined
  readonly ON_UNREACHABLE?: 'stale' | 'bypass' | 'throw' | undefined
  readonly MAX_OUTAGE?: Duration | undefined
  readonly MODE?: 'invalidate' | 'replicate' | undefined
  /** @default 'committed' */
  readonly UPDATES_ISOLATION?: 'committed' | 'uncommitted' | undefined
  readonly MAX_ENTRIES?: number | undefined
  readonly MAX_BYTES?: number | undefined
  /** A store that isolates share. @default none */
  readonly TIER?: 'workers-kv' | 'cache-api' | 'upstash-redis' | undefined
  /** Keeps the values of one deployment from those of another. @default 'kedge' */
  readonly TIER_PREFIX: string
  readonly TIER_KV?: KVNamespaceLike | undefined
  readonly TIER_URL?: string | undefined
  readonly TIER_TOKEN?: string | undefined
  readonly READ_TOKENS?: readonly string[] | undefined
  readonly WRITE_TOKENS?: readonly string[] | undefined
  readonly EVICT_TOKENS?: readonly string[] | undefined
  readonly AUTH?: 'open' | undefined
}

/** Reads them; what is absent and has no default is left out. */
export const Variables: z.ZodMiniType<Variables> = z.object({
  KAFKA_REST_URL: url,
  KAFKA_FLAVOR: z._default(oneOf('confluent', 'gateway', 'upstash'), 'confluent'),
  KAFKA_USERNAME: z.optional(text),
  KAFKA_PASSWORD: z.optional(text),
  KAFKA_TOKEN: z.optional(text),
  EVICTIONS_TOPIC: z._default(topic, 'cache-evictions'),
  EVICTION_PARTITIONS: z._default(count, 1),
  UPDATES_TOPIC: z.optional(topic),
  UPDATE_PARTITIONS: z.optional(count),
  ORIGIN_URL: z.optional(url),
  ORIGIN_TOKEN: z.optional(text.check(z.regex(BEARER_TOKEN_PATTERN, { error: 'must be a bearer token' }))),
  ORIGIN_FORMAT: z.optional(oneOf('plain', 'envelope')),
  ORIGIN_TAGS_HEADER: z.optional(
    text.check(z.regex(/^[\w!#$%&'*+.^`|~-]+$/, { error: 'must be the name of a header' })),
  ),
  ORIGIN_TAGS: z.optional(
    list('must be a comma list of tags such as team:{value.teamId}').check(
      z.refine((templates) => templates.every(isTagTemplate), {
        error: 'must be a comma list of tags such as team:{value.teamId}',
      }),
    ),
  ),
  ORIGIN_CACHE_CONTROL: z.optional(oneOf('honour', 'ignore')),
  ORIGIN_MAX_TTL: z.optional(DurationText),
  NAMESPACES: z.optional(namespaces),
  TTL: z.optional(DurationText),
  SWR: z.optional(DurationText),
  STALE_IF_ERROR: z.optional(DurationText),
  MAX_STALENESS: z.optional(DurationText),
  REFRESH_AFTER: z.optional(DurationText),
  POLL_TIMEOUT: z.optional(DurationText),
  ON_UNREACHABLE: z.optional(oneOf('stale', 'bypass', 'throw')),
  MAX_OUTAGE: z.optional(DurationText),
  MODE: z.optional(oneOf('invalidate', 'replicate')),
  UPDATES_ISOLATION: z.optional(oneOf('committed', 'uncommitted')),
  MAX_ENTRIES: z.optional(count),
  MAX_BYTES: z.optional(count),
  TIER: z.optional(oneOf('workers-kv', 'cache-api', 'upstash-redis')),
  TIER_PREFIX: z._default(
    text.check(
      z.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, { error: 'must be letters, digits and hyphens' }),
    ),
    'kedge',
  ),
  TIER_KV: z.optional(kvNamespace),
  TIER_URL: z.optional(url),
  TIER_TOKEN: z.optional(text.check(z.regex(/^[\x21-\x7e]+$/, { error: 'must be a token without spaces' }))),
  READ_TOKENS: z.optional(tokens),
  WRITE_TOKENS: z.optional(tokens),
  EVICT_TOKENS: z.optional(tokens),
  AUTH: z.optional(oneOf('open')),
})
