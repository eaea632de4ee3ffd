/**
 * The same operations by the number of namespaces, tags and features, in rounds.
 *
 * @module
 */
import type { Amount, CostSample } from '../misses/measure.ts'
import { rounds } from '../rounds.ts'
import { medianOf } from '../statistics.ts'
import { SETUPS } from './setups.ts'

/** What `--only` says to have this alone. */
export const SCALE = 'scale'

export interface ScaleRow {
  readonly setup: string
  /** Microseconds of processor time, by what was done: the median over rounds. */
  readonly cpuUs: Readonly<Record<string, number>>
}

const QUICK: Amount = { misses: 0, herds: 0, writes: 100 }
const WHOLE: Amount = { misses: 0, herds: 0, writes: 2000 }

/** @throws Error when a subject could not be measured. */
export async function measureScales(
  quick: boolean,
  count: number,
  random: () => number,
  progress: (text: string) => void,
): Promise<ScaleRow[]> {
  const amount = quick ? QUICK : WHOLE
  const samples = await rounds<CostSample>(
    [Object.keys(SETUPS)],
    count,
    random,
    (subject) => ({ measure: 'scale', subject, amount }),
    progress,
  )
  return [...samples].map(([setup, all]) => ({
    setup,
    cpuUs: Object.fromEntries(
      Object.keys(all[0]!.cpuUs).map((work) => [work, medianOf(all.map(({ cpuUs }) => cpuUs[work]!))]),
    ),
  }))
}
