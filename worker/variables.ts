/**
 * The variables of the deployable worker, one by one. What they mean together is said in `bindings.ts`.
 *
 * @module
 */
import * as z from 'zod/mini'
import type { KVNamespaceLike } from '../adapters/stores/workers-kv.ts'
import { issueMessage } from '../src/api/issue-message.ts'
import type { SignMode } from '../src/signing/index.ts'
import { once } from '../src/runtime/once.ts'
import { NAMESPACE_PATTERN } from '../src/wire/ids.ts'
import type { Duration } from '../src/runtime/duration.ts'
import { BEARER_TOKEN_PATTERN } from './auth.ts'
import { DurationText } from './duration.ts'
import { parseTagTemplate } from './origin-tags.ts'
import type { TailNamespace } from './tail/durable-tail.ts'
import { TAIL_REGIONS, type TailRegion } from './tail/regions.ts'

const text = once(() =>
  z.string({ error: 'must be a text' }).check(z.maxLength(8192, { error: 'is too long' })),
)
const url = once(() =>
  text().check(
    z.refine(isPlainUrl, { error: 'must be an http or https address without user, query and fragment' }),
  ),
)
const count = once(() =>
  z.pipe(matching(/^[1-9]\d{0,14}$/, 'must be a positive whole number')(), z.transform(Number)),
)
const topic = matching(/^[A-Za-z0-9._-]{1,249}$/, 'must be the name of a Kafka topic')
const secret = matching(/^[\s\S]{32,}$/, 'must be a secret of at least 32 characters')
/** Names that are steps through a path have no address at the origin. */
const namespaces = list(
  'must be a comma list of namespaces',
  (name) => NAMESPACE_PATTERN.test(name) && !/^\.{1,2}$/.test(name),
  'must be a comma list of names of letters, digits, `.`, `_` and `-`',
)
const tokens = list(
  'must be a comma list of tokens',
  (token) => BEARER_TOKEN_PATTERN.test(token),
  'must be a comma list of tokens of letters, digits and `-._~+/`',
)

const kvNamespace = binding<KVNamespaceLike>(['getWithMetadata', 'put', 'delete'], 'must be a KV namespace')
const tailNamespace = binding<TailNamespace>(['getByName'], 'must be a Durable Object namespace')

/** What the platform binds is known by its methods. */
function binding<T>(methods: readonly string[], error: string): () => z.ZodMiniType<T, T> {
  const has = (value: unknown, method: string) =>
    typeof (value as Record<string, unknown> | undefined)?.[method] === 'function'
  return once(() => z.custom<T>((value) => methods.every((method) => has(value, method)), { error }))
}

function matching(pattern: RegExp, error: string): () => z.ZodMiniType<string> {
  return once(() => text().check(z.regex(pattern, { error })))
}

function oneOf<const T extends readonly [string, ...string[]]>(
  ...values: T
): () => z.ZodMiniType<T[number], string> {
  const error = () => `must be one of ${values.map((value) => `'${value}'`).join(', ')}`
  return once(() => z.enum(values, { error }))
}

/** @param wrong what is said of a list with an item that is none */
function list(
  error: string,
  holds: (item: string) => boolean,
  wrong: string,
): () => z.ZodMiniType<string[], string> {
  return once(() =>
    z
      .pipe(
        text(),
        z.transform((value) => value.split(',').map((item) => item.trim())),
      )
      .check(
        z.refine((items) => items.every((item) => item !== ''), { error }),
        z.refine((items) => items.every(holds), { error: wrong }),
      ),
  )
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
  /** What samples the evictions topic for many isolates. @default nothing: each isolate polls for itself */
  readonly TAIL?: 'durable-object' | 'gateway' | undefined
  readonly KEDGE_TAIL?: TailNamespace | undefined
  /** Where isolates find the proofs of others. @default nowhere */
  readonly TAIL_STORE?: 'cache-api' | undefined
  readonly TAIL_SECRET?: string | undefined
  /** @default that of the first request of the isolate */
  readonly TAIL_REGION?: TailRegion | undefined
  /** @default 1 */
  readonly TAIL_SHARDS?: number | undefined
  /** How the object asks the gateway. @default 'requests' */
  readonly TAIL_UPSTREAM?: 'requests' | 'socket' | undefined
  readonly READ_TOKENS?: readonly string[] | undefined
  readonly WRITE_TOKENS?: readonly string[] | undefined
  readonly EVICT_TOKENS?: readonly string[] | undefined
  readonly AUTH?: 'open' | undefined
  /** Whether clients that may read get streams of evictions, and dumps of whole namespaces. @default 'on' */
  readonly BULK?: 'on' | 'off' | undefined
  /** Where the lines of the audit go. @default nowhere */
  readonly AUDIT?: 'console' | 'topic' | undefined
  /** @default 'cache-audit' */
  readonly AUDIT_TOPIC?: string | undefined
  readonly AUDIT_KEY?: string | undefined
  readonly AUDIT_KEYS_HASH?: string | undefined
  /** @default 'warn' with SIGN_KEYS, else 'off' */
  readonly SIGN?: SignMode | undefined
  /** For the evictions topic alone. @default as SIGN */
  readonly SIGN_EVICTIONS?: SignMode | undefined
  readonly SIGN_KEYS?: string | undefined
  /** Whether answers of the cache carry `Server-Timing`. @default 'off' */
  readonly SERVER_TIMING?: 'on' | 'off' | undefined
  /** Where metrics are pushed, by `kedge/worker/cloudflare-otlp`: these are read by `otlpOptions`. @default nowhere */
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined
  readonly OTEL_EXPORTER_OTLP_HEADERS?: string | undefined
  readonly OTEL_EXPORTER_OTLP_TIMEOUT?: string | undefined
  readonly OTEL_METRIC_EXPORT_INTERVAL?: string | undefined
  readonly OTEL_SERVICE_NAME?: string | undefined
  readonly OTEL_RESOURCE_ATTRIBUTES?: string | undefined
}

const tags = 'must be a comma list of tags such as team:{value.teamId}'

/** The schema of each variable, made when the variable is given: a start pays for no other. */
const READERS: { readonly [K in keyof Variables]-?: () => z.ZodMiniType<Variables[K]> } = {
  KAFKA_REST_URL: url,
  KAFKA_FLAVOR: oneOf('confluent', 'gateway', 'upstash'),
  KAFKA_USERNAME: text,
  KAFKA_PASSWORD: text,
  KAFKA_TOKEN: text,
  EVICTIONS_TOPIC: topic,
  EVICTION_PARTITIONS: count,
  UPDATES_TOPIC: topic,
  UPDATE_PARTITIONS: count,
  ORIGIN_URL: url,
  ORIGIN_TOKEN: matching(BEARER_TOKEN_PATTERN, 'must be a bearer token'),
  ORIGIN_FORMAT: oneOf('plain', 'envelope'),
  ORIGIN_TAGS_HEADER: matching(/^[\w!#$%&'*+.^`|~-]+$/, 'must be the name of a header'),
  ORIGIN_TAGS: list(tags, isTagTemplate, tags),
  ORIGIN_CACHE_CONTROL: oneOf('honour', 'ignore'),
  ORIGIN_MAX_TTL: DurationText,
  NAMESPACES: namespaces,
  TTL: DurationText,
  SWR: DurationText,
  STALE_IF_ERROR: DurationText,
  MAX_STALENESS: DurationText,
  REFRESH_AFTER: DurationText,
  POLL_TIMEOUT: DurationText,
  ON_UNREACHABLE: oneOf('stale', 'bypass', 'throw'),
  MAX_OUTAGE: DurationText,
  MODE: oneOf('invalidate', 'replicate'),
  UPDATES_ISOLATION: oneOf('committed', 'uncommitted'),
  MAX_ENTRIES: count,
  MAX_BYTES: count,
  TIER: oneOf('workers-kv', 'cache-api', 'upstash-redis'),
  TIER_PREFIX: matching(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'must be letters, digits and hyphens'),
  TIER_KV: kvNamespace,
  TIER_URL: url,
  TIER_TOKEN: matching(/^[\x21-\x7e]+$/, 'must be a token without spaces'),
  TAIL: oneOf('durable-object', 'gateway'),
  KEDGE_TAIL: tailNamespace,
  TAIL_STORE: oneOf('cache-api'),
  TAIL_SECRET: matching(/^[\w+/-]{43,342}={0,2}$/, 'must be base64 of 32 to 256 bytes'),
  TAIL_REGION: oneOf(...TAIL_REGIONS),
  TAIL_SHARDS: count,
  TAIL_UPSTREAM: oneOf('requests', 'socket'),
  READ_TOKENS: tokens,
  WRITE_TOKENS: tokens,
  EVICT_TOKENS: tokens,
  AUTH: oneOf('open'),
  BULK: oneOf('on', 'off'),
  AUDIT: oneOf('console', 'topic'),
  AUDIT_TOPIC: topic,
  AUDIT_KEY: secret,
  AUDIT_KEYS_HASH: secret,
  SIGN: oneOf('off', 'warn', 'require'),
  SIGN_EVICTIONS: oneOf('off', 'warn', 'require'),
  SIGN_KEYS: matching(
    /^[\w-]{1,32}:[\w+/=-]+(?:,[\w-]{1,32}:[\w+/=-]+)*$/,
    'must be a comma list of keys such as k1:<base64 of 32 bytes>',
  ),
  SERVER_TIMING: oneOf('on', 'off'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_HEADERS: text,
  OTEL_EXPORTER_OTLP_TIMEOUT: text,
  OTEL_METRIC_EXPORT_INTERVAL: text,
  OTEL_SERVICE_NAME: text,
  OTEL_RESOURCE_ATTRIBUTES: text,
}

/** The names of all variables. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(READERS)

const DEFAULTS = {
  KAFKA_FLAVOR: 'confluent',
  EVICTIONS_TOPIC: 'cache-evictions',
  EVICTION_PARTITIONS: 1,
  TIER_PREFIX: 'kedge',
} as const

/** The variables, or what is wrong with each of those that are: their names, and why. */
export function readVariables(
  given: ReadonlyMap<string, unknown>,
): { readonly variables: Variables } | { readonly faults: readonly (readonly [string, string])[] } {
  const faults: (readonly [string, string])[] = []
  const read: Record<string, unknown> = { ...DEFAULTS }
  for (const [name, schema] of Object.entries<() => z.ZodMiniType>(READERS)) {
    const value = given.get(name)
    if (value === undefined) continue
    const result = schema().safeParse(value, { error: issueMessage })
    if (result.success) read[name] = result.data
    else faults.push([name, result.error.issues[0]!.message])
  }
  if (!given.has('KAFKA_REST_URL')) faults.unshift(['KAFKA_REST_URL', 'is missing'])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each was read by its own schema
  return faults.length > 0 ? { faults } : { variables: read as unknown as Variables }
}
