/**
 * Change events as Debezium's connectors write them through Kafka Connect's JsonConverter, with and without
 * `schemas.enable`. Shapes: Debezium's documentation of its connectors, "Data change events".
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SyncOptions } from '../../../services/sync/index.ts'
import { keyOf } from '../../../services/sync/debezium.ts'
import { world } from './world.ts'

const TS = 1_700_000_000_000
const source = {
  version: '3.3.1.Final',
  connector: 'postgresql',
  name: 'shop',
  ts_ms: TS,
  ts_us: TS * 1000,
  ts_ns: TS * 1_000_000,
  snapshot: 'false',
  db: 'shop',
  sequence: '["24023119","24023128"]',
  schema: 'public',
  table: 'customers',
  txId: 555,
  lsn: 24_023_128,
  xmin: null,
}
const fields = [
  { type: 'int32', optional: false, field: 'id' },
  { type: 'string', optional: true, field: 'email' },
]
const row = (type: string) => ({
  type: 'struct',
  fields,
  optional: true,
  name: 'shop.public.customers.Value',
  field: type,
})
const schemaOfValue = {
  type: 'struct',
  fields: [row('before'), row('after'), { type: 'string', optional: false, field: 'op' }],
  optional: false,
  name: 'shop.public.customers.Envelope',
  version: 2,
}
const schemaOfKey = {
  type: 'struct',
  fields: [fields[0]],
  optional: false,
  name: 'shop.public.customers.Key',
}

interface Shape {
  readonly name: string
  readonly key: (payload: unknown) => string
  readonly value: (payload: unknown) => string
}
const SHAPES: readonly Shape[] = [
  { name: 'without a schema', key: (key) => JSON.stringify(key), value: (value) => JSON.stringify(value) },
  {
    name: 'with a schema',
    key: (payload) => JSON.stringify({ schema: schemaOfKey, payload }),
    value: (payload) => JSON.stringify({ schema: schemaOfValue, payload }),
  },
]

const event = (op: string, before: unknown, after: unknown, more: object = {}) => ({
  before,
  after,
  source,
  transaction: null,
  op,
  ts_ms: TS + 142,
  ts_us: (TS + 142) * 1000,
  ts_ns: (TS + 142) * 1_000_000,
  ...more,
})

const OPTIONS = { format: 'debezium', key: 'c:{key}' } as const

/** Records through a sync: a value that is an object as the payload of an event. */
async function kept(
  options: Partial<SyncOptions>,
  shape: Shape,
  ...records: [key: unknown, payload: unknown][]
) {
  const at = world()
  at.log.createTopic('dead')
  for (const [key, payload] of records) {
    const value = typeof payload === 'object' && payload !== null ? shape.value(payload) : payload
    at.put(key === null ? null : typeof key === 'string' ? key : shape.key(key), value)
  }
  const { sync, said } = at.make({ ...OPTIONS, deadLetters: 'dead', ...options })
  await sync.step()
  return { all: at.all(), stats: sync.stats(), unusable: said('unusable') }
}

/** Stands for a column that PostgreSQL did not log. */
const HIDDEN = '__debezium_unavailable_value'
const ada = { id: 1004, email: 'ada@example.org' }
const key = { id: 1004 }

describe.each(SHAPES)('Debezium’s events $name', (shape) => {
  it.each(['c', 'u', 'r'])('of op %s write the row under the value of its key', async (op) => {
    const { all, stats } = await kept({}, shape, [key, event(op, null, ada)])
    expect(all).toEqual({ 'c:1004': '{"id":1004,"email":"ada@example.org"}' })
    expect(stats).toMatchObject({ unusable: 0, skipped: 0 })
  })

  it('of op d delete it, with a tombstone behind and without', async () => {
    const gone = event('d', { ...ada, email: null }, null)
    expect((await kept({}, shape, [key, event('c', null, ada)], [key, gone])).all).toEqual({})
    const both = await kept({}, shape, [key, event('c', null, ada)], [key, gone], [key, null])
    expect([both.all, both.stats.unusable]).toEqual([{}, 0])
  })

  it('that have no more than the row before delete it', async () => {
    const { op: _, after: __, ...rest } = event('d', ada, null)
    const { all } = await kept({}, shape, [key, event('c', null, ada)], [key, { ...rest, after: null }])
    expect(all).toEqual({})
    const bare = await kept({}, shape, [key, event('c', null, ada)], [key, { before: ada }])
    expect(bare.all).toEqual({})
  })

  it('of a row whose key changes move it', async () => {
    const { all, stats } = await kept(
      {},
      shape,
      [key, event('c', null, ada)],
      [key, event('d', ada, null)],
      [key, null],
      [{ id: 1005 }, event('c', null, { ...ada, id: 1005 })],
    )
    expect(all).toEqual({ 'c:1005': '{"id":1005,"email":"ada@example.org"}' })
    expect(stats.unusable).toBe(0)
  })

  it('keep the order of a row, whatever the batches are', async () => {
    const records: [unknown, unknown][] = [[key, event('c', null, ada)]]
    for (let n = 0; n < 20; n++) {
      const [before, after] = [
        { ...ada, n },
        { ...ada, n: n + 1 },
      ]
      records.push([key, n % 5 === 3 ? event('d', before, null) : event('u', before, after)])
      if (n % 5 === 3) records.push([key, null])
    }
    for (const maxBatch of [1, 3, 1000]) {
      const { all } = await kept({ maxBatch }, shape, ...records)
      expect(all).toEqual({ 'c:1004': '{"id":1004,"email":"ada@example.org","n":20}' })
    }
  })

  it('name fields of the row in templates and values, and fields of the key', async () => {
    const options = { key: '{topic}:{key.id}', value: ['email'] }
    const { all } = await kept(options, shape, [key, event('c', null, ada)])
    expect(all).toEqual({ 'orders:1004': '{"email":"ada@example.org"}' })
    const field = await kept({ value: 'email', encode: 'text' }, shape, [key, event('c', null, ada)])
    expect(field.all).toEqual({ 'c:1004': 'ada@example.org' })
  })

  it('delete by what the row was, where the key is made of the row, and take its old key away', async () => {
    const options = { key: 'mail:{value.email}' }
    const renamed = { ...ada, email: 'ada@example.com' }
    const first = await kept(options, shape, [key, event('c', null, ada)], [key, event('u', ada, renamed)])
    expect(Object.keys(first.all)).toEqual(['mail:ada@example.com'])
    const { all, stats } = await kept(
      options,
      shape,
      [key, event('c', null, ada)],
      [key, event('u', ada, renamed)],
      [key, event('d', renamed, null)],
      [key, null],
    )
    expect(all).toEqual({})
    expect(stats).toMatchObject({ unusable: 0, skipped: 1 })
  })

  it('keep numbers that no double holds, in keys and in rows', async () => {
    const at = world()
    for (const id of ['9007199254740993', '9007199254740992']) {
      const value = shape.value(event('c', null, { id: 7 })).replaceAll('"id":7', `"id":${id},"sum":1.10`)
      at.put(shape.key({ id: 7 }).replace('"id":7', `"id":${id}`), value)
    }
    await at.make(OPTIONS).sync.step()
    expect(at.all()).toEqual({
      'c:9007199254740993': '{"id":9007199254740993,"sum":1.10}',
      'c:9007199254740992': '{"id":9007199254740992,"sum":1.10}',
    })
  })

  it.each<[string, unknown, unknown]>([
    [
      'the begin of a transaction',
      { id: '571' },
      { status: 'BEGIN', id: '571', ts_ms: TS, event_count: null, data_collections: null },
    ],
    [
      'the end of a transaction',
      { id: '571' },
      {
        status: 'END',
        id: '571',
        ts_ms: TS,
        event_count: 1,
        data_collections: [{ data_collection: 's.a', event_count: 1 }],
      },
    ],
    ['a heartbeat', { serverName: 'shop' }, { ts_ms: TS }],
    [
      'a heartbeat of a later release',
      { serverName: 'shop' },
      { ts_ms: TS, ts_us: TS * 1000, ts_ns: TS * 1e6 },
    ],
    [
      'a change of a schema',
      { databaseName: 'shop' },
      { source, ts_ms: TS, databaseName: 'shop', schemaName: null, ddl: 'ALTER TABLE a', tableChanges: [] },
    ],
    [
      'a message in the log of the database',
      { prefix: 'p' },
      { op: 'm', ts_ms: TS, source, message: { prefix: 'p', content: 'aGk=' } },
    ],
  ])('pass over %s, and count it', async (_, about, payload) => {
    const { all, stats, unusable } = await kept({}, shape, [about, payload])
    expect([all, unusable]).toEqual([{}, []])
    expect(stats).toMatchObject({ skipped: 1, records: 1 })
  })

  it.each<[string, unknown, unknown, string, RegExp]>([
    ['a truncated table', null, event('t', null, null), 'truncate', /its rows stay in the store/],
    ['an unknown operation', key, event('x', null, ada), 'operation', /"x" is not known/],
    ['a row that is missing', key, event('u', null, null), 'missing', /after is no row/],
    ['what is no event', key, ada, 'undecodable', /no change event/],
    ['an array', key, [ada], 'undecodable', /no change event/],
    ['a row of a table without a key', null, event('c', null, ada), 'missing', /\{key\}/],
    [
      'a column that the log of PostgreSQL does not hold',
      key,
      event('u', null, { ...ada, body: '__debezium_unavailable_value' }),
      'missing',
      /does not hold body: .*REPLICA IDENTITY FULL/,
    ],
  ])('put %s into the dead letters, and leave what is there', async (_, about, payload, reason, says) => {
    const { all, stats, unusable } = await kept({}, shape, [key, event('c', null, ada)], [about, payload])
    expect(Object.keys(all)).toEqual(['c:1004'])
    expect(stats.deadLetters).toBe(1)
    expect(unusable).toMatchObject([{ reason, says: expect.stringMatching(says) as string }])
  })

  it.each([
    ['of the value', 'c:{value.slug}', [key, { id: 1005 }], 'slug'],
    [
      'of the key, by its name',
      'c:{key.slug}',
      [
        { id: 1, slug: HIDDEN },
        { id: 2, slug: HIDDEN },
      ],
      'slug',
    ],
    ['of the key', 'c:{key}', [{ slug: HIDDEN }, { slug: HIDDEN }], 'slug'],
    [
      'of the key beside others',
      'c:{key}',
      [
        { a: 1, slug: HIDDEN },
        { a: 1, slug: HIDDEN },
      ],
      'slug',
    ],
    ['that a transform has made the key', 'c:{key}', [`"${HIDDEN}"`, HIDDEN], 'the field'],
  ] as const)(
    'whose key needs a column %s that the log of PostgreSQL does not hold are refused: two rows would be one',
    async (_, template, [one, other], name) => {
      const hidden = { ...ada, slug: HIDDEN }
      const { all, unusable } = await kept(
        { key: template, value: ['email'] },
        shape,
        [one, event('u', null, hidden)],
        [other, event('u', null, { ...hidden, email: 'bob@example.org' })],
      )
      expect(all).toEqual({})
      const says = expect.stringContaining(`does not hold ${name}: PostgreSQL`) as string
      expect(unusable).toMatchObject([
        { reason: 'missing', says },
        { reason: 'missing', says },
      ])
    },
  )

  it('whose key needs none of the columns that are not there are written', async () => {
    const { all } = await kept({ key: 'c:{key.id}', value: 'email' }, shape, [
      { ...key, slug: HIDDEN },
      event('u', null, { ...ada, slug: HIDDEN }),
    ])
    expect(all).toEqual({ 'c:1004': '"ada@example.org"' })
  })

  it('write what is there beside a column that is not', async () => {
    const after = { ...ada, body: '__debezium_unavailable_value' }
    const { all } = await kept({ value: ['email'] }, shape, [key, event('u', null, after)])
    expect(all).toEqual({ 'c:1004': '{"email":"ada@example.org"}' })
  })
})

describe('Debezium’s other keys and rows', () => {
  const [plain] = SHAPES as [Shape, Shape]

  it('of MongoDB are texts of JSON', async () => {
    const after = '{"_id": {"$numberLong": "1004"},"total": 9007199254740993}'
    const { all } = await kept({}, plain, [{ id: '1004' }, event('c', null, after)])
    expect(all).toEqual({ 'c:1004': after })
    const field = await kept({ value: 'total' }, plain, [{ id: '1004' }, event('c', null, after)])
    expect(field.all).toEqual({ 'c:1004': '9007199254740993' })
  })

  it('may be texts that a transform has made of a column', async () => {
    const { all } = await kept(
      {},
      plain,
      ['sku-7', event('c', null, { n: 1 })],
      ['"sku-8"', event('c', null, { n: 2 })],
    )
    expect(all).toEqual({ 'c:sku-7': '{"n":1}', 'c:sku-8': '{"n":2}' })
  })

  it('that are columns named schema and payload are no envelope', async () => {
    const { all } = await kept({}, plain, [{ schema: 'a', payload: 'b' }, event('c', null, { n: 1 })])
    expect(all).toEqual({ 'c:a:b': '{"n":1}' })
  })

  it('of several columns are joined so that no two rows have the same', () => {
    expect(keyOf({ order: 7, line: 2 }, undefined)).toBe('7:2')
    expect(keyOf({ a: 'x:y', b: null }, undefined)).toBe('x%3Ay:%00')
    const column = fc.oneof(
      fc.constant(null),
      fc.constantFrom('', ':', '%', '%3A', '%25', '%00', ':a'),
      fc.string({ maxLength: 4 }),
    )
    const rows = fc.tuple(
      fc.array(column, { minLength: 2, maxLength: 4 }),
      fc.array(column, { minLength: 2, maxLength: 4 }),
    )
    const asKey = (columns: unknown[]) =>
      keyOf(Object.fromEntries(columns.map((each, n) => [`c${n}`, each])), undefined)
    fc.assert(
      fc.property(rows, ([a, b]) => {
        expect(asKey(a) === asKey(b)).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
      { numRuns: 2000 },
    )
  })

  it('that are no text, number or truth give none', () => {
    expect([{ a: { b: 1 } }, { a: null }, {}, [1], null, { a: '' }].map((each) => keyOf(each, 'x'))).toEqual(
      Array.from({ length: 6 }),
    )
  })

  it('refuse `keyFormat`', () => {
    const at = world()
    expect(() => at.make({ ...OPTIONS, keyFormat: 'json' })).toThrow(/`keyFormat` is not for/)
  })
})

describe('A field that is null', () => {
  const created = { before: null, after: { id: 7 }, op: 'c' }
  const deleted = { before: { id: 7 }, after: null, op: 'd' }

  it.each<[string, Partial<SyncOptions>]>([
    ['by its path', { value: 'after' }],
    ['by a function', { value: ({ value }) => (value as { after: unknown }).after }],
  ])('deletes as a null record does, %s', async (_, options) => {
    const at = world()
    at.put('{"id":7}', created)
    at.put('{"id":8}', created)
    await at.make({ key: 'c:{key.id}', ...options }).sync.step()
    expect(Object.keys(at.all())).toEqual(['c:7', 'c:8'])
    at.put('{"id":7}', deleted)
    at.put('{"id":8}', null)
    const { sync } = at.make({ key: 'c:{key.id}', ...options })
    await sync.step()
    expect(at.all()).toEqual({})
    expect(sync.stats().unusable).toBe(0)
  })

  it('stays null in an object of several', async () => {
    const at = world()
    at.put('7', { id: 7, name: null })
    await at.make({ value: ['id', 'name'] }).sync.step()
    expect(at.all()).toEqual({ 'order:7': '{"id":7,"name":null}' })
  })
})

describe('A key that is JSON', () => {
  it.each<[Partial<SyncOptions>, string, string | undefined]>([
    [{}, '"7"', 'order:"7"'],
    [{ keyFormat: 'json' }, '"7"', 'order:7'],
    [{ keyFormat: 'json' }, '"a\\u0062"', 'order:ab'],
    // The text 7 and the number 7 are two keys.
    [{ keyFormat: 'json' }, '7', undefined],
    [{ keyFormat: 'json' }, 'seven', undefined],
    [{ keyFormat: 'json' }, '{"id":7}', undefined],
    [{ key: 'order:{key.id}', keyFormat: 'json' }, '{"id":7}', 'order:7'],
    [{ key: 'order:{key.id.0}' }, '{"id":["x"]}', 'order:x'],
    [{ key: 'order:{key.id}' }, '{"id":{}}', undefined],
    [{ key: 'order:{key.id}' }, 'id', undefined],
  ])('with %j: %s gives %s', async (options, text, expected) => {
    const at = world()
    at.put(text, '1')
    const { sync, said } = at.make(options)
    await sync.step()
    expect(Object.keys(at.all())).toEqual(expected === undefined ? [] : [expected])
    expect(said('unusable')).toHaveLength(expected === undefined ? 1 : 0)
  })

  it('is a key of kedge’s own updates too', async () => {
    const at = world()
    const own = '{"id":9007199254740993}'
    at.put(`users/${own}`, { v: 1, op: 'put', ns: 'users', key: own, value: 1, ttl: 60_000, at: TS, asOf: 1 })
    await at.make({ key: '{ns}:{key.id}' }).sync.step()
    expect(Object.keys(at.all())).toEqual(['users:9007199254740993'])
  })
})
