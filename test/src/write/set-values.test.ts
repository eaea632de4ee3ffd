/** The writer of a value holds what others will read: a type is the same here and there. */
import { beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { messagePack } from '../../../adapters/codecs/messagepack.ts'
import type { CacheOptions, NamespaceOptions } from '../../../src/index.ts'
import { world } from '../world.ts'
import type { World } from '../world.ts'
import { setMany } from '../../../src/write-paths/index.ts'
import { replicate } from '../../../src/replicate/index.ts'

let at: World
beforeEach(() => {
  at = world()
})

async function pair(options: Partial<CacheOptions> = {}, of: NamespaceOptions<unknown> = {}) {
  const both = [0, 1].map(() => at.isolate({ use: [replicate()], ...options }).cache)
  const [here, there] = both.map((cache) => cache.namespace('things', of))
  for (const cache of both) await at.run(cache.sync())
  return { here: here!, there: there! }
}

class Money {
  readonly cents = 5
  toJSON(): string {
    return `${this.cents} cents`
  }
}

const VALUES: readonly (readonly [what: string, value: unknown])[] = [
  ['a date', new Date(0)],
  ['a map', new Map([['a', 1]])],
  ['a set', new Set(['a'])],
  ['bytes', Uint8Array.of(1, 2)],
  ['no number', Number.NaN],
  ['an array with holes', Object.assign<unknown[], object>([], { 0: 1, 2: 3 })],
  ['a field that is undefined', { a: undefined, b: 1 }],
  ['a class that says what it is in JSON', new Money()],
  ['a regular expression', /a/],
  ['an error', new Error('a')],
  ['a date within', { at: [new Date(0)] }],
  ['null', null],
]

describe.each([
  ['JSON', {}],
  ['MessagePack', { codec: messagePack() }],
])('what is set, by %s', (_, options) => {
  it.each(VALUES)('is the same to its writer and to another isolate: %s', async (_what, value) => {
    const { here, there } = await pair(options)
    let token: string
    try {
      token = await at.run(here.set('1', value))
    } catch (error) {
      // A codec that cannot write a value throws.
      expect(error).toMatchObject({ code: 'ERR_CODEC' })
      return
    }
    const read = await at.run(there.get('1', { after: token }))
    expect(read).not.toBeUndefined()
    expect(here.peek('1')).toStrictEqual(read)
  })

  it('is so for many that are set together', async () => {
    const { here, there } = await pair(options)
    const token = await at.run(setMany(here, new Map([['1', { at: new Date(0) }]])))
    const read = await at.run(there.get('1', { after: token }))
    expect(here.peek('1')).toStrictEqual(read)
  })
})

describe('what is set where a schema reads it', () => {
  it('is what the schema makes of it, on both', async () => {
    const { here, there } = await pair({}, { schema: z.object({ at: z.coerce.date() }) })
    const token = await at.run(here.set('1', { at: new Date(5) }))
    expect(await at.run(there.get('1', { after: token }))).toStrictEqual({ at: new Date(5) })
    expect(here.peek('1')).toStrictEqual({ at: new Date(5) })
  })

  it('is refused where others would not hold it, before anything is evicted', async () => {
    const { here } = await pair({}, { schema: z.object({ at: z.date() }) })
    await at.run(here.getOrSet('1', () => ({ at: new Date(1) })))
    await expect(at.run(here.set('1', { at: new Date(5) }))).rejects.toMatchObject({ code: 'ERR_CODEC' })
    expect(here.peek('1')).toEqual({ at: new Date(1) })
  })

  it('is held as it is where nothing is published', async () => {
    const { cache } = at.isolate()
    const things = cache.namespace<Date>('things')
    await at.run(cache.sync())
    await at.run(things.set('1', new Date(0)))
    expect(things.peek('1')).toEqual(new Date(0))
  })
})

describe('what is held with `freeze`', () => {
  const frozen = async (
    options: Partial<CacheOptions> = { freeze: true },
    of: NamespaceOptions<Row> = {},
  ) => {
    const { cache } = at.isolate(options)
    const rows = cache.namespace<Row>('rows', of)
    await at.run(cache.sync())
    return rows
  }
  interface Row {
    name: string
    tags: { id: number }[]
    self?: Row
  }
  const row = (): Row => ({ name: 'frank', tags: [{ id: 1 }] })

  it('cannot be changed by its readers, however deep', async () => {
    const rows = await frozen()
    const held = await at.run(rows.getOrSet('1', row))
    expect(() => (held.name = 'bob')).toThrow(TypeError)
    expect(() => (held.tags[0]!.id = 2)).toThrow(TypeError)
    expect(() => held.tags.push({ id: 3 })).toThrow(TypeError)
    expect(rows.peek('1')).toEqual(row())
  })

  it('may lead back to itself, and hold bytes', async () => {
    const rows = await frozen()
    const round: Row = row()
    round.self = round
    Object.assign(round, { bytes: Uint8Array.of(1), at: new Date(0) })
    expect(Object.isFrozen((await at.run(rows.getOrSet('1', () => round))).self)).toBe(true)
  })

  it('is as it was where nothing asks for it, and as a namespace asks', async () => {
    const plain = await frozen({})
    const held = await at.run(plain.getOrSet('1', row))
    held.name = 'bob'
    expect(plain.peek('1')).toMatchObject({ name: 'bob' })
    const own = await frozen({}, { freeze: true })
    expect(Object.isFrozen(await at.run(own.getOrSet('1', row)))).toBe(true)
    const not = await frozen({ freeze: true }, { freeze: false })
    expect(Object.isFrozen(await at.run(not.getOrSet('1', row)))).toBe(false)
  })
})
