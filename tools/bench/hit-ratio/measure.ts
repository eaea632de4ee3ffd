/**
 * How often caches of one bound have what is asked for, as part of what a cache could have that knew the future.
 *
 * @module
 */
import { beladyHits } from './belady.ts'
import { CACHE_NAMES, CACHES, type CacheName, type Request } from './caches.ts'
import { traces } from './traces.ts'

/** One trace, and caches of one size. */
interface Cell {
  readonly trace: string
  readonly entries: number
  /** The part of all requests that Belady's optimum has. */
  readonly optimum: number
  /** Hits of each cache, as part of those of the optimum. */
  readonly parts: Readonly<Record<CacheName, number>>
}

export interface HitRatios {
  readonly cells: readonly Cell[]
  readonly means: Readonly<Record<CacheName, number>>
}

const FULL = { requests: 400_000, keys: 20_000 }
const QUICK = { requests: 40_000, keys: 2000 }

export function measureHitRatios(seed: number, quick: boolean, progress: (text: string) => void): HitRatios {
  const cells: Cell[] = []
  for (const { name: trace, keys, sizes } of traces(seed, quick ? QUICK : FULL)) {
    for (const entries of sizes) {
      const optimum = beladyHits(keys, entries)
      const parts = byCache((name) => {
        progress(`hits of ${name}: ${trace}, ${entries} entries`)
        return hitsOf(CACHES[name](entries), keys) / optimum
      })
      cells.push({ trace, entries, optimum: optimum / keys.length, parts })
    }
  }
  const mean = (name: CacheName) => cells.reduce((sum, { parts }) => sum + parts[name], 0) / cells.length
  return { cells, means: byCache(mean) }
}

/** How many of the requests find their key. */
export function hitsOf(request: Request, keys: Uint32Array): number {
  let hits = 0
  for (const key of keys) if (request(`key-${key}`)) hits++
  return hits
}

function byCache(figure: (name: CacheName) => number): Record<CacheName, number> {
  return Object.fromEntries(CACHE_NAMES.map((name) => [name, figure(name)])) as Record<CacheName, number>
}
