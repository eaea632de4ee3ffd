/**
 * Simulated schedules, one after the other, until one breaks a promise. Runs in a copy of the sources. Its arguments
 * say how many, which of them, from which seed on, and which seeds to leave out. Prints its finding as a line of JSON.
 *
 * @module
 */
import { CHECKERS } from '../sim/checkers/index.ts'
import { plan } from '../sim/plan.ts'
import { simulate } from '../sim/simulate.ts'
import { FOCUSES } from './focus.ts'
import type { FocusName } from './focus.ts'

/** What came of them. */
export interface Found {
  readonly schedules: number
  readonly seed?: number | undefined
  readonly invariants?: readonly string[] | undefined
}

/** Seeds beyond are of runs that no other suite makes each time. */
const LAST_SEED = 10_000

const [count = '1', focus = 'anything', first = '1', ...leftOut] = process.argv.slice(2)
const matters = FOCUSES[focus as FocusName]
let schedules = 0
let found: Omit<Found, 'schedules'> = {}
for (
  let seed = Number(first);
  seed <= LAST_SEED && schedules < Number(count) && found.seed === undefined;
  seed++
) {
  const scenario = plan(seed)
  if (!matters(scenario) || leftOut.includes(`${seed}`)) continue
  schedules++
  // A sign of life.
  process.stdout.write('.')
  const trace = await simulate(scenario)
  const violations = CHECKERS.flatMap((checker) => checker.check(trace).violations)
  if (violations.length > 0)
    found = { seed, invariants: [...new Set(violations.map(({ invariant }) => invariant))] }
  // Node keeps the targets of weak references until a task ends, and virtual time never ends one.
  await new Promise((resolve) => setImmediate(resolve))
}
const said: Found = { schedules, ...found }
process.stdout.write(`\n${JSON.stringify(said)}\n`, () => process.exit(0))
