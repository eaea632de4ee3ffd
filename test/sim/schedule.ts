/**
 * One schedule: a scenario is run, and every checker looks at what happened.
 *
 * @module
 */
import { CHECKERS } from './checkers/index.ts'
import { FEATURE_SETS, featuresOf } from './features.ts'
import { FAULT_NAMES } from './intensity.ts'
import type { FaultName } from './faults.ts'
import type { Scenario } from './scenario.ts'
import { simulate } from './simulate.ts'
import type { Trace, Violation } from './trace.ts'

/** What a schedule checked. Plain numbers, so that those of many can be added. */
export interface Counts {
  schedules: number
  /** True time, in milliseconds. */
  virtualMs: number
  events: number
  /** Values that were served. */
  reads: number
  /** Those of them that came from memory or the tier. */
  cached: number
  /** Evictions that the log had acknowledged. */
  evictions: number
  isolates: number
  /** How many schedules had isolates with these features. */
  readonly features: Record<string, number>
  /** How often each class of faults met a request, a load, an isolate or the log. */
  readonly faults: Record<FaultName, number>
  /** How often each checker looked. */
  readonly looked: Record<string, number>
  violations: number
}

export interface Outcome {
  readonly trace: Trace
  readonly violations: readonly Violation[]
  readonly counts: Counts
}

export function noCounts(): Counts {
  return {
    schedules: 0,
    virtualMs: 0,
    events: 0,
    reads: 0,
    cached: 0,
    evictions: 0,
    isolates: 0,
    features: Object.fromEntries(FEATURE_SETS.map((name) => [name, 0])),
    faults: Object.fromEntries(FAULT_NAMES.map((name) => [name, 0])) as Record<FaultName, number>,
    looked: Object.fromEntries(CHECKERS.map(({ invariant }) => [invariant, 0])),
    violations: 0,
  }
}

/** Adds `more` to `sum`. */
export function add(sum: Counts, more: Counts): void {
  for (const name of ['schedules', 'virtualMs', 'events', 'reads', 'cached'] as const) sum[name] += more[name]
  for (const name of ['evictions', 'isolates', 'violations'] as const) sum[name] += more[name]
  for (const [name, times] of Object.entries(more.features))
    sum.features[name] = (sum.features[name] ?? 0) + times
  for (const name of FAULT_NAMES) sum.faults[name] += more.faults[name]
  for (const [name, times] of Object.entries(more.looked)) sum.looked[name] = (sum.looked[name] ?? 0) + times
}

/** Runs the scenario, and looks. */
export async function schedule(scenario: Scenario): Promise<Outcome> {
  const trace = await simulate(scenario)
  const counts = countsOf(trace)
  const violations: Violation[] = []
  for (const checker of CHECKERS) {
    const found = checker.check(trace)
    counts.looked[checker.invariant] = (counts.looked[checker.invariant] ?? 0) + found.looked
    violations.push(...found.violations)
  }
  counts.violations = violations.length
  // Node keeps the targets of weak references until a task ends, and virtual time never ends one.
  await new Promise((resolve) => setImmediate(resolve))
  return { trace, violations: violations.sort((one, other) => one.t - other.t), counts }
}

function countsOf({ scenario, events }: Trace): Counts {
  const counts = noCounts()
  counts.schedules = 1
  counts.features[featuresOf(scenario)] = 1
  counts.events = events.length
  counts.virtualMs = events.at(-1)?.t ?? 0
  for (const event of events) {
    if (event.type === 'isolate') counts.isolates++
    else if (event.type === 'acknowledged') counts.evictions++
    else if (event.type === 'end')
      for (const [name, times] of Object.entries(event.met ?? {})) counts.faults[name as FaultName] += times
    else if (event.type === 'served' && event.row !== undefined) {
      counts.reads++
      if (event.from === 'memory' || event.from === 'tier') counts.cached++
    }
  }
  return counts
}
