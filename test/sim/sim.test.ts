/**
 * Schedules of a whole fleet, by a seed: whatever happens, every promise holds. `KEDGE_SEED` repeats one that failed,
 * `KEDGE_RUNS` has more of them, of other seeds; `npm run sim` has many more, and shows what happened.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { seeds } from '../seeds.ts'
import { smallest } from './failing.ts'
import { plan } from './plan.ts'
import { printTest } from './print.ts'
import { add, noCounts, schedule } from './schedule.ts'
import type { Scenario } from './scenario.ts'
import { simulate } from './simulate.ts'
import { traceHash } from './trace-hash.ts'

const hashesElsewhere = async (of: readonly number[]): Promise<string[]> => {
  const file = fileURLToPath(new URL('hash-process.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...of.map(String)])
  return stdout.trim().split('\n')
}

/** Fails with the shrunk scenario. */
async function explained(scenario: Scenario): Promise<string> {
  const { violations } = await schedule(scenario)
  const [first] = violations
  if (first === undefined) return ''
  const minimal = await smallest(scenario, first.invariant, { runs: 300 })
  return `KEDGE_SEED=${scenario.seed}\n${printTest(minimal.scenario, minimal.violations)}`
}

describe('a fleet', () => {
  // The same seeds each time by default: new seeds are for `npm run sim`, which can shrink what they find.
  const { KEDGE_SEED, KEDGE_RUNS } = process.env
  const { first, runs } = (KEDGE_SEED ?? KEDGE_RUNS) ? seeds(1) : { first: 1, runs: 100 }

  it(`keeps every promise (${runs} schedules from seed ${first})`, { timeout: 3_600_000 }, async () => {
    const sum = noCounts()
    for (let seed = first; seed < first + runs; seed++) {
      const { counts, violations } = await schedule(plan(seed))
      if (violations.length > 0) expect.fail(await explained(plan(seed)))
      add(sum, counts)
    }
    // A test that checks nothing would pass as well.
    expect(sum.reads).toBeGreaterThan(runs * 20)
    expect(sum.cached).toBeGreaterThan(runs * 5)
    if (runs >= 100) expect(Object.entries(sum.looked).filter(([, times]) => times === 0)).toEqual([])
  })

  it('does the same in every process, where the seed is the same', async () => {
    const some = [1, 2, 3, 4, 5, 6, 7, 8]
    const here: string[] = []
    for (const seed of some) here.push(traceHash(await simulate(plan(seed))))
    const [one, other] = await Promise.all([hashesElsewhere(some), hashesElsewhere(some.toReversed())])
    expect(one).toEqual(here)
    expect(other.toReversed()).toEqual(here)
    expect(new Set(here).size).toBe(some.length)
  })
})
