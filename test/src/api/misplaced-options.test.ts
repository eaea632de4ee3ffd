/** What a program hears that gives an option of a feature to a cache, or something else where a feature belongs. */
import { describe, expect, it } from 'vitest'
import { createCache } from '../../../src/index.ts'
import type { Cache, Feature, Namespace } from '../../../src/index.ts'
import { prewarm, replicate } from '../../../src/replicate/index.ts'
import { memory, memoryTier, MemoryLog } from '../../../src/testing/index.ts'
import { setMany, writeIntents, writeThrough } from '../../../src/write-paths/index.ts'

const make = (options: object) => createCache({ kafka: memory(), ...options })

describe('an option of a feature', () => {
  it.each([
    ['mode', 'replicate'],
    ['pace', () => undefined],
    ['tier', memoryTier()],
    ['tierTimeout', '50ms'],
    ['tierHardTimeout', '500ms'],
    ['tierBreaker', {}],
    ['lookBack', 10],
    ['intents', true],
  ])('that is given to a cache is refused, and says where those belong: %s', (name, value) => {
    expect(() => make({ [name]: value })).toThrow(
      new TypeError(`unknown option \`${name}\` (those of features: docs/features.md)`),
    )
  })

  it.each([
    ['share', true],
    ['acceptSimpleValues', true],
    ['intents', '10s'],
    ['tier', false],
    ['via', 'loader'],
    ['loaderWait', '2s'],
  ])('that is given to a namespace is refused, and says where those belong: %s', (name, value) => {
    expect(() => make({}).namespace('users', { [name]: value })).toThrow(
      new TypeError(`unknown option \`${name}\` (those of features: docs/features.md)`),
    )
  })
})

describe('what is no feature', () => {
  it.each([
    ['a tier', memoryTier()],
    ['a function that makes one', replicate],
    ['nothing', undefined],
    ['one without a name', { open: () => ({}) } as unknown as Feature],
  ])('is refused in `use`: %s', (_, given) => {
    expect(() => make({ use: [given] })).toThrow(
      new TypeError('`use.0`: must be a feature with a name, such as `replicate()`'),
    )
  })
})

describe('a function of a feature', () => {
  it.each([
    ['nothing', undefined],
    ['a namespace', make({}).namespace('users')],
  ])('that is given %s refuses it where a cache belongs', async (_, given) => {
    await expect(prewarm(given as unknown as Cache)).rejects.toThrow(
      new TypeError('`cache` must be one that createCache() has made'),
    )
  })

  it.each([
    ['nothing', undefined],
    ['a cache', make({})],
  ])('that is given %s refuses it where a namespace belongs', async (_, given) => {
    await expect(setMany(given as unknown as Namespace<number>, { a: 1 })).rejects.toThrow(
      new TypeError('`namespace` must be one of a cache that createCache() has made'),
    )
  })

  it('that has no store to write to announces no write', async () => {
    const log = new MemoryLog()
    const cache = createCache({ kafka: memory({ on: log }), use: [writeIntents()] })
    const users = cache.namespace<number>('users')
    await expect(writeThrough(users, '7', 1, undefined as never)).rejects.toThrow(
      new TypeError('`store`: must be a function'),
    )
    const bounds = await memory({ on: log }).offsets('cache-evictions', { partitions: [0] })
    expect(bounds).toMatchObject([{ end: 0 }])
  })
})
