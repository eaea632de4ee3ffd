/**
 * The worlds that are simulated: how many isolates, in how many colos, behind how many tails.
 *
 * @module
 */
import type { Plan, Seen, Way } from './plan.ts'
import { simulate } from './world.ts'

export interface Row {
  /** What `--only` looks for. */
  readonly name: string
  readonly plan: Plan
  readonly seen: Seen
}

type Shape = Omit<Plan, 'seed' | 'way' | 'tails'> & { readonly tails?: number }

const ALL: readonly Way[] = ['direct', 'tail', 'store']
const BASE = {
  seconds: 10,
  requests: 2,
  evictions: 2,
  maxStalenessMs: 2000,
  refreshAfterMs: 500,
  clock: 'gateway',
} as const
/** Where a figure is a share of few isolates, or a peak, more time is looked at. */
const LONG = 40
/** Durable Objects can be asked for in so many regions. */
const REGIONS = 9
/** Isolates in one colo where a million are in 330. */
export const BUSY_COLO = 3000

const shape = (isolates: number, colos: number, more: Partial<Shape> = {}): Shape => ({
  ...BASE,
  isolates,
  colos,
  ...more,
})

interface Wanted {
  readonly name: string
  readonly ways: readonly Way[]
  readonly shape: Shape
  /** Whether `--quick` leaves it out. */
  readonly isLarge?: boolean
}

const WANTED: readonly Wanted[] = [
  { name: '50 isolates', ways: ALL, shape: shape(50, 2) },
  { name: '1,000 isolates', ways: ALL, shape: shape(1000, 10), isLarge: true },
  // What `refreshAfter` is by default: isolates need not poll more often than that.
  {
    name: '1,000 isolates, 1 s',
    ways: ['direct'],
    shape: shape(1000, 10, { refreshAfterMs: 1000 }),
    isLarge: true,
  },
  { name: '1,000 isolates in many colos', ways: ALL, shape: shape(1000, 50), isLarge: true },
  { name: 'a colo of 20', ways: ['store'], shape: shape(20, 1, { seconds: LONG }) },
  { name: 'a colo of 100', ways: ['store'], shape: shape(100, 1, { seconds: LONG }) },
  { name: 'a colo of 3,000', ways: ALL, shape: shape(BUSY_COLO, 1), isLarge: true },
  { name: 'busy', ways: ALL, shape: shape(100, 1, { seconds: LONG, requests: 4 }) },
  {
    name: 'busy, 250 ms',
    ways: ALL,
    shape: shape(100, 1, { seconds: LONG, requests: 4, refreshAfterMs: 250 }),
  },
  { name: 'restart, calm', ways: ['store'], shape: shape(300, 3, { seconds: LONG, tails: 1 }) },
  {
    name: 'restart',
    ways: ['store'],
    shape: shape(300, 3, { seconds: LONG, tails: 1, restartEveryMs: 5000 }),
  },
  { name: '10,000 isolates', ways: ['store', 'gateway'], shape: shape(10_000, 330), isLarge: true },
  // A part of a million: three of the 330 colos, behind one tail.
  {
    name: 'three busy colos',
    ways: ['store', 'gateway'],
    shape: shape(3 * BUSY_COLO, 3, { tails: 1, seconds: 7 }),
    isLarge: true,
  },
]

export interface RowOptions {
  readonly seed: number
  readonly quick: boolean
  readonly only: string | undefined
}

/** Simulates what is wanted, one world after the other. */
export async function measureRows(
  { seed, quick, only }: RowOptions,
  progress: (text: string) => void,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const { name, ways, shape: each, isLarge = false } of WANTED) {
    if ((quick && isLarge) || (only !== undefined && !name.includes(only))) continue
    for (const way of ways) {
      progress(`${name}, ${way}`)
      const tails = way === 'gateway' ? 1 : (each.tails ?? Math.min(REGIONS, each.colos))
      const plan = { ...each, tails, seed, way }
      rows.push({ name, plan, seen: await simulate(plan) })
    }
  }
  return rows
}
