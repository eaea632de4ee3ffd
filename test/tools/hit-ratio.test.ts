import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beladyHits } from '../../tools/bench/hit-ratio/belady.ts'
import { CACHES } from '../../tools/bench/hit-ratio/caches.ts'
import { hitsOf, measureHitRatios } from '../../tools/bench/hit-ratio/measure.ts'
import { traces } from '../../tools/bench/hit-ratio/traces.ts'
import { kedgeOf } from '../../tools/bench/subjects.ts'

/** The most hits that any choice has: all choices are tried. */
function mostHits(
  keys: readonly number[],
  size: number,
  at = 0,
  held: ReadonlySet<number> = new Set(),
): number {
  if (at === keys.length) return 0
  const key = keys[at]!
  if (held.has(key)) return 1 + mostHits(keys, size, at + 1, held)
  const kept =
    held.size < size ? [held] : [...held].map((gone) => new Set([...held].filter((each) => each !== gone)))
  const choices = kept.map((others) => mostHits(keys, size, at + 1, new Set([...others, key])))
  return Math.max(mostHits(keys, size, at + 1, held), ...choices)
}

describe("Belady's optimum", () => {
  it('has as many hits as the best of all choices', () => {
    const small = fc.array(fc.nat(4), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(small, fc.integer({ min: 1, max: 3 }), (keys, size) => {
        expect(beladyHits(Uint32Array.from(keys), size)).toBe(mostHits(keys, size))
      }),
      { numRuns: 200 },
    )
  })
})

describe('the hit ratios of the benchmark', () => {
  it('are of traces that are the same for the same seed', () => {
    const size = { requests: 2000, keys: 200 }
    expect(traces(7, size)).toEqual(traces(7, size))
    expect(traces(8, size)).not.toEqual(traces(7, size))
  })

  it('are of caches at a true bound: none beats the optimum', () => {
    const { cells, means } = measureHitRatios(3, true, () => undefined)
    expect(cells.length).toBe(14)
    for (const { trace, parts } of cells)
      for (const [name, part] of Object.entries(parts))
        expect(part, `${name}, ${trace}`).toBeLessThanOrEqual(1)
    expect(means.kedge).toBeGreaterThan(means['lru-cache'] + 0.1)
    expect(means['lru-cache']).toBeGreaterThan(means['quick-lru'])
  })

  it('are of the store alone, in which a whole cache finds the same', async () => {
    for (const { name, keys, sizes } of traces(5, { requests: 3000, keys: 300 })) {
      const [, entries] = sizes
      const cache = kedgeOf(entries!)
      const space = cache.namespace<string>('users')
      await cache.sync()
      let hits = 0
      for (const key of keys) {
        let loads = false
        await space.getOrSet(`key-${key}`, () => {
          loads = true
          return 'x'
        })
        if (!loads) hits++
      }
      expect(hits, name).toBe(hitsOf(CACHES.kedge(entries!), keys))
      expect(cache.stats().entries).toBe(entries)
      await cache.close()
    }
  })
})
