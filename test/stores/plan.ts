/** Which faults come after each other: by chance, from a seed, and each as often as the others. @module */
import { seededRandom } from '../../src/testing/index.ts'

export interface Step<Name extends string> {
  readonly names: readonly Name[]
  /** How long all is well before, in milliseconds. */
  readonly calmMs: number
  /** Of the fault's random numbers. */
  readonly seed: number
}

/** Of how many steps one has two faults at once. */
const TWO = 0.25
const CALM_MS = 900

/**
 * @param faults names, and what each strikes: of one thing only one fault at a time
 */
export function plan<Name extends string>(
  faults: Readonly<Record<Name, string>>,
  steps: number,
  seed: number,
): Step<Name>[] {
  const random = seededRandom(seed)
  const deck: Name[] = []
  const draw = (but?: string): Name | undefined => {
    const names = Object.keys(faults) as Name[]
    if (deck.length < names.length)
      deck.push(
        ...names
          .map((name) => ({ name, at: random() }))
          .toSorted((one, other) => one.at - other.at)
          .map(({ name }) => name),
      )
    const at = deck.findIndex((name) => faults[name] !== but)
    return at < 0 ? undefined : deck.splice(at, 1)[0]
  }
  return Array.from({ length: steps }, () => {
    const first = draw()!
    const second = random() < TWO ? draw(faults[first]) : undefined
    return {
      names: second === undefined ? [first] : [first, second],
      calmMs: 100 + random() * CALM_MS,
      seed: Math.floor(random() * 1e9),
    }
  })
}
