/** Runs by a seed: `KEDGE_SEED` repeats one that failed, `KEDGE_RUNS` has more of them. @module */
import { expect } from 'vitest'

export interface Seeds {
  readonly first: number
  readonly runs: number
}

/** The part of the usual runs that `npm test` has. */
const SHORT = 1 / 4

/** Random first seed, and the usual number of runs; KEDGE_SEED and KEDGE_RUNS override them. */
export function seeds(usual: number): Seeds {
  const fixed = process.env['KEDGE_SEED']
  if (fixed !== undefined) return { first: Number(fixed), runs: 1 }
  const runs = process.env['KEDGE_TESTS'] === 'core' ? Math.ceil(usual * SHORT) : usual
  return { first: Math.floor(Math.random() * 1e9), runs: Number(process.env['KEDGE_RUNS'] ?? runs) }
}

/** One run after the other, none of which may violate anything. */
export async function forEachSeed<R extends { readonly violations: readonly string[] }>(
  { first, runs }: Seeds,
  run: (seed: number) => Promise<R>,
  take: (result: R) => void,
): Promise<void> {
  for (let seed = first; seed < first + runs; seed++) {
    const result = await run(seed)
    // Node keeps the targets of weak references until a task ends, and virtual time never ends one.
    await new Promise((resolve) => setImmediate(resolve))
    expect(result.violations, `KEDGE_SEED=${seed}`).toEqual([])
    take(result)
  }
}
