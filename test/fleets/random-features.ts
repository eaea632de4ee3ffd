/**
 * The features of an isolate of a random fleet: any of them, in any order.
 *
 * @module
 */
import type { Feature } from '../../src/index.ts'
import { replicate } from '../../src/replicate/index.ts'
import { memoryTier } from '../../src/testing/index.ts'
import { sharedTier } from '../../src/tier/index.ts'
import { writeIntents } from '../../src/write-paths/index.ts'
import type { World } from '../src/world.ts'

/** How often each is used; `0` for never, `1` for always. */
interface Chances {
  readonly replicate: number
  readonly sharedTier: number
  readonly writeIntents: number
}

interface RandomFeatures {
  readonly at: World
  readonly random: () => number
  readonly chances: Chances
  /** Of the tier, and of the intents. */
  readonly lookBacks: readonly number[]
  readonly intentMs: number
}

/** Makes the features of one isolate after the other; those with a tier share one. */
export function randomFeatures({
  at,
  random,
  chances,
  lookBacks,
  intentMs,
}: RandomFeatures): () => readonly Feature[] {
  const { store } = memoryTier({ runtime: at.runtime })
  const chance = (probability: number) => random() < probability
  const lookBack = () => lookBacks[Math.floor(random() * lookBacks.length)]!
  return () => {
    const tier = memoryTier({
      runtime: at.runtime,
      on: store,
      latency: () => Math.floor(random() ** 2 * 200),
    })
    const used: { readonly rank: number; readonly feature: Feature }[] = []
    const use = (often: number, make: () => Feature) => {
      if (chance(often)) used.push({ rank: random(), feature: make() })
    }
    use(chances.replicate, () => replicate({ follow: chance(0.8), share: chance(0.8) }))
    use(chances.sharedTier, () => sharedTier(tier, { lookBack: lookBack(), timeout: chance(0.5) ? 0 : 50 }))
    use(chances.writeIntents, () => writeIntents({ max: intentMs, lookBack: lookBack() }))
    return used.sort((one, other) => one.rank - other.rank).map(({ feature }) => feature)
  }
}
