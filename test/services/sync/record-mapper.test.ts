import { describe, expect, it } from 'vitest'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { createSync } from '../../../services/sync/index.ts'
import type { DeadLetter, SyncOptions } from '../../../services/sync/index.ts'
import { KedgeError } from '../../../src/index.ts'
import { memory, memorySink } from '../../../src/testing/index.ts'
import { json } from '../../../src/wire/codec.ts'
import { bytes, world } from './world.ts'

const NOW = 1_700_000_000_000
const decoder = new TextDecoder()

const put = (key: string, value: unknown, more: object = {}) => ({
  v: 1,
  op: 'put',
  ns: 'users',
  key,
  value,
  ttl: 60_000,
  at: NOW,
  asOf: 10,
  ...more,
})

/** One record through a sync. */
async function single(options: Partial<SyncOptions>, key: string | null, value: unknown) {
  const at = world()
  at.put(key, value)
  const running = at.make(options)
  await running.sync.step()
  return { ...at, ...running }
}

describe('A value in the store', () => {
  it.each<[string, Partial<SyncOptions>, unknown, string | undefined]>([
    ['is the whole value as it stands', {}, '{ "a" : 1 }', '{ "a" : 1 }'],
    ['is what is no JSON, as it stands', {}, 'plain text', 'plain text'],
    ['is a field as JSON', { value: 'customer.name' }, { customer: { name: 'Ada' } }, '"Ada"'],
    [
      'is a field as text, where that is asked for',
      { value: 'customer.name', encode: 'text' },
      { customer: { name: 'Ada' } },
      'Ada',
    ],
    [
      'is an object of fields',
      { value: ['id', 'customer.name', 'gone'] },
      { id: 1, x: 2, customer: { name: 'Ada', age: 3 } },
      '{"id":1,"customer":{"name":"Ada"}}',
    ],
    [
      'is what a function makes of it',
      { value: ({ value, key }) => `${key}:${(value as { a: number }).a}` },
      { a: 5 },
      '"k:5"',
    ],
    ['is the very bytes that a function makes', { value: () => bytes('raw') }, { a: 5 }, 'raw'],
    ['is deleted by a function that makes nothing of it', { value: () => undefined }, { a: 5 }, undefined],
    ['is text', { format: 'string' }, 'hello', 'hello'],
    ['is any bytes', { format: 'bytes' }, new Uint8Array([65, 66]), 'AB'],
  ])('%s', async (_, options, value, expected) => {
    const { text } = await single(options, 'k', value)
    expect(text('order:k')).toBe(expected)
  })

  it('is of MessagePack, also where that is no map', async () => {
    const codec = messagePack()
    const whole = await single(
      { format: 'messagepack', codec, value: '1.id' },
      'k',
      codec.encode([0, { id: 9 }]),
    )
    expect(whole.text('order:k')).toBe('9')
    const found = await single({ codec, value: 'id' }, 'k', codec.encode({ id: 9 }))
    expect(found.text('order:k')).toBe('9')
  })
})

describe('The life of a value', () => {
  it('is counted from the record, so that what is over is not brought back', async () => {
    const at = world()
    at.log.append('orders', { key: bytes('old'), value: bytes('1'), timestamp: NOW - 3_600_000 })
    at.log.append('orders', { key: bytes('new'), value: bytes('1'), timestamp: NOW - 60_000 })
    await at.make({ ttl: '30m' }).sync.step()
    expect(at.all()).toEqual({ 'order:new': '1' })
    expect(at.store.ttl('order:new')).toBe(29 * 60_000)
  })

  it('is counted from the write, where that is asked for', async () => {
    const at = world()
    at.log.append('orders', { key: bytes('old'), value: bytes('1'), timestamp: NOW - 3_600_000 })
    await at.make({ ttl: '30m', ttlFrom: 'write' }).sync.step()
    expect(at.store.ttl('order:old')).toBe(30 * 60_000)
  })

  it('may be longer than timers can wait', async () => {
    const { store } = await single({ ttl: '90d' }, 'k', '1')
    expect(store.ttl('order:k')).toBe(90 * 86_400_000)
  })

  it('goes on while the records after it are decoded', async () => {
    const at = world()
    const codec = {
      ...json,
      decode(raw: Uint8Array) {
        at.runtime.stepClocks(20_000)
        return json.decode(raw)
      },
    }
    for (const key of ['a', 'b', 'c']) at.put(key, 1)
    await at.make({ ttl: '1h', codec }).sync.step()
    for (const key of ['a', 'b', 'c']) expect(at.store.ttl(`order:${key}`)).toBe(3_600_000 - 60_000)
  })

  it('goes on while the process is frozen between two attempts', async () => {
    const at = world()
    at.put('k', 1)
    const { start, sink, stop } = at.make({ ttl: '1h' })
    sink.fail(new KedgeError('ERR_NETWORK', 'down', { retryable: true }), { on: 'write' })
    start()
    await at.runtime.settle()
    at.runtime.freeze(20 * 60_000)
    sink.fail()
    await at.runtime.advance(60_000)
    expect(at.store.ttl('order:k')).toBe(39 * 60_000)
    await stop()
  })

  it.each([
    [{ expires: 5000 }, 5000],
    [{ expires: '2m' }, 120_000],
  ])('may stand in the value: %j', async (value, expected) => {
    const { store } = await single({ ttl: { field: 'expires' } }, 'k', value)
    expect(store.ttl('order:k')).toBe(expected)
  })

  it('that is over takes an older value of the key with it', async () => {
    const at = world()
    at.log.append('orders', { key: bytes('k'), value: bytes('{"expires":9999999}'), timestamp: NOW })
    await at.make({ ttl: { field: 'expires' } }).sync.step()
    at.log.append('orders', { key: bytes('k'), value: bytes('{"expires":10}'), timestamp: NOW - 60_000 })
    await at.make({ ttl: { field: 'expires' } }).sync.step()
    expect(at.all()).toEqual({})
  })
})

describe("kedge's own updates", () => {
  const options = { key: '{ns}:{key}' } as const

  it('are written by namespace and key, with the value alone and what is left of its life', async () => {
    const at = await single(options, 'users/7', put('7', { name: 'Ada' }, { at: NOW - 20_000 }))
    expect(at.all()).toEqual({ 'users:7': '{"name":"Ada"}' })
    expect(at.store.ttl('users:7')).toBe(40_000)
  })

  it('whose writer has a clock ahead do not live longer', async () => {
    const at = await single(options, 'users/7', put('7', 1, { at: NOW + 500_000 }))
    expect(at.store.ttl('users:7')).toBe(60_000)
  })

  it('are read gzipped, and in MessagePack', async () => {
    const codec = messagePack()
    const at = world()
    at.put('users/7', codec.encode(put('7', 'packed')))
    const gzip = new Blob([JSON.stringify(put('8', 'zipped'))])
      .stream()
      .pipeThrough(new CompressionStream('gzip'))
    at.put('users/8', new Uint8Array(await new Response(gzip).arrayBuffer()))
    await at.make({ ...options, codec }).sync.step()
    expect(at.all()).toEqual({ 'users:7': '"packed"', 'users:8': '"zipped"' })
  })

  it('are deleted by their own message, and by a tombstone', async () => {
    const at = world()
    at.put('users/7', put('7', 1))
    at.put('users/8', put('8', 1))
    at.put('users/7', { v: 1, op: 'del', ns: 'users', key: '7', asOf: 11 })
    at.put('users/8', null)
    const { sync } = at.make(options)
    await sync.step()
    expect(at.all()).toEqual({})
    expect(sync.stats().unusable).toBe(0)
  })

  it('are ordered by as-of, whatever the log says', async () => {
    const at = world()
    at.put('users/7', put('7', 'newer', { asOf: 12 }))
    at.put('users/7', put('7', 'older', { asOf: 11 }))
    await at.make(options).sync.step()
    expect(at.all()).toEqual({ 'users:7': '"newer"' })
  })

  it('are ordered by the version of their row, where both have one, and a delete counts by its as-of', async () => {
    const at = world()
    at.put('users/7', put('7', 'row 2', { asOf: 11, version: 2 }))
    at.put('users/7', put('7', 'row 1', { asOf: 12, version: 1 }))
    await at.make({ ...options, maxBatch: 1 }).sync.step()
    expect(at.all()).toEqual({ 'users:7': '"row 2"' })
    at.put('users/8', put('8', 'row 1', { asOf: 12, version: 1 }))
    at.put('users/8', put('8', 'row 2', { asOf: 11, version: 2 }))
    await at.make({ ...options, maxBatch: 1 }).sync.step()
    expect(at.all()['users:8']).toBe('"row 2"')
    at.put('users/8', { v: 1, op: 'del', ns: 'users', key: '8', asOf: 20 })
    await at.make(options).sync.step()
    expect(at.all()['users:8']).toBe(undefined)
    at.put('users/8', put('8', 'row 3', { asOf: 21, version: 3 }))
    await at.make(options).sync.step()
    expect(at.all()['users:8']).toBe('"row 3"')
  })

  it('of a domain are written each under its own key', async () => {
    const values = [
      { key: 'a', value: 1, ttl: 1000 },
      { key: 'b', value: 2, ttl: 1000 },
    ]
    const domain = { v: 1, op: 'puts', ns: 'users', domain: 'd', values, at: NOW, asOf: 3 }
    expect((await single(options, 'users#d', domain)).all()).toEqual({ 'users:a': '1', 'users:b': '2' })
  })

  it('of other namespaces are passed over', async () => {
    const at = world()
    at.put('users/7', put('7', 1))
    at.put('carts/7', put('7', 2, { ns: 'carts' }))
    const { sync } = at.make({ key: 'c:{key}', namespaces: ['carts'] })
    await sync.step()
    expect(at.all()).toEqual({ 'c:7': '2' })
    expect(sync.stats()).toMatchObject({ skipped: 1, unusable: 0 })
  })

  it('are unusable under the record key of another entry: compaction would never remove them', async () => {
    const at = world()
    at.put('users/8', put('7', 'forged'))
    at.put('users/7', put('7', 'ours'))
    const { sync } = at.make()
    await sync.step()
    expect(Object.values(at.all())).toEqual(['"ours"'])
    expect(sync.stats()).toMatchObject({ unusable: 1 })
  })

  it('stand beside the messages of others, which are theirs whatever they look like', async () => {
    const at = world()
    at.put('users/7', put('7', 'ours'))
    at.put('8', { v: 2, op: 'create', id: 8 })
    await at.make().sync.step()
    expect(at.all()).toEqual({ 'order:7': '"ours"', 'order:8': '{"v":2,"op":"create","id":8}' })
  })
})

describe('The order of records', () => {
  it('is that of their timestamps, where keys move between partitions', async () => {
    const at = world(2)
    at.log.append('orders', { key: bytes('k'), value: bytes('newer'), partition: 0, timestamp: NOW })
    for (let count = 0; count < 5; count++)
      at.log.append('orders', {
        key: bytes('k'),
        value: bytes('older'),
        partition: 1,
        timestamp: NOW - 10 + count,
      })
    await at.make({ version: 'timestamp' }).sync.step()
    expect(at.all()).toEqual({ 'order:k': 'newer' })
  })

  it('may come from a function', async () => {
    const at = world()
    at.put('k', { row: 5 })
    at.put('k', { row: 4 })
    await at.make({ version: ({ value }) => (value as { row: number }).row, maxBatch: 1 }).sync.step()
    expect(at.all()).toEqual({ 'order:k': '{"row":5}' })
  })
})

describe('A record that cannot be used', () => {
  it.each<[string, Partial<SyncOptions>, string | null, unknown, string, RegExp]>([
    ['has no key', {}, null, '1', 'missing', /\{key\}/],
    ['has no such field', { key: '{value.id}' }, 'k', '{}', 'missing', /\{value\.id\}/],
    ['has nothing of what is wanted', { value: 'name' }, 'k', '{}', 'missing', /name/],
    ['has no time to live', { ttl: { field: 'ttl' } }, 'k', '{"ttl":"soon"}', 'missing', /ttl/],
    ['is no JSON', { format: 'json' }, 'k', '{"half', 'undecodable', /json/],
    ['is no text', { format: 'string' }, 'k', new Uint8Array([0xff]), 'undecodable', /UTF-8/],
    ["is none of kedge's", { format: 'kedge' }, 'k', '{"a":1}', 'undecodable', /own updates/],
    [
      'is of a later release',
      {},
      'k',
      { v: 9, op: 'put', ns: 'users', key: '7' },
      'undecodable',
      /own updates/,
    ],
    ['has a key that is too long', { maxKeyBytes: 20 }, 'k'.repeat(20), '1', 'key', /26 bytes/],
    ['has a key that the store refuses', { key: 'x{key}' }, 'k'.repeat(1020), '1', 'refused', /store/],
    [
      'makes a function throw',
      {
        value: () => {
          throw new Error('boom')
        },
      },
      'k',
      '1',
      'failed',
      /boom/,
    ],
    ['deletes without naming a key', { key: '{value.id}' }, 'k', null, 'missing', /\{value\.id\}/],
  ])('because it %s goes to the dead letters', async (_, options, key, value, reason, says) => {
    const at = world()
    at.log.createTopic('dead')
    at.put(key, value)
    at.put('good', '{"id":"good","name":"g","ttl":5000}')
    const running = at.make({ deadLetters: 'dead', ...options }, { sink: { maxKeyBytes: 1000 } })
    expect(await running.sync.step()).toMatchObject({ reached: true })
    const [record, ...others] = at.log.read('dead', { partition: 0, offset: 0 }, { maxBytes: 1e6 })!.records
    expect(others.length).toBe(options.format === 'kedge' || typeof options.value === 'function' ? 1 : 0)
    const letter = JSON.parse(decoder.decode(record!.value!)) as DeadLetter
    expect(letter).toMatchObject({ v: 1, reason, topic: 'orders', partition: 0, offset: 0, timestamp: NOW })
    expect(letter.says).toMatch(says)
    expect(letter.key).toBe(key === null ? null : btoa(key))
    if (typeof value === 'string') expect(atob(letter.value!)).toBe(value)
    expect(record!.key === null ? null : decoder.decode(record!.key)).toBe(key)
    expect(running.sync.stats().unusable).toBe(1 + others.length)
    expect(running.sync.stats().deadLetters).toBe(1 + others.length)
    expect(running.said('unusable')[0]).toMatchObject({ reason, partition: 0, offset: 0 })
  })

  it('is cut where it is long', async () => {
    const at = world()
    at.log.createTopic('dead')
    at.put(null, 'x'.repeat(700_000))
    await at.make({ deadLetters: 'dead' }).sync.step()
    const [record] = at.log.read('dead', { partition: 0, offset: 0 }, { maxBytes: 1e6 })!.records
    const letter = JSON.parse(decoder.decode(record!.value!)) as DeadLetter
    expect(letter.truncated).toBe(true)
    expect(atob(letter.value!).length).toBe(524_288)
  })

  it('does not keep the others back when its topic is away', async () => {
    const at = world()
    for (let count = 0; count < 5; count++) {
      at.put(null, '1')
      at.put(`${count}`, '1')
    }
    const { sync, kafka, said } = at.make({ deadLetters: 'dead', maxBatch: 2 })
    kafka.fail(new KedgeError('ERR_NETWORK', 'gone', { retryable: true }), { on: 'produce' })
    const step = sync.step()
    await at.runtime.advance(10_000)
    expect(await step).toMatchObject({ reached: true })
    expect(Object.keys(at.all())).toHaveLength(5)
    expect(sync.stats()).toMatchObject({ unusable: 5, deadLetters: 0, deadLettersLost: 5 })
    expect(said('dead_letters_lost').reduce((sum, { records }) => sum + records, 0)).toBe(5)
    // Three attempts for the first, and then a rest.
    expect(kafka.calls.produce).toBe(3)
  })

  it('does not keep the others back when its topic is silent', async () => {
    const at = world()
    at.put(null, '1')
    at.put('a', '1')
    const { sync, kafka } = at.make({ deadLetters: 'dead' })
    const produce = kafka.produce.bind(kafka)
    kafka.produce = (...given) => (given[0] === 'dead' ? new Promise(() => undefined) : produce(...given))
    const step = sync.step()
    await at.runtime.advance(20_000)
    expect(await step).toMatchObject({ reached: true })
    expect(at.all()).toEqual({ 'order:a': '1' })
  })
})

describe('Options', () => {
  const base = { kafka: memory(), topic: 'orders', sink: memorySink(), key: '{key}' }
  it.each<[object, RegExp]>([
    [{ topic: 'a b' }, /`topic`/],
    [{ sink: {} }, /`sink`: must have state, begin, write/],
    [{ key: 7 }, /`key`/],
    [{ value: 'a..b' }, /`value`: "a\.\.b"/],
    [{ value: [] }, /`value`/],
    [{ ttl: 'soon' }, /`ttl`/],
    [{ ttl: 0 }, /`ttl`/],
    [{ ttl: { field: '' } }, /`ttl/],
    [{ format: 'xml' }, /`format`/],
    [{ format: 'messagepack' }, /`format: 'messagepack'` needs a `codec`/],
    [{ format: 'string', value: 'a' }, /`format: 'string'` has no fields/],
    [{ format: 'bytes', key: '{value.id}' }, /`format: 'bytes'` has no fields/],
    [{ deadLetters: 'orders' }, /`deadLetters`/],
    [{ maxBatch: 0 }, /`maxBatch`/],
    [{ maxLag: { time: 0 } }, /`maxLag.time`/],
    [{ maxLag: { hours: 1 } }, /`maxLag.hours` is not an option/],
    [{ stream: 'a b' }, /`stream`/],
    [{ speed: 1 }, /`speed` is not an option of createSync\(\)/],
    [{ kafka: memory({ capabilities: { readCommitted: false } }) }, /`isolation: 'committed'` needs/],
  ])('%j are refused', (options, message) => {
    expect(() => createSync({ ...base, ...options })).toThrow(TypeError)
    expect(() => createSync({ ...base, ...options })).toThrow(message)
  })

  it('name the stream by topic and template, the same each time', () => {
    const name = (options: Partial<SyncOptions>) => createSync({ ...base, ...options }).stream
    expect(name({})).toMatch(/^orders\.[\da-f]{8}$/)
    expect(name({})).toBe(name({ value: 'x' }))
    expect(name({ key: 'a:{key}' })).not.toBe(name({}))
    expect(name({ keyFormat: 'text' })).toBe(name({}))
    // By these `{key}` is another one.
    expect(new Set([name({}), name({ keyFormat: 'json' }), name({ format: 'debezium' })]).size).toBe(3)
    expect(name({ topic: 't'.repeat(200) })).toHaveLength(64)
  })
})
