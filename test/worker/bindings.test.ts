import { describe, expect, it } from 'vitest'
import { BindingsError, blameBindings, readBindings } from '../../worker/bindings.ts'
import { refusalOf } from './refused-bindings.ts'

const least = { KAFKA_REST_URL: 'http://kafka.test', AUTH: 'open' }

describe('a shared tier', () => {
  const namespace = { getWithMetadata: () => undefined, put: () => undefined, delete: () => undefined }
  const tierIn = (env: object) => readBindings({ ...least, ...env }).tier

  it('is none where none is named', () => {
    expect(tierIn({ TIER_PREFIX: 'shop' })).toBeUndefined()
  })

  it('is a KV namespace, the Cache API, or Upstash Redis', () => {
    // A namespace that is bound, and not used now, does no harm.
    expect(tierIn({ TIER: 'cache-api', TIER_KV: namespace })).toEqual({ kind: 'cache-api', prefix: 'kedge' })
    expect(tierIn({ TIER: 'workers-kv', TIER_KV: namespace, TIER_PREFIX: 'shop' })).toEqual({
      kind: 'workers-kv',
      prefix: 'shop',
      namespace,
    })
    const redis = { TIER: 'upstash-redis', TIER_URL: 'https://redis.test', TIER_TOKEN: 'secret' }
    expect(tierIn(redis)).toEqual({
      kind: 'upstash-redis',
      prefix: 'kedge',
      url: 'https://redis.test',
      token: 'secret',
    })
  })

  it.each([
    [{ TIER: 'memcached' }, '`TIER` must be one of'],
    [{ TIER: 'workers-kv' }, '`TIER_KV`, a KV namespace, is needed'],
    [{ TIER: 'workers-kv', TIER_KV: 'name' }, '`TIER_KV` must be a KV namespace'],
    [{ TIER: 'cache-api', TIER_PREFIX: 'a.b' }, '`TIER_PREFIX` must be letters'],
    [{ TIER: 'upstash-redis', TIER_URL: 'https://redis.test' }, '`TIER_URL` and `TIER_TOKEN` are needed'],
    [{ TIER_TOKEN: 'secret' }, '`TIER_URL` and `TIER_TOKEN` are for'],
    [
      { TIER: 'upstash-redis', TIER_URL: 'https://redis.test', TIER_TOKEN: 'a secret' },
      '`TIER_TOKEN` must be',
    ],
  ])('is refused without its secrets: %j', (env, fault) => {
    const refusal = refusalOf({ ...least, ...env })
    expect(refusal).toContain(fault)
    expect(refusal).not.toContain('secret')
  })
})

describe('readBindings', () => {
  it('needs an address and a decision on access, and no more', () => {
    const settings = readBindings(least)
    expect(settings).toMatchObject({
      kafka: { flavor: 'confluent', url: 'http://kafka.test' },
      origin: undefined,
      namespaces: undefined,
      replicates: false,
      cache: { topics: { evictions: 'cache-evictions' }, evictionPartitions: 1 },
      evictionsTopic: 'cache-evictions',
      evictionPartitions: 1,
    })
    expect(settings.kafka).not.toHaveProperty('auth')
    expect(Object.keys(settings.cache).toSorted()).toEqual(['evictionPartitions', 'topics'])
  })

  it('reads every variable', () => {
    const { kafka, origin, namespaces, cache, replicates, evictionsTopic } = readBindings({
      ...least,
      KAFKA_FLAVOR: 'gateway',
      KAFKA_USERNAME: 'u',
      KAFKA_PASSWORD: 'p',
      ORIGIN_URL: 'https://origin.test/v1',
      ORIGIN_TOKEN: 'token',
      NAMESPACES: 'airports, users',
      TTL: '5m',
      SWR: '1m',
      STALE_IF_ERROR: '1h',
      MAX_STALENESS: '2000',
      REFRESH_AFTER: '1s',
      POLL_TIMEOUT: '500ms',
      ON_UNREACHABLE: 'bypass',
      MAX_OUTAGE: '15s',
      MODE: 'replicate',
      UPDATES_ISOLATION: 'uncommitted',
      MAX_ENTRIES: '5000',
      MAX_BYTES: '1000000',
      EVICTIONS_TOPIC: 'shop.evictions',
      EVICTION_PARTITIONS: '3',
      UPDATES_TOPIC: 'shop.updates',
      UPDATE_PARTITIONS: '6',
      OTHER: 'is not ours',
      BUCKET: {},
    })
    expect(kafka).toEqual({
      flavor: 'gateway',
      url: 'http://kafka.test',
      auth: { username: 'u', password: 'p' },
    })
    expect(origin).toEqual({ url: 'https://origin.test/v1', token: 'token' })
    expect(namespaces).toEqual(['airports', 'users'])
    expect(evictionsTopic).toBe('shop.evictions')
    expect(replicates).toBe(true)
    expect(cache).toEqual({
      topics: { evictions: 'shop.evictions', updates: 'shop.updates' },
      evictionPartitions: 3,
      updatePartitions: 6,
      ttl: '5m',
      swr: '1m',
      staleIfError: '1h',
      maxStaleness: 2000,
      refreshAfter: '1s',
      pollTimeout: '500ms',
      onUnreachable: 'bypass',
      maxOutage: '15s',
      updatesIsolation: 'uncommitted',
      maxEntries: 5000,
      maxBytes: 1_000_000,
    })
  })

  it('reads a bearer token for the log, and the credentials of Upstash', () => {
    expect(readBindings({ ...least, KAFKA_TOKEN: 't' }).kafka).toMatchObject({ auth: { token: 't' } })
    const upstash = { ...least, KAFKA_FLAVOR: 'upstash', KAFKA_USERNAME: 'u', KAFKA_PASSWORD: 'p' }
    expect(readBindings(upstash).kafka).toEqual({
      flavor: 'upstash',
      url: 'http://kafka.test',
      username: 'u',
      password: 'p',
    })
  })

  it('takes an empty variable for an absent one', () => {
    expect(readBindings({ ...least, TTL: '', READ_TOKENS: '' }).cache).not.toHaveProperty('ttl')
    expect(refusalOf({ KAFKA_REST_URL: '', AUTH: 'open' })).toBe('`KAFKA_REST_URL` is missing.')
  })

  it('makes the tokens that are given the only way in', async () => {
    const { auth } = readBindings({ ...least, AUTH: undefined, READ_TOKENS: 'a, b', EVICT_TOKENS: 'b' })
    await expect(auth.authorize('read', 'Bearer a')).resolves.toMatchObject({ scopes: ['read'] })
    await expect(auth.authorize('evict', 'Bearer b')).resolves.toMatchObject({ scopes: ['read', 'evict'] })
    await expect(auth.authorize('evict', 'Bearer a')).rejects.toMatchObject({ status: 403 })
    await expect(auth.authorize('write', 'Bearer b')).rejects.toMatchObject({ status: 403 })
    await expect(auth.authorize('read', undefined)).rejects.toMatchObject({ status: 401 })
  })

  it('lets every client in only under `AUTH`', async () => {
    await expect(readBindings(least).auth.authorize('evict', undefined)).resolves.toMatchObject({ name: '' })
    expect(refusalOf({ KAFKA_REST_URL: 'http://kafka.test' })).toMatch(
      /No access is configured: set `READ_TOKENS`, `WRITE_TOKENS` or `EVICT_TOKENS`, or set `AUTH` to open/,
    )
    expect(refusalOf({ ...least, WRITE_TOKENS: 'a' })).toContain('`AUTH`')
  })

  const secret = 's3cr3t value!'
  it.each([
    'KAFKA_REST_URL',
    'KAFKA_FLAVOR',
    'EVICTIONS_TOPIC',
    'EVICTION_PARTITIONS',
    'UPDATES_TOPIC',
    'UPDATE_PARTITIONS',
    'ORIGIN_URL',
    'ORIGIN_TOKEN',
    'ORIGIN_FORMAT',
    'ORIGIN_TAGS_HEADER',
    'ORIGIN_CACHE_CONTROL',
    'ORIGIN_MAX_TTL',
    'NAMESPACES',
    'TTL',
    'SWR',
    'STALE_IF_ERROR',
    'MAX_STALENESS',
    'REFRESH_AFTER',
    'POLL_TIMEOUT',
    'ON_UNREACHABLE',
    'MAX_OUTAGE',
    'MODE',
    'UPDATES_ISOLATION',
    'MAX_ENTRIES',
    'MAX_BYTES',
    'READ_TOKENS',
    'WRITE_TOKENS',
    'EVICT_TOKENS',
    'AUTH',
    'SIGN',
    'SIGN_EVICTIONS',
    'SIGN_KEYS',
  ])('names %s when it is wrong, and never its value', (name) => {
    const refusal = refusalOf({ ...least, [name]: secret })
    expect(refusal).toContain(`\`${name}\` must`)
    expect(refusal).not.toContain(secret)
    expect(refusalOf({ ...least, [name]: { not: 'a text' } })).toContain(`\`${name}\``)
  })

  it('names ORIGIN_TAGS where a template is none', () => {
    expect(refusalOf({ ...least, ORIGIN_TAGS: 'a:{secret}' })).toMatch(/^`ORIGIN_TAGS` must(?!.*secret)/)
  })

  it('names all that is wrong at once', () => {
    expect(refusalOf({ TTL: 'soon', MODE: 'x' })).toMatch(/`KAFKA_REST_URL` is missing; `TTL`.*; `MODE`/)
    expect(refusalOf(undefined)).toContain('`KAFKA_REST_URL` is missing')
  })

  it.each([
    [{ KAFKA_USERNAME: 'u' }, 'KAFKA_PASSWORD'],
    [{ KAFKA_PASSWORD: 'p' }, 'KAFKA_USERNAME'],
    [{ KAFKA_TOKEN: 't', KAFKA_USERNAME: 'u', KAFKA_PASSWORD: 'p' }, 'KAFKA_TOKEN'],
    [{ KAFKA_FLAVOR: 'upstash' }, 'KAFKA_USERNAME'],
    [{ KAFKA_FLAVOR: 'upstash', KAFKA_TOKEN: 't' }, 'KAFKA_USERNAME'],
    [{ ORIGIN_URL: 'http://origin.test' }, 'NAMESPACES'],
    [{ ORIGIN_TOKEN: 't' }, 'ORIGIN_URL'],
    [{ ORIGIN_FORMAT: 'plain' }, 'ORIGIN_URL'],
    [
      { ORIGIN_URL: 'http://o.test', NAMESPACES: 'a', ORIGIN_FORMAT: 'envelope', ORIGIN_TAGS: 'a:{key}' },
      'ORIGIN_TAGS',
    ],
    [{ NAMESPACES: 'a,,b' }, 'NAMESPACES'],
    [{ NAMESPACES: '..' }, 'NAMESPACES'],
    [{ READ_TOKENS: ' , ' }, 'READ_TOKENS'],
    [{ KAFKA_REST_URL: 'http://u:p@kafka.test' }, 'KAFKA_REST_URL'],
    [{ KAFKA_REST_URL: 'file:///etc/passwd' }, 'KAFKA_REST_URL'],
    [{ TTL: '-1s' }, 'TTL'],
    [{ MAX_ENTRIES: '0' }, 'MAX_ENTRIES'],
  ])('refuses %j, naming %s', (env, name) => {
    expect(refusalOf({ ...least, ...env })).toContain(`\`${name}\``)
  })
})

describe('blameBindings', () => {
  it('names the variable that a refused option was taken from, without the value that it quotes', () => {
    const refusal = new TypeError('`maxOutage` must not be shorter than `maxStaleness`, got "7s"')
    expect(blameBindings(refusal).message).toBe('`MAX_OUTAGE` is refused, by itself or beside the others.')
    expect(blameBindings(refusal)).toBeInstanceOf(BindingsError)
  })

  it('blames the bindings as a whole where it does not know the option', () => {
    expect(blameBindings(new TypeError('`constructor` is odd')).message).toMatch(/^The bindings are refused/)
    expect(blameBindings(new TypeError('odd')).message).toMatch(/^The bindings are refused/)
  })
})
