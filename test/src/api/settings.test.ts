import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { json } from '../../../src/wire/codec.ts'
import { MAX_DURATION_MS } from '../../../src/runtime/duration.ts'
import type { CacheOptions, NamespaceOptions } from '../../../src/api/options.ts'
import { cacheSettings, namespaceSettings } from '../../../src/api/settings.ts'
import { checkWriteOptions } from '../../../src/api/option-schemas.ts'
import { loadSettings } from '../../../src/api/load-settings.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { memory } from '../../../src/testing/memory.ts'
import type { LoadOptions } from '../../../src/api/load-types.ts'
import type { SetOptions } from '../../../src/api/write-types.ts'

const kafka = memory()

/** As a person without a type checker would write them. */
const cache = (options: object = {}) => cacheSettings({ kafka, ...options })
const space = (options: object = {}, of: object = {}) =>
  namespaceSettings(options as NamespaceOptions<unknown>, cache(of).namespace)
const load = (options: object = {}) => loadSettings(options as LoadOptions<unknown>, cache().namespace.load)

/** A TypeError whose message quotes the option. */
function refuses(make: () => unknown, option: string): void {
  expect(make).toThrow(TypeError)
  expect(make).toThrow(`\`${option}`)
}

const NO_DURATION = ['', 'soon', '5', '-5s', -1, Number.NaN, Infinity, true, null, {}, ['5s']]
const NO_COUNT = [0, -1, 1.5, Number.NaN, Infinity, 2 ** 53, '10', null, true, {}]
const NO_FUNCTION = [null, 'f', 0, {}, true]
const NO_BOOLEAN = [null, 'true', 0, 1, {}]
const bad = (options: Record<string, readonly unknown[]>) =>
  Object.entries(options).flatMap(([option, values]) => values.map((value) => [option, value] as const))

const LIFETIME = {
  ttl: NO_DURATION,
  swr: NO_DURATION,
  staleIfError: NO_DURATION,
  jitter: [-0.1, 1.1, Number.NaN, '0.5', null, true],
  hardTimeout: NO_DURATION,
}

describe('the options of a cache', () => {
  it('say what is missing where no log is given', () => {
    expect(() => cacheSettings({} as CacheOptions)).toThrow(
      new TypeError('`kafka` is missing: give the log, as in createCache({ kafka: gateway({ url }) })'),
    )
  })

  it('have the defaults that their documentation names', () => {
    expect(cache()).toMatchObject({
      log: kafka,
      evictionsTopic: 'cache-evictions',
      updatesTopic: 'cache-updates',
      evictionPartitions: 1,
      updatePartitions: 1,
      updatesIsolation: 'committed',
      maxEntries: 10_000,
      maxBytes: 32_000_000,
      maxStalenessMs: 2000,
      refreshAfterMs: 1000,
      pollTimeoutMs: 500,
      onUnreachable: 'stale',
      maxOutageMs: 30_000,
      maxCatchUpRecords: 10_000,
      maxPollBytes: 1_000_000,
      maxLoads: 256,
      maxBypassLoads: 32,
      maxRememberedEvictions: 4096,
      codec: json,
      gzipAboveBytes: 1024,
      maxMessageBytes: 1_000_000,
      emit: undefined,
      namespace: {
        load: {
          ttl: '5m',
          swrMs: 0,
          staleIfErrorMs: 0,
          jitter: 0,
          timeoutMs: Infinity,
          hardTimeoutMs: 30_000,
          tags: undefined,
        },
        schema: undefined,
        maxEntries: 10_000,
        maxBytes: 32_000_000,
        maxEntryBytes: 8_000_000,
        settleMs: 0,
        announceExpiry: false,
        without: [],
        freeze: false,
        sizeOf: undefined,
      },
    })
  })

  it('are taken as they are given', () => {
    const runtime = fakeRuntime()
    const codec = messagePack()
    const settings = cache({
      topics: { evictions: 'shop.cache.evictions', updates: 'u' },
      evictionPartitions: 4,
      updatePartitions: 8,
      updatesIsolation: 'uncommitted',
      maxEntries: 5,
      maxBytes: 1000,
      maxEntryBytes: 1000,
      maxStaleness: '1m',
      refreshAfter: '1m',
      pollTimeout: 1,
      onUnreachable: 'throw',
      maxOutage: '1h',
      maxCatchUpRecords: 1,
      maxPollBytes: 2,
      maxLoads: 3,
      maxBypassLoads: 4,
      maxRememberedEvictions: 6,
      settle: '2s',
      announceExpiry: true,
      hardTimeout: '1s',
      codec,
      gzipAboveBytes: Infinity,
      maxMessageBytes: 7,
      runtime,
      ttl: 0,
      swr: '3s',
      staleIfError: '4s',
      jitter: 1,
    })

    expect(settings).toMatchObject({
      evictionsTopic: 'shop.cache.evictions',
      updatesTopic: 'u',
      evictionPartitions: 4,
      updatePartitions: 8,
      updatesIsolation: 'uncommitted',
      maxEntries: 5,
      maxBytes: 1000,
      maxStalenessMs: 60_000,
      refreshAfterMs: 60_000,
      pollTimeoutMs: 1,
      onUnreachable: 'throw',
      maxOutageMs: 3_600_000,
      maxCatchUpRecords: 1,
      maxPollBytes: 2,
      maxLoads: 3,
      maxBypassLoads: 4,
      maxRememberedEvictions: 6,
      gzipAboveBytes: Infinity,
      maxMessageBytes: 7,
      namespace: {
        load: { ttl: 0, swrMs: 3000, staleIfErrorMs: 4000, jitter: 1, hardTimeoutMs: 1000 },
        maxEntryBytes: 1000,
        settleMs: 2000,
        announceExpiry: true,
      },
    })
    expect([settings.codec, settings.runtime]).toEqual([codec, runtime])
  })

  it('that are undefined are as if they were not there', () => {
    const names = [
      'maxStaleness',
      'ttl',
      'codec',
      'runtime',
      'onEvent',
      'topics',
      'use',
      'maxEntries',
      'jitter',
    ]
    const settings = cache(Object.fromEntries(names.map((name) => [name, undefined])))

    expect({ ...settings, runtime: undefined }).toEqual({ ...cache(), runtime: undefined })
  })

  it.each(
    bad({
      ...LIFETIME,
      kafka: [undefined, null, {}, 'http://proxy', { produce: () => undefined, offsets: () => undefined }],
      topics: [null, 'cache-evictions', []],
      evictionPartitions: [...NO_COUNT, 101],
      updatePartitions: [...NO_COUNT, 1001],
      use: [null, {}, 'replicate', [{}], [null], [{ name: 'x' }], [{ name: 'x', open: true }]],
      updatesIsolation: ['Committed', '', null, true],
      maxEntries: NO_COUNT,
      maxBytes: NO_COUNT,
      maxEntryBytes: NO_COUNT,
      maxStaleness: NO_DURATION,
      refreshAfter: NO_DURATION,
      pollTimeout: [...NO_DURATION, 0],
      onUnreachable: ['fail', '', null, true],
      maxOutage: NO_DURATION,
      maxCatchUpRecords: NO_COUNT,
      maxPollBytes: NO_COUNT,
      maxLoads: NO_COUNT,
      maxBypassLoads: NO_COUNT,
      maxRememberedEvictions: NO_COUNT,
      settle: NO_DURATION,
      announceExpiry: NO_BOOLEAN,
      codec: [null, 'json', {}, { encode: () => undefined, decode: () => undefined }],
      gzipAboveBytes: [-1, Number.NaN, '1k', null, -Infinity],
      maxMessageBytes: NO_COUNT,
      onEvent: NO_FUNCTION,
      runtime: [null, {}, { now: () => 0 }],
    }),
  )('are a TypeError that quotes `%s` when it is %j', (option, value) => {
    refuses(() => cache({ [option]: value }), option)
  })

  it.each(
    bad({
      evictions: ['', 'a/b', 'a b', 'x'.repeat(250), 'ä', null, 7],
      updates: ['', 'a/b'],
    }),
  )('are a TypeError that quotes the topic of %s when it is %j', (name, value) => {
    refuses(() => cache({ topics: { [name]: value } }), `topics.${name}`)
  })

  it('are a TypeError for what is no option, at any depth', () => {
    refuses(() => cache({ maxStalenes: '2s' }), 'maxStalenes`')
    refuses(() => cache({ timeout: '2s' }), 'timeout`')
    refuses(() => cache({ topics: { eviction: 'x' } }), 'topics.eviction`')
  })

  it.each([[undefined], [null], ['kafka'], [7]])('are a TypeError when they are %j', (options) => {
    refuses(() => cacheSettings(options as unknown as CacheOptions), 'options`')
  })

  it('do not repeat what stands in them', () => {
    let message = ''
    try {
      cache({ kafka: { password: 's3cret' }, topics: { evictions: 's3cret/' } })
    } catch (error) {
      message = (error as Error).message
    }

    expect(message).toContain('`kafka`')
    expect(message).not.toContain('s3cret')
  })
})

describe('options that depend on each other', () => {
  it('poll before what is held is too old to be served', () => {
    refuses(() => cache({ maxStaleness: '1s', refreshAfter: 1001 }), 'refreshAfter`')
    expect(cache({ maxStaleness: '1s', refreshAfter: 1000 }).refreshAfterMs).toBe(1000)
    expect(cache({ maxStaleness: '10s' }).refreshAfterMs).toBe(5000)
  })

  it('allow an outage no shorter than the promise', () => {
    refuses(() => cache({ maxStaleness: '1m', maxOutage: '59s' }), 'maxOutage`')
    expect(cache({ maxStaleness: '1m', maxOutage: '1m' }).maxOutageMs).toBe(60_000)
    expect(cache({ maxStaleness: '1m' }).maxOutageMs).toBe(60_000)
  })

  it('keep no value that is larger than all that may be held', () => {
    refuses(() => cache({ maxBytes: 1000, maxEntryBytes: 1001 }), 'maxEntryBytes`')
    expect(cache({ maxBytes: 1001 }).namespace.maxEntryBytes).toBe(251)
    expect(cache({ maxBytes: 1 }).namespace.maxEntryBytes).toBe(1)
  })

  it('hold durations at most as long as timers can', () => {
    expect(cache({ maxOutage: '365d' }).maxOutageMs).toBe(MAX_DURATION_MS)
  })
})

describe('a listener', () => {
  it('gets every event, and breaks nothing when it throws', () => {
    const heard: unknown[] = []
    const { emit } = cache({
      onEvent: (event: unknown) => {
        heard.push(event)
        throw new Error('mine')
      },
    })
    const event = { type: 'miss', namespace: 'users', key: '42' } as const

    expect(() => emit?.(event)).not.toThrow()
    expect(heard).toEqual([event])
  })
})

describe('the options of a namespace', () => {
  it('stand over those of the cache', () => {
    const tags = () => ['t']
    const sizeOf = () => 1
    const schema = z.string()
    const options = { ttl: '1m', swr: 5, jitter: 0.2, timeout: '1s', hardTimeout: '9s', tags, sizeOf, schema }
    const of = { ttl: '7m', swr: '1s', staleIfError: '2s', settle: '3s', announceExpiry: true }

    expect(space(options, of)).toMatchObject({
      load: {
        ttl: '1m',
        swrMs: 5,
        staleIfErrorMs: 2000,
        jitter: 0.2,
        timeoutMs: 1000,
        hardTimeoutMs: 9000,
        tags,
      },
      schema,
      sizeOf,
      settleMs: 3000,
      announceExpiry: true,
    })
    expect(space({ settle: 0, announceExpiry: false, staleIfError: 0 }, of)).toMatchObject({
      load: { ttl: '7m', staleIfErrorMs: 0 },
      settleMs: 0,
      announceExpiry: false,
    })
  })

  it('may take less than the cache holds, and not more', () => {
    const of = { maxEntries: 100, maxBytes: 1000 }

    expect(space({}, of)).toMatchObject({ maxEntries: 100, maxBytes: 1000, maxEntryBytes: 250 })
    expect(space({ maxEntries: 10, maxBytes: 100 }, of)).toMatchObject({
      maxEntries: 10,
      maxBytes: 100,
      maxEntryBytes: 100,
    })
    expect(space({ maxEntries: 1000, maxBytes: 10_000 }, of)).toMatchObject({
      maxEntries: 100,
      maxBytes: 1000,
      maxEntryBytes: 250,
    })
  })

  it('may depend on the value', () => {
    const ttl = () => '1s' as const

    expect(space({ ttl }).load.ttl).toSatisfy((of: typeof ttl) => of() === '1s')
  })

  it.each(
    bad({
      ...LIFETIME,
      timeout: NO_DURATION,
      schema: [null, {}, 'string', () => true],
      tags: [...NO_FUNCTION, ['t']],
      maxEntries: NO_COUNT,
      maxBytes: NO_COUNT,
      without: [null, 'sharedTier', [7], {}, true],
      settle: NO_DURATION,
      announceExpiry: NO_BOOLEAN,
      freeze: NO_BOOLEAN,
      sizeOf: NO_FUNCTION,
    }),
  )('are a TypeError that quotes `%s` when it is %j', (option, value) => {
    refuses(() => space({ [option]: value }), option)
  })

  it('are a TypeError for what is no option, also one of the cache', () => {
    refuses(() => space({ TTL: '1s' }), 'TTL`')
    refuses(() => space({ maxStaleness: '1s' }), 'maxStaleness`')
    refuses(() => space({ maxEntryBytes: 10 }), 'maxEntryBytes`')
    refuses(() => space({ use: [] }), 'use`')
  })
})

describe('the options of a call', () => {
  it('stand over those of the namespace, and are those where there are none', () => {
    const base = cache({ ttl: '7m', swr: '1s' }).namespace.load

    expect(loadSettings(undefined, base)).toBe(base)
    expect(loadSettings({ ttl: 5, timeout: 0, tags: ['t'] }, base)).toEqual({
      ...base,
      fixed: undefined,
      ttl: 5,
      timeoutMs: 0,
      tags: ['t'],
    })
  })

  it.each(
    bad({
      ...LIFETIME,
      timeout: NO_DURATION,
      after: [7, null, {}],
      signal: [null, {}, 'abort', { aborted: false }],
      tags: [null, 't', [7], {}],
    }),
  )('are a TypeError that quotes `%s` when it is %j', (option, value) => {
    refuses(() => load({ [option]: value }), option)
  })

  it('are a TypeError for what is no option', () => {
    refuses(() => load({ version: 7 }), 'version`')
    refuses(() => load({ settle: 7 }), 'settle`')
  })
})

describe('the options of a write', () => {
  const { signal } = new AbortController()
  const check = (options: unknown, allows: 'set' | 'delete' | 'evict') => () =>
    checkWriteOptions(options as SetOptions<never>, allows)

  it('are those that the write has use for', () => {
    expect(check(undefined, 'set')).not.toThrow()
    expect(check({}, 'evict')).not.toThrow()
    expect(check({ ttl: '5m', tags: ['t'], version: 7, signal }, 'set')).not.toThrow()
    expect(check({ ttl: () => '5m' }, 'set')).not.toThrow()
    expect(check({ version: 7, signal }, 'delete')).not.toThrow()
    expect(check({ signal }, 'evict')).not.toThrow()
  })

  it.each([
    ['set', 'swr', '5m'],
    ['set', 'ttl', null],
    ['set', 'ttl', true],
    ['set', 'tags', 't'],
    ['set', 'tags', [7]],
    ['set', 'version', '7'],
    ['set', 'version', Number.NaN],
    ['set', 'signal', {}],
    ['delete', 'ttl', '5m'],
    ['delete', 'tags', ['t']],
    ['delete', 'version', '7'],
    ['evict', 'version', 7],
    ['evict', 'signal', null],
  ] as const)('of %s are a TypeError that quotes `%s` when it is %j', (allows, option, value) => {
    refuses(check({ [option]: value }, allows), option)
  })
})
