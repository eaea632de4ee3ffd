/**
 * Caches that differ in one thing: how many namespaces they have, how many tags a value has, or which features they use.
 *
 * @module
 */
import { createCache } from '../../../src/index.ts'
import type { Cache, Feature } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { memory, MemoryLog, memoryTier } from '../../../src/testing/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import { writeIntents } from '../../../src/write-paths/index.ts'

export interface Setup {
  readonly namespaces: number
  /** Of each value. */
  readonly tags: number
  readonly use: () => readonly Feature[]
}

const PLAIN: Setup = { namespaces: 1, tags: 0, use: () => [] }
const tier = (): Feature => sharedTier(memoryTier())
const rows = (): Feature => writeIntents({ max: '10s' })

export const SETUPS = {
  'one namespace': PLAIN,
  '100 namespaces': { ...PLAIN, namespaces: 100 },
  '1,000 namespaces': { ...PLAIN, namespaces: 1000 },
  'a tag': { ...PLAIN, tags: 1 },
  'ten tags': { ...PLAIN, tags: 10 },
  sharedTier: { ...PLAIN, use: () => [tier()] },
  replicate: { ...PLAIN, use: () => [replicate()] },
  writeIntents: { ...PLAIN, use: () => [rows()] },
  'all three': { ...PLAIN, use: () => [tier(), replicate(), rows()] },
} satisfies Readonly<Record<string, Setup>>

export type SetupName = keyof typeof SETUPS

/** How many tags there are. */
const TAGS = 50
const LONG = '1h'

/** A value's nth tag. */
export const tagOf = (key: string, nth: number): string => `tag-${(Number(key.slice(4)) + nth) % TAGS}`

/** A cache of this setup that follows the log by polls alone. */
export function open({ namespaces, tags, use }: Setup, on: MemoryLog, maxEntries: number) {
  const cache: Cache = createCache({
    kafka: memory({ on }),
    ttl: LONG,
    maxStaleness: LONG,
    maxEntries,
    maxBytes: 2_000_000_000,
    use: [...use()],
  })
  const spaces = Array.from({ length: namespaces }, (_, nth) =>
    cache.namespace<string>(
      `space-${nth}`,
      tags === 0 ? {} : { tags: (value) => Array.from({ length: tags }, (_each, at) => tagOf(value, at)) },
    ),
  )
  return { cache, spaceOf: (nth: number) => spaces[nth % namespaces]! }
}
