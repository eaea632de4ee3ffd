/** Values that JSON would write as `{}`: refused by all that write values, and held by who writes none. */
import { describe, expect, it } from 'vitest'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import { memoryTier } from '../../../src/testing/index.ts'
import { json } from '../../../src/wire/codec.ts'
import { checkWritable } from '../../../src/wire/json-data.ts'
import { setMany, writeBehind, writeIntents } from '../../../src/write-paths/index.ts'
import { readyIn, world } from '../world.ts'

class Hidden {
  readonly #id = 7
  get id() {
    return this.#id
  }
}
class Named {
  readonly name = 'Ada'
}

const LOST: readonly (readonly [string, unknown])[] = [
  ['Map', new Map([['a', 1]])],
  ['Set', { tags: new Set(['a']) }],
  ['Uint8Array', { rows: [{ bytes: new Uint8Array(2) }] }],
  ['ArrayBuffer', new ArrayBuffer(2)],
  ['Headers', { headers: new Headers({ a: 'b' }) }],
  ['RegExp', /a/],
  ['Error', new Error('x')],
  ['Object', new Hidden()],
]
const KEPT: readonly unknown[] = [
  null,
  7,
  'x',
  [],
  {},
  Object.create(null),
  [{ a: [{}] }],
  new Date(0),
  new Named(),
  new URL('https://a.example'),
  new Number(5),
  { none: undefined },
]

describe('a value that is written as JSON', () => {
  it.each(LOST)('must have nothing in it that JSON loses: %s', (name, value) => {
    expect(() => checkWritable(json, value)).toThrow(`JSON loses the ${name} at \`value`)
    expect(() => checkWritable(messagePack(), value)).not.toThrow()
  })

  it.each(KEPT)('may have what JSON writes: %j', (value) => {
    expect(() => checkWritable(json, value)).not.toThrow()
  })

  it('is named by where it stands', () => {
    expect(() => checkWritable(json, { rows: [{ seen: new Set() }] })).toThrow('`value.rows.0.seen`')
  })

  it('may contain itself, and be large', () => {
    const round: Record<string, unknown> = {}
    round['self'] = round
    expect(() =>
      checkWritable(json, [round, ...Array.from({ length: 1e5 }, () => new Named())]),
    ).not.toThrow()
  })
})

describe('a value that JSON would lose', () => {
  const map = new Map([['a', 1]])
  const lost = { code: 'ERR_CODEC', message: expect.stringContaining('JSON loses the Map') as unknown }

  it('is not set where it would be published, and evicts nothing then', async () => {
    const at = world()
    const { cache, kafka } = await readyIn(at, { use: [replicate()] })
    const users = cache.namespace('any')
    const { produce } = kafka.calls
    await expect(at.run(users.set('1', map))).rejects.toMatchObject(lost)
    await expect(at.run(setMany(users, { 1: { map } }))).rejects.toMatchObject(lost)
    await expect(at.run(setMany(users, { 1: { map } }, { domain: 'd' }))).rejects.toMatchObject(lost)
    expect(kafka.calls.produce).toBe(produce)
  })

  it('is not shared where it was loaded, and an event says so; who has loaded it holds it', async () => {
    const at = world()
    const { cache, of } = await readyIn(at, {
      use: [replicate(), sharedTier(memoryTier({ runtime: at.runtime }))],
    })
    const other = await readyIn(at, { use: [replicate()] })
    const users = cache.namespace('any')
    expect(await at.run(users.getOrSet('1', () => map))).toBe(map)
    await at.runtime.settle()
    expect(users.peek('1')).toBe(map)
    // The tier and the log.
    expect(of('background_error')).toMatchObject([{ error: lost }, { error: lost }])
    await at.run(other.cache.sync())
    expect(other.cache.namespace('any').peek('1')).toBeUndefined()
  })

  it('is not written behind', async () => {
    const at = world()
    const { cache } = await readyIn(at, { use: [writeIntents()] })
    await expect(at.run(writeBehind(cache.namespace('any'), '1', map))).rejects.toMatchObject(lost)
  })

  it('is set and held where nothing writes it', async () => {
    const at = world()
    const { cache } = await readyIn(at)
    const users = cache.namespace('any')
    await at.run(users.set('1', map))
    expect(users.peek('1')).toBe(map)
  })
})
