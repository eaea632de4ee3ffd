import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { readEviction } from '../../../src/wire/read-eviction.ts'
import { readRequest } from '../../../src/wire/read-request.ts'
import { readUpdate } from '../../../src/wire/read-update.ts'
import { updateRecordKey } from '../../../src/wire/record-key.ts'
import { checkId } from '../../../src/wire/ids.ts'
import type { Eviction } from '../../../src/wire/read-eviction.ts'

const isNamespace = (name: string) => name === 'users' || name === 'orders'
const ids = (count: number) => Array.from({ length: count }, (_, at) => `k${at}`)

const evicted = (message: unknown, recordKey?: string): Eviction =>
  readEviction(message, recordKey, isNamespace)

/** An eviction without what is empty in it. */
function said(message: unknown, recordKey?: string): Record<string, unknown> {
  const entries = Object.entries(evicted(message, recordKey))
  return Object.fromEntries(
    entries.filter(([, part]) =>
      Array.isArray(part) ? part.length > 0 : part !== undefined && part !== false,
    ),
  )
}

const updated = (message: unknown, recordKey?: string) =>
  readUpdate(message, recordKey, isNamespace, () => 300_000)

describe('an eviction', () => {
  it('names keys, tags and prefixes of a namespace', () => {
    const message = { v: 1, op: 'evict', ns: 'users', keys: ['42'], tags: ['team:7'], prefixes: ['eu/'] }

    expect(said(message, 'users')).toEqual({
      namespace: 'users',
      keys: ['42'],
      tags: ['team:7'],
      prefixes: ['eu/'],
    })
  })

  it('may name a version, of any number', () => {
    for (const version of [0, -1, 7, 2 ** 53 - 1]) {
      const message = { v: 1, op: 'evict', ns: 'users', keys: ['42'], version }
      expect(said(message)).toEqual({ namespace: 'users', keys: ['42'], version })
    }
  })

  it('names its author only when it is an expiry', () => {
    const message = { v: 1, op: 'evict', ns: 'users', keys: ['42'], from: 'me' }

    expect(evicted({ ...message, why: 'ttl' }).announcedBy).toBe('me')
    expect(evicted(message).announcedBy).toBeUndefined()
  })

  it('ignores fields that it does not know', () => {
    expect(said({ v: 1, op: 'evict', ns: 'users', keys: ['42'], later: true })).toEqual({
      namespace: 'users',
      keys: ['42'],
    })
  })

  it('clears a namespace, or everything', () => {
    expect(said({ v: 1, op: 'clear', ns: 'users' })).toEqual({ namespace: 'users', all: true })
    expect(said({ v: 1, op: 'clear' })).toEqual({ all: true })
  })

  it('holds at most 1000 of each, and beyond that clears the namespace', () => {
    for (const field of ['keys', 'tags', 'prefixes']) {
      const message = { v: 1, op: 'evict', ns: 'users' }
      expect(said({ ...message, [field]: ids(1000) })).toEqual({ namespace: 'users', [field]: ids(1000) })
      expect(said({ ...message, [field]: ids(1001) })).toEqual({
        namespace: 'users',
        all: true,
        unreadable: true,
      })
    }
  })

  it('names keys of at most 512 characters, and beyond that clears the namespace', () => {
    const message = { v: 1, op: 'evict', ns: 'users' }

    expect(evicted({ ...message, keys: ['x'.repeat(512)] }).all).toBe(false)
    expect(evicted({ ...message, keys: ['x'.repeat(513)] })).toMatchObject({ namespace: 'users', all: true })
    expect(evicted({ ...message, keys: [''] })).toMatchObject({ namespace: 'users', all: true })
  })

  it('counts the length of keys in UTF-16 units, of which some characters take two', () => {
    const message = { v: 1, op: 'evict', ns: 'users' }

    expect(evicted({ ...message, keys: ['🚀'.repeat(256)] }).keys).toHaveLength(1)
    expect(said({ ...message, keys: ['🚀'.repeat(257)] })).toEqual({
      namespace: 'users',
      all: true,
      unreadable: true,
    })
    const put = { v: 1, op: 'put', ns: 'users', value: 1, ttl: 1000, at: 0, asOf: 0 }
    expect(updated({ ...put, key: '🚀'.repeat(257) }, 'users/7')).toMatchObject({ kind: 'drop', key: '7' })
  })

  it.each([
    ['a later version', { v: 2, op: 'evict', ns: 'users', keys: ['42'] }],
    ['an unknown operation', { v: 1, op: 'forget', ns: 'users', key: '42' }],
    ['an operation of another topic', { v: 1, op: 'load', ns: 'users', key: '42' }],
    ['no keys at all', { v: 1, op: 'evict', ns: 'users' }],
    ['an empty list', { v: 1, op: 'evict', ns: 'users', keys: [] }],
    ['a number among its keys', { v: 1, op: 'evict', ns: 'users', keys: ['42', 43] }],
    [
      'one list that is good and one that is not',
      { v: 1, op: 'evict', ns: 'users', keys: ['42'], tags: 'x' },
    ],
    ['a version that is no number', { v: 1, op: 'evict', ns: 'users', keys: ['42'], version: '7' }],
    ['a reason that it does not know', { v: 1, op: 'evict', ns: 'users', keys: ['42'], why: 'lru' }],
    [
      'an author whose name is too long',
      { v: 1, op: 'evict', ns: 'users', keys: ['42'], from: 'x'.repeat(65) },
    ],
  ])('with %s clears its namespace, wherever its record key points', (_, message) => {
    const whole = { namespace: 'users', all: true, unreadable: true }

    expect(said(message, 'orders')).toEqual(whole)
    expect(said(message, '42')).toEqual(whole)
    expect(said(message)).toEqual(whole)
  })
})

describe('a heartbeat', () => {
  it('evicts nothing', () => {
    expect(said({ v: 1, op: 'beat' }, 'users')).toEqual({ empty: true })
    expect(said({ v: 1, op: 'beat' })).toEqual({ empty: true })
  })

  it('of a later version may mean something, and evicts', () => {
    expect(said({ v: 2, op: 'beat' })).toEqual({ all: true, unreadable: true })
  })
})

describe('an eviction written by another service', () => {
  it.each([
    ['without a namespace evicts its key everywhere', { key: '42' }, undefined, undefined],
    ['names its namespace as ns', { key: '42', ns: 'users' }, undefined, 'users'],
    ['names its namespace in full', { key: '42', namespace: 'users' }, undefined, 'users'],
    ['takes ns before namespace', { key: '42', ns: 'users', namespace: 'orders' }, undefined, 'users'],
    ['takes its own ns before its record key', { key: '42', ns: 'users' }, 'orders', 'users'],
    ['takes the namespace from its record key', { key: '42' }, 'users', 'users'],
    ['does not take a record key for a namespace that is none', { key: '42' }, 'elsewhere', undefined],
    ['does not take its own key for a namespace', { key: 'users' }, 'users', undefined],
    ['may name a namespace that is not used here', { key: '42', ns: 'elsewhere' }, undefined, 'elsewhere'],
  ])('%s', (_, message, recordKey, namespace) => {
    expect(said(message, recordKey)).toEqual({ ...(namespace && { namespace }), keys: [message.key] })
  })

  it.each([
    [{ keys: ['42', 43] }, { keys: ['42', '43'] }],
    [{ key: '42', keys: ['43'] }, { keys: ['42', '43'] }],
    [{ keys: '42' }, { keys: ['42'] }],
    [{ tags: ['a', 'b'] }, { tags: ['a', 'b'] }],
    [{ tag: 'a' }, { tags: ['a'] }],
    [{ prefix: 'eu/' }, { prefixes: ['eu/'] }],
    [{ prefixes: ['eu/', 'us/'] }, { prefixes: ['eu/', 'us/'] }],
    [{ key: '42', keys: null, tags: null, prefix: null, ns: null }, { keys: ['42'] }],
    [{ v: 1, keys: ['42'] }, { keys: ['42'] }],
    [{ op: 'evict', keys: ['42'] }, { keys: ['42'] }],
  ])('may be %j, in a namespace or in all', (message, expected) => {
    expect(said(message)).toEqual(expected)
    expect(said(message, 'users')).toEqual({ ...expected, namespace: 'users' })
    expect(said({ ...message, ns: 'orders' }, 'users')).toEqual({ ...expected, namespace: 'orders' })
  })

  it.each([
    '9007199254740993',
    '-1152921504606846977',
    '12345678901234567.89',
    '1e400',
    '0.1234567890123456',
  ])('with the number %s, which JSON rounds, evicts everything', (number) => {
    for (const message of [`{"key":${number}}`, `{"keys":["42",${number}]}`])
      expect(said(JSON.parse(message))).toEqual({ all: true, unreadable: true })
  })

  it('may have a number as its key', () => {
    expect(said({ key: 42 })).toEqual({ keys: ['42'] })
    expect(said({ key: -0.5 })).toEqual({ keys: ['-0.5'] })
    expect(said({ key: 0 })).toEqual({ keys: ['0'] })
  })

  it('evicts its key also where it brings a value', () => {
    expect(said({ key: '42', value: { name: 'Ada' }, ttl: 60_000 })).toEqual({ keys: ['42'] })
    expect(said({ key: '42', value: null, ttl: '5m', more: 1 })).toEqual({ keys: ['42'] })
    expect(said({ key: '42', ttl: -1 })).toEqual({ keys: ['42'] })
  })
})

describe('a record of the evictions that cannot be understood', () => {
  it.each([
    [null],
    [42],
    ['42'],
    [true],
    [[]],
    [['42']],
    [[{ key: '42' }]],
    [{}],
    [{ key: '' }],
    [{ key: null }],
    [{ key: ['42'] }],
    [{ key: { id: 42 } }],
    [{ key: Number.NaN }],
    [{ key: 'x'.repeat(513) }],
    [{ keys: [] }],
    [{ keys: ['42', ''] }],
    [{ keys: ids(1001) }],
    [{ tags: [7] }],
    [{ key: '42', ns: 'no such/name' }],
    [{ key: '42', ns: 'x'.repeat(65) }],
    [{ before: { id: 42 }, after: null, op: 'd' }],
    [{ v: 1, op: 'clear', ns: 'no such/name' }],
    [{ v: 1, op: 'evict', ns: 7, keys: ['42'] }],
  ])('(%j) evicts everything, whatever its record key says', (message) => {
    for (const recordKey of [undefined, '', 'users', '42'])
      expect(said(message, recordKey)).toEqual({ all: true, unreadable: true })
  })
})

describe('a record of the evictions without a value', () => {
  it.each([
    ['42', ['42']],
    ['"42"', ['"42"', '42']],
    ['"a\\u0062"', ['"a\\u0062"', 'ab']],
    ['42.0', ['42.0', '42']],
    ['1e2', ['1e2', '100']],
    ['true', ['true']],
    ['not json', ['not json']],
    ['"half', ['"half']],
    ['eu/42', ['eu/42']],
  ])('evicts every reading of its key %s', (recordKey, keys) => {
    expect(said(undefined, recordKey)).toEqual({ keys })
  })

  it.each([['users'], ['"users"']])('clears the namespace of the name %s as well', (recordKey) => {
    expect(said(undefined, recordKey)).toMatchObject({
      keys: [...new Set([recordKey, 'users'])],
      clears: ['users'],
    })
  })

  it.each([
    ['{"id":42}'],
    ['["42"]'],
    ['[]'],
    ['null'],
    ['\u0000\u0000\u0000\u0000\u0001042'],
    ['4\u00012'],
    ['""'],
    ['x'.repeat(513)],
    [`"${'x'.repeat(513)}"`],
    ['['.repeat(100_000)],
  ])('evicts everything where its key %j has no reading', (recordKey) => {
    expect(said(undefined, recordKey)).toEqual({ all: true, unreadable: true })
  })

  it('evicts everything where it has no key, which is a good way to say so', () => {
    for (const none of [undefined, '']) expect(said(undefined, none)).toEqual({ all: true })
  })
})

describe('any record of the evictions', () => {
  it('always evicts something, whatever it holds, and never throws', () => {
    fc.assert(
      fc.property(fc.anything(), fc.option(fc.string(), { nil: undefined }), (message, recordKey) => {
        const eviction = evicted(message, recordKey)
        expect(eviction.all || eviction.keys.length > 0).toBe(true)
      }),
    )
  })

  it('always evicts something where it looks like an eviction', () => {
    const part = fc.oneof(fc.constant(undefined), fc.anything(), fc.array(fc.string()))
    const lookalike = fc.record(
      {
        v: fc.constantFrom<unknown>(1, 2, '1'),
        op: fc.constantFrom('evict', 'clear', 'unknown'),
        ns: fc.constantFrom<unknown>('users', 'elsewhere', '', 7, undefined),
        keys: part,
        tags: part,
        prefixes: part,
      },
      { requiredKeys: ['v', 'op'] },
    )
    fc.assert(
      fc.property(lookalike, (message) => {
        const { all, keys, tags, prefixes } = evicted(message)
        expect(all || keys.length + tags.length + prefixes.length > 0).toBe(true)
      }),
    )
  })
})

describe('an update', () => {
  const put = { v: 1, op: 'put', ns: 'users', key: '42', value: { name: 'Ada' }, ttl: 60_000, at: 5, asOf: 7 }
  const value = { kind: 'value', namespace: 'users', key: '42', value: { name: 'Ada' }, ttlMs: 60_000 }

  it('is a value with its provenance', () => {
    expect(updated(put, 'users/42')).toEqual({ ...value, at: 5, asOf: 7 })
    expect(updated({ ...put, log: 'id', tags: ['t'], version: 3 })).toEqual({
      ...value,
      at: 5,
      asOf: 7,
      logId: 'id',
      tags: ['t'],
      version: 3,
    })
  })

  it('may be null, false or empty, which are values', () => {
    for (const each of [null, false, 0, '', []]) {
      expect(updated({ ...put, value: each })).toMatchObject({ kind: 'value', value: each })
    }
  })

  it('may say that there is no value any more', () => {
    expect(updated({ v: 1, op: 'del', ns: 'users', key: '42', asOf: 7 })).toEqual({
      kind: 'drop',
      namespace: 'users',
      key: '42',
      asOf: 7,
      unreadable: false,
    })
  })

  it.each([
    ['no value', { ...put, value: undefined }],
    ['a later version', { ...put, v: 2 }],
    ['an unknown operation', { ...put, op: 'merge' }],
    ['a TTL of nothing', { ...put, ttl: 0 }],
    ['a TTL in words', { ...put, ttl: '5m' }],
    ['an endless TTL', { ...put, ttl: Infinity }],
    ['a position below zero', { ...put, asOf: -1 }],
    ['a position between offsets', { ...put, asOf: 1.5 }],
    ['a position beyond exact numbers', { ...put, asOf: 2 ** 53 }],
    ['no position', { ...put, asOf: undefined }],
    ['too many tags', { ...put, tags: ids(1001) }],
    ['a key that is too long', { ...put, key: 'x'.repeat(513) }],
    ['a log whose name is too long', { ...put, log: 'x'.repeat(65) }],
  ])('with %s drops the key of its record', (_, message) => {
    expect(updated(message, 'users/42')).toEqual({
      kind: 'drop',
      namespace: 'users',
      key: '42',
      unreadable: true,
    })
  })

  it('without a value, a tombstone, drops the key of its record', () => {
    expect(updated(undefined, 'users/a/b')).toEqual({
      kind: 'drop',
      namespace: 'users',
      key: 'a/b',
      unreadable: false,
    })
    expect(updated(undefined, '42')).toEqual({
      kind: 'drop',
      namespace: undefined,
      key: '42',
      unreadable: false,
    })
  })

  it.each([['/42'], ['users/'], ['elsewhere/42'], ['no slash']])(
    'that cannot be read drops the whole record key %j everywhere where that names no namespace',
    (recordKey) => {
      expect(updated('nonsense', recordKey)).toMatchObject({
        kind: 'drop',
        namespace: undefined,
        key: recordKey,
      })
    },
  )

  it('that names no key at all is nothing', () => {
    for (const message of [undefined, null, 42, {}, { value: 1 }]) {
      expect(updated(message)).toBeUndefined()
      expect(updated(message, '')).toBeUndefined()
    }
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.anything(), fc.option(fc.string(), { nil: undefined }), (message, recordKey) => {
        const arrived = updated(message, recordKey)
        if (recordKey !== undefined && recordKey !== '') expect(arrived).toBeDefined()
      }),
    )
  })

  it('is found again under the key of its record', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (key) => {
        expect(updated(undefined, updateRecordKey('users', key))).toMatchObject({ namespace: 'users', key })
      }),
    )
  })
})

describe('an update written by another service', () => {
  const message = { key: '42', value: { name: 'Ada' } }
  const none = { at: undefined, asOf: undefined, logId: undefined, tags: undefined, version: undefined }
  const value = { kind: 'value', namespace: 'users', key: '42', value: { name: 'Ada' }, ...none }

  it('is a value without provenance, in the namespace that it or its record key names', () => {
    const expected = { ...value, ttlMs: 60_000 }

    expect(updated({ ...message, ttl: 60_000, ns: 'users' })).toStrictEqual(expected)
    expect(updated({ ...message, ttl: 60_000, namespace: 'users' })).toStrictEqual(expected)
    expect(updated({ ...message, ttl: 60_000 }, 'users')).toStrictEqual(expected)
    expect(updated({ ...message, ttl: 60_000 }, 'users/42')).toStrictEqual(expected)
  })

  it('lives for its ttl in milliseconds or in words, or as long as the namespace says', () => {
    expect(updated({ ...message, ns: 'users', ttl: 1500 })).toMatchObject({ ttlMs: 1500 })
    expect(updated({ ...message, ns: 'users', ttl: '5m' })).toMatchObject({ ttlMs: 300_000 })
    expect(updated({ ...message, ns: 'users' })).toMatchObject({ ttlMs: 300_000 })
  })

  it('may have a number as its key', () => {
    expect(updated({ key: 42, value: 1, ns: 'users' })).toMatchObject({ kind: 'value', key: '42' })
  })

  it('holds null as a value, and drops its key where there is none', () => {
    expect(updated({ key: '42', value: null, ns: 'users' })).toMatchObject({ kind: 'value', value: null })
    expect(updated({ key: '42', ns: 'users' })).toEqual({
      kind: 'drop',
      namespace: 'users',
      key: '42',
      unreadable: false,
    })
  })

  it('drops its key everywhere where no namespace is named: whose value it is cannot be known', () => {
    expect(updated(message, '42')).toEqual({
      kind: 'drop',
      namespace: undefined,
      key: '42',
      unreadable: false,
    })
  })

  it('drops its record key when its ttl cannot be read', () => {
    for (const ttl of ['soon', '-5s', -1, 0, 'x'.repeat(33), null]) {
      expect(updated({ ...message, ns: 'users', ttl }, 'users/42')).toEqual({
        kind: 'drop',
        namespace: 'users',
        key: '42',
        unreadable: true,
      })
    }
  })
})

describe('a request', () => {
  const request = { v: 1, op: 'load', ns: 'users', key: '42', deadline: 1_700_000_000_000 }

  it('names what to load and until when', () => {
    expect(readRequest(request)).toEqual(request)
  })

  it.each([
    [undefined],
    [null],
    ['load'],
    [{ ...request, v: 2 }],
    [{ ...request, op: 'put' }],
    [{ ...request, ns: '' }],
    [{ ...request, key: '' }],
    [{ ...request, key: 42 }],
    [{ ...request, deadline: -1 }],
    [{ ...request, deadline: 'soon' }],
  ])('is not what %j is', (message) => {
    expect(readRequest(message)).toBeUndefined()
  })
})

describe('a key, tag or prefix', () => {
  it.each([['a'], ['eu/42'], ['Zoë'], ['🚀'], [' '], ['\n'], ['x'.repeat(512)], ['🚀'.repeat(256)]])(
    'may be %j',
    (text) => {
      expect(() => checkId(text, 'key')).not.toThrow()
    },
  )

  it.each([
    [''],
    ['x'.repeat(513)],
    ['\ud83d'],
    ['\ude80'],
    ['a\ud83db'],
    ['\ude80\ud83d'],
    [42],
    [null],
    [undefined],
    [['a']],
  ])('is a TypeError that says which when it is %j', (text) => {
    expect(() => checkId(text as string, 'prefix')).toThrow(TypeError)
    expect(() => checkId(text as string, 'prefix')).toThrow('a prefix must be')
  })
})
