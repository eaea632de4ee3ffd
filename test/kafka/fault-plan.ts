/** Which faults each round has: by chance, from a seed, and every class as often as the others. @module */
import { seededRandom } from '../../src/testing/index.ts'

/** What a fault strikes; of one place only one fault at a time. */
export type Place = 'broker' | 'gateway' | 'wire'

/** Of how many rounds one has several faults at once. */
const SEVERAL = 0.2

/**
 * Rounds of one to three faults.
 *
 * @param classes names of the classes, and the place that each strikes
 */
export function faultPlan<Name extends string>(
  classes: Readonly<Record<Name, Place>>,
  rounds: number,
  seed: number,
): Name[][] {
  const random = seededRandom(seed)
  const names = Object.keys(classes) as Name[]
  const deck: Name[] = []
  /** The next card that strikes none of these places. */
  const draw = (places: readonly Place[]): Name | undefined => {
    if (deck.length < names.length) deck.push(...shuffled(names, random))
    const at = deck.findIndex((name) => !places.includes(classes[name]))
    return at < 0 ? undefined : deck.splice(at, 1)[0]
  }
  return Array.from({ length: rounds }, () => {
    const round = [draw([])!]
    while (round.length < 3 && random() < SEVERAL) {
      const more = draw(round.map((name) => classes[name]))
      if (more !== undefined) round.push(more)
    }
    return round
  })
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
