/**
 * The bindings (environment variables and secrets) of the deployable worker, checked at first use.
 *
 * An empty text counts as absent. Errors name the variable and never its value, which may be a secret.
 *
 * @module
 */
import type { CacheOptions } from '../src/api/options.ts'
import { type Authorizer, bearerAuth, openToAll } from './auth.ts'
import type { KafkaSettings } from './kafka-log.ts'
import type { OriginOptions } from './origin.ts'
import { readTail, type TailSettings } from './tail/settings.ts'
import { readTier, type TierSettings } from './tier.ts'
import type { SignOptions } from '../src/signing/index.ts'
import { signingKeys } from '../src/signing/index.ts'
import { readVariables } from './variables.ts'
import type { Variables } from './variables.ts'

/** Bindings that the worker cannot use. The message names them. */
export class BindingsError extends TypeError {
  override readonly name = 'BindingsError'
}

/** Where the audit goes, and what its lines have. */
export interface AuditSettings {
  readonly to: 'console' | 'topic'
  readonly topic: string | undefined
  readonly key: string | undefined
  readonly keysHash: string | undefined
  readonly updatesTopic: string | undefined
}

/** What the bindings say. */
export interface Settings {
  readonly kafka: KafkaSettings
  readonly origin: OriginOptions | undefined
  readonly namespaces: readonly string[] | undefined
  readonly auth: Authorizer
  readonly tier: TierSettings | undefined
  /** `undefined`: each isolate samples the log for itself. */
  readonly tail: TailSettings | undefined
  /** `undefined`: nothing is signed. */
  readonly signing: SignOptions | undefined
  /** Whether values travel through the updates topic. */
  readonly replicates: boolean
  /** Options of the cache beside `kafka` and `use`. */
  readonly cache: Omit<CacheOptions, 'kafka' | 'use'>
  readonly audit: AuditSettings | undefined
  /** Whether there are streams and dumps. */
  readonly bulk: boolean
  readonly timing: boolean
  /** The variables of OpenTelemetry; `undefined`: metrics are pushed nowhere. */
  readonly otel: Readonly<Record<string, unknown>> | undefined
  readonly evictionsTopic: string
  readonly evictionPartitions: number
}

/** The variable of each option of the cache and its adapters, to name it in an error. */
const VARIABLE_OF: Readonly<Record<string, keyof Variables>> = {
  url: 'KAFKA_REST_URL',
  auth: 'KAFKA_USERNAME',
  username: 'KAFKA_USERNAME',
  password: 'KAFKA_PASSWORD',
  topics: 'EVICTIONS_TOPIC',
  keys: 'SIGN_KEYS',
  secret: 'TAIL_SECRET',
  shards: 'TAIL_SHARDS',
  evictionPartitions: 'EVICTION_PARTITIONS',
  updatePartitions: 'UPDATE_PARTITIONS',
  ttl: 'TTL',
  swr: 'SWR',
  staleIfError: 'STALE_IF_ERROR',
  maxStaleness: 'MAX_STALENESS',
  refreshAfter: 'REFRESH_AFTER',
  pollTimeout: 'POLL_TIMEOUT',
  onUnreachable: 'ON_UNREACHABLE',
  maxOutage: 'MAX_OUTAGE',
  replicate: 'MODE',
  updatesIsolation: 'UPDATES_ISOLATION',
  maxEntries: 'MAX_ENTRIES',
  maxBytes: 'MAX_BYTES',
}

/**
 * Reads the bindings.
 * @throws BindingsError naming every variable that is missing or wrong
 */
export function readBindings(env: unknown): Settings {
  const present = Object.entries(typeof env === 'object' && env !== null ? env : {}).filter(
    ([, value]) => value !== '' && value !== undefined,
  )
  const read = readVariables(new Map(present))
  if ('faults' in read)
    throw new BindingsError(`${read.faults.map(([name, fault]) => `\`${name}\` ${fault}`).join('; ')}.`)
  const { variables } = read
  const kafka = kafkaOf(variables)
  return {
    kafka,
    ...originOf(variables),
    auth: authOf(variables),
    tier: accepted(readTier(variables)),
    tail: accepted(readTail(variables, kafka)),
    audit: auditOf(variables),
    bulk: variables.BULK !== 'off',
    signing: signingOf(variables),
    replicates: variables.MODE === 'replicate',
    timing: variables.SERVER_TIMING === 'on',
    otel: variables.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : { ...variables },
    cache: cacheOf(variables),
    evictionsTopic: variables.EVICTIONS_TOPIC,
    evictionPartitions: variables.EVICTION_PARTITIONS,
  }
}

/**
 * The error for bindings whose options were refused: two that do not go together, say. The refusal's message
 * may quote a value, so this one takes from it only the name of the option.
 */
export function blameBindings(refusal: TypeError): BindingsError {
  const option = /`(\w+)/.exec(refusal.message)?.[1] ?? ''
  const variable = Object.hasOwn(VARIABLE_OF, option) ? VARIABLE_OF[option] : undefined
  const blamed = variable === undefined ? 'The bindings are' : `\`${variable}\` is`
  return new BindingsError(`${blamed} refused, by itself or beside the others.`, { cause: refusal })
}

function kafkaOf(variables: Variables): KafkaSettings {
  const { KAFKA_REST_URL, KAFKA_USERNAME: username, KAFKA_PASSWORD: password, KAFKA_TOKEN: token } = variables
  if ((username === undefined) !== (password === undefined)) {
    throw new BindingsError('`KAFKA_USERNAME` and `KAFKA_PASSWORD` go together: set both, or neither.')
  }
  if (token !== undefined && username !== undefined) {
    throw new BindingsError(
      '`KAFKA_TOKEN` excludes `KAFKA_USERNAME` and `KAFKA_PASSWORD`: unset it, or those two.',
    )
  }
  const basic = username !== undefined && password !== undefined ? { username, password } : undefined
  const { KAFKA_FLAVOR: flavor } = variables
  if (flavor === 'upstash') {
    if (basic === undefined) {
      throw new BindingsError('`KAFKA_FLAVOR` upstash needs `KAFKA_USERNAME` and `KAFKA_PASSWORD`.')
    }
    return { flavor, url: KAFKA_REST_URL, ...basic }
  }
  const auth = token === undefined ? basic : { token }
  return { flavor, url: KAFKA_REST_URL, ...(auth !== undefined && { auth }) }
}

const OF_PLAIN = ['ORIGIN_TAGS_HEADER', 'ORIGIN_TAGS', 'ORIGIN_CACHE_CONTROL'] as const
const OF_ORIGIN = ['ORIGIN_TOKEN', 'ORIGIN_FORMAT', 'ORIGIN_MAX_TTL', ...OF_PLAIN] as const

function originOf(variables: Variables): Pick<Settings, 'origin' | 'namespaces'> {
  const { ORIGIN_URL: url, NAMESPACES: names } = variables
  if (url === undefined) {
    const alone = OF_ORIGIN.find((name) => variables[name] !== undefined)
    if (alone !== undefined) throw new BindingsError(`\`${alone}\` needs \`ORIGIN_URL\`.`)
    return { origin: undefined, namespaces: names }
  }
  if (names === undefined)
    throw new BindingsError('`ORIGIN_URL` needs `NAMESPACES`: name what clients may read.')
  const enveloped = OF_PLAIN.find((name) => variables[name] !== undefined)
  if (variables.ORIGIN_FORMAT === 'envelope' && enveloped !== undefined)
    throw new BindingsError(`\`${enveloped}\` needs \`ORIGIN_FORMAT\` plain.`)
  const further = defined({
    token: variables.ORIGIN_TOKEN,
    format: variables.ORIGIN_FORMAT,
    tagsHeader: variables.ORIGIN_TAGS_HEADER,
    tags: variables.ORIGIN_TAGS,
    cacheControl: variables.ORIGIN_CACHE_CONTROL,
    maxTtl: variables.ORIGIN_MAX_TTL,
  })
  return { origin: { url, ...further }, namespaces: names }
}

function authOf(variables: Variables): Authorizer {
  const { AUTH, READ_TOKENS: read, WRITE_TOKENS: write, EVICT_TOKENS: evict } = variables
  const hasTokens = read !== undefined || write !== undefined || evict !== undefined
  if (hasTokens && AUTH === 'open') {
    throw new BindingsError(
      '`AUTH` open lets every client do everything: unset it, or `READ_TOKENS`, `WRITE_TOKENS` and `EVICT_TOKENS`.',
    )
  }
  if (AUTH === 'open') return openToAll
  if (!hasTokens) {
    throw new BindingsError(
      'No access is configured: set `READ_TOKENS`, `WRITE_TOKENS` or `EVICT_TOKENS`, or set `AUTH` to open.',
    )
  }
  return bearerAuth({
    ...(read !== undefined && { read }),
    ...(write !== undefined && { write }),
    ...(evict !== undefined && { evict }),
  })
}

function auditOf(variables: Variables): AuditSettings | undefined {
  const { AUDIT: to, AUDIT_TOPIC: topic, AUDIT_KEY: key, AUDIT_KEYS_HASH: keysHash } = variables
  if (to === undefined) {
    const alone = (['AUDIT_TOPIC', 'AUDIT_KEY', 'AUDIT_KEYS_HASH'] as const).find(
      (name) => variables[name] !== undefined,
    )
    if (alone !== undefined) throw new BindingsError(`\`${alone}\` needs \`AUDIT\`.`)
    return undefined
  }
  if (to === 'console' && topic !== undefined) throw new BindingsError('`AUDIT_TOPIC` needs `AUDIT` topic.')
  return { to, topic, key, keysHash, updatesTopic: variables.UPDATES_TOPIC }
}

function signingOf(variables: Variables): SignOptions | undefined {
  const { SIGN_KEYS: keys, SIGN: sign = keys === undefined ? 'off' : 'warn', SIGN_EVICTIONS } = variables
  const evictions = SIGN_EVICTIONS ?? sign
  if (sign === 'off' && evictions === 'off') return undefined
  if (keys === undefined) throw new BindingsError('`SIGN` needs `SIGN_KEYS`.')
  return { keys: signingKeys(keys), sign, evictions, topics: topicsOf(variables) }
}

function accepted<T extends object>(read: T | { readonly fault: string } | undefined): T | undefined {
  if (read !== undefined && 'fault' in read) throw new BindingsError(read.fault)
  return read
}

const topicsOf = ({ EVICTIONS_TOPIC: evictions, UPDATES_TOPIC: updates }: Variables) =>
  defined({ evictions, updates })

function cacheOf(variables: Variables): Omit<CacheOptions, 'kafka' | 'use'> {
  return {
    topics: topicsOf(variables),
    ...defined({
      evictionPartitions: variables.EVICTION_PARTITIONS,
      updatePartitions: variables.UPDATE_PARTITIONS,
      ttl: variables.TTL,
      swr: variables.SWR,
      staleIfError: variables.STALE_IF_ERROR,
      maxStaleness: variables.MAX_STALENESS,
      refreshAfter: variables.REFRESH_AFTER,
      pollTimeout: variables.POLL_TIMEOUT,
      onUnreachable: variables.ON_UNREACHABLE,
      maxOutage: variables.MAX_OUTAGE,
      updatesIsolation: variables.UPDATES_ISOLATION,
      maxEntries: variables.MAX_ENTRIES,
      maxBytes: variables.MAX_BYTES,
    }),
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without the members that are `undefined`: an option that is named counts as given. */
function defined<T extends object>(options: T): Defined<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- entries lose the types of their members
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>
}
