/** Evictions by services that do not know kedge, as bytes: after each of them, what it may name is not served. */
import { beforeEach, describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import type { Namespace } from '../../../src/index.ts'
import { world } from '../world.ts'
import type { Isolate, World } from '../world.ts'

const TOPIC = 'cache-evictions'
const encoder = new TextEncoder()
const text = (said: string): Uint8Array => encoder.encode(said)
const json = (said: unknown): Uint8Array => text(JSON.stringify(said))
/** As Confluent's serializers frame a record: a zero byte, the id of the schema, the payload. */
const framed = (...payload: number[]): Uint8Array => Uint8Array.of(0, 0, 0, 0, 7, ...payload)
/** As Kafka's `LongSerializer` and `IntegerSerializer` write numbers. */
function long(number: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, number)
  return bytes
}
function int(number: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, number)
  return bytes
}

let at: World
let isolate: Isolate
let users: Namespace<string>

beforeEach(async () => {
  at = world()
  isolate = at.isolate()
  users = isolate.cache.namespace<string>('users', { tags: (value) => [`tag:${value}`] })
  await at.run(isolate.cache.sync())
})

const hold = (key: string) => at.run(users.getOrSet(key, () => key))
const arrive = async (key: Uint8Array | null, value: Uint8Array | null) => {
  at.log.append(TOPIC, { key, value })
  await at.run(isolate.cache.sync())
}

describe('a record by another program', () => {
  it.each([
    ['a quoted key, as JSON formats write a string', json('7'), null],
    ['a number as its key', json(7), null],
    ['a bare key', text('7'), null],
    ['a key framed by a schema registry', framed(2, 0x37), null],
    ['a long as its key', long(7n), null],
    ['an int as its key', int(7), null],
    ['a short as its key', Uint8Array.of(0, 7), null],
    ['the word that converters write for no key', text('null'), null],
    ['a key that is no UTF-8', Uint8Array.of(0xc3, 0x28), null],
    ["a connector's key", json({ id: 7 }), null],
    ["a connector's key with its schema", json({ schema: {}, payload: { id: 7 } }), null],
    ['a list of keys under a routing key', text('eu'), json(['7'])],
    ['lines of JSON under a routing key', text('eu'), text('{"key":"7"}\n{"key":"8"}\n')],
    ['a framed value under a routing key', text('eu'), framed(2, 0x37)],
    ['a framed value under the key itself, quoted', json('7'), framed(2, 0x37)],
    ['keys without an operation', null, json({ keys: ['7'] })],
    ['a number among its keys', null, json({ keys: [7] })],
    ['tags without an operation', null, json({ tags: ['tag:7'] })],
    ['a prefix without an operation', null, json({ prefix: '7' })],
    ["a database's change event", json({ id: 7 }), json({ before: { id: 7 }, after: null, op: 'd' })],
    ['an empty value, as a bridge writes null', json('7'), new Uint8Array()],
    ['neither key nor value', null, null],
  ])('with %s takes 7 out', async (_, key, value) => {
    await hold('7')
    expect(users.peek('7')).toBe('7')
    await arrive(key, value)
    expect(users.peek('7')).toBeUndefined()
  })

  it.each([
    [Uint8Array.of(0x32, 0x31), '12849'],
    [long(0x4142_4344_4546_4748n), String(0x4142_4344_4546_4748n)],
    [int(0x4142_4344), String(0x4142_4344)],
  ])('whose number is text as well (%s) takes both out', async (bytes, number) => {
    const word = new TextDecoder().decode(bytes)
    await hold(number)
    await hold(word)
    await arrive(bytes, null)
    expect([users.peek(number), users.peek(word)]).toEqual([undefined, undefined])
  })

  it('that names a namespace and may name a key evicts both', async () => {
    const orders = isolate.cache.namespace<string>('orders')
    await at.run(orders.getOrSet('users', () => 'a key like the other namespace'))
    await at.run(orders.getOrSet('8', () => 'of no concern'))
    await hold('7')
    await arrive(text('users'), null)
    expect([users.peek('7'), orders.peek('users'), orders.peek('8')]).toEqual([
      undefined,
      undefined,
      'of no concern',
    ])
  })

  it('that names something else leaves 7 as it is', async () => {
    await hold('7')
    await arrive(json('8'), null)
    await arrive(null, json({ keys: ['8'], ns: 'users' }))
    await arrive(null, json({ key: '7', ns: 'orders' }))
    expect(users.peek('7')).toBe('7')
  })

  it.each([
    ['its value', text('eu'), json(['7'])],
    ['its key', framed(2, 0x37), null],
    ['the bytes of its key', Uint8Array.of(0xff), null],
  ])('of which %s is not understood is counted and reported', async (_, key, value) => {
    const before = isolate.cache.stats().refused
    await arrive(key, value)
    expect(isolate.cache.stats().refused).toBe(before + 1)
    expect(isolate.of('unreadable')).toHaveLength(1)
  })
})

describe('whatever another program writes', () => {
  /** A key, and ways in which a writer may have meant it. */
  const KEYS = ['7', '-12', 'ada', 'eu/7', '9007199254740993', 'Zoë', '1094861636']
  const writings: readonly ((key: string) => readonly [Uint8Array | null, Uint8Array | null])[] = [
    (key) => [text(key), null],
    (key) => [json(key), null],
    (key) => [text(` ${JSON.stringify(key)} `), null],
    (key) => [json({ id: key }), null],
    (key) => [json([key]), null],
    (key) => [framed(...text(key)), null],
    (key) => [/^-?\d+$/.test(key) ? long(BigInt(key)) : text(key), null],
    (key) => [/^-?\d{1,9}$/.test(key) ? int(Number(key)) : json(key), null],
    (key) => [null, text(`{"key":${/^-?\d+$/.test(key) ? key : JSON.stringify(key)}}`)],
    (key) => [text('routing'), json({ keys: ['other', key] })],
    (key) => [text('routing'), json([{ key }])],
    (key) => [json('routing'), framed(...text(key))],
    (key) => [null, json({ prefix: key.slice(0, 1) })],
    (key) => [null, json({ tags: [`tag:${key}`] })],
    (key) => [text(key), text(key)],
    (key) => [text('other'), json({ op: 'd', before: { id: key }, after: null })],
  ]

  it('no key stays servable that a reading of the record names', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...KEYS),
        fc.constantFrom(...writings),
        fc.constantFrom(...KEYS),
        async (named, write, other) => {
          // What cannot be read drops everything once a second at most.
          await at.runtime.advance(1000)
          await hold(named)
          await hold(other)
          await arrive(...write(named))
          expect(users.peek(named)).toBeUndefined()
        },
      ),
      { numRuns: 300 },
    )
  })
})
