/**
 * Simulated schedules, one after the other, until one breaks a promise. Runs in a copy of the sources, for which its
 * arguments are: how many, and from which seed on. Says what it found in one line of JSON.
 *
 * @module
 */
import { CHECKERS } from '../sim/checkers/index.ts'
import { plan } from '../sim/plan.ts'
import { simulate } from '../sim/simulate.ts'

/** What came of them. */
export interface Found {
  readonly schedules: number
  readonly seed?: number | undefined
  readonly invariants?: readonly string[] | undefined
}

const [count = 1, first = 1] = process.argv.slice(2).map(Number)
let found: Found = { schedules: count }
for (let seed = first; seed < first + count && found.seed === undefined; seed++) {
  const trace = await simulate(plan(seed))
  const violations = CHECKERS.flatMap((checker) => checker.check(trace).violations)
  if (violations.length > 0) {
    const invariants = [...new Set(violations.map(({ invariant }) => invariant))]
    found = { schedules: seed - first + 1, seed, invariants }
  }
  // What weak references have led to is kept until a task ends, and time that is virtual never ends one.
  await new Promise((resolve) => setImmediate(resolve))
}
process.stdout.write(`\n${JSON.stringify(found)}\n`, () => process.exit(0))
