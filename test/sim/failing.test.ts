import { describe, expect, it } from 'vitest'
import { minimise } from './minimise.ts'
import { plan } from './plan.ts'
import { printTest } from './print.ts'
import type { Scenario } from './scenario.ts'
import { simulate } from './simulate.ts'
import type { Violation } from './trace.ts'

/** A wrong checker: it reports an isolate that serves a value from memory after an eviction. */
async function broken(scenario: Scenario): Promise<Violation[]> {
  const { events } = await simulate(scenario)
  const calmAt = events.find(({ type }) => type === 'calm')?.t ?? Infinity
  const wrote = events.find(({ type }) => type === 'acknowledged')?.t ?? Infinity
  return events.flatMap((event) =>
    event.type === 'served' && event.from === 'memory' && event.t > wrote && event.t < calmAt
      ? [{ invariant: 'I1', t: event.t, text: `read ${event.read} came from memory` }]
      : [],
  )
}

describe('a run that fails', () => {
  it('is left with the few steps that it takes, and printed as a test', { timeout: 60_000 }, async () => {
    let seed = 1
    while ((await broken(plan(seed, { steps: 30, proxy: 'memory', faults: [] }))).length === 0) seed++
    const scenario = plan(seed, { steps: 30, proxy: 'memory', faults: [] })
    const minimal = await minimise(scenario, async (each) => (await broken(each)).length > 0, { runs: 400 })
    const violations = await broken(minimal.scenario)
    expect(violations).not.toEqual([])
    // One writes, one loads, and one finds it in memory.
    expect(minimal.scenario.steps.length).toBeLessThanOrEqual(4)
    expect(minimal.scenario.steps.some((step) => step.do === 'write')).toBe(true)
    expect(minimal.scenario.isolates.length).toBeLessThanOrEqual(2)
    const source = printTest(minimal.scenario, violations)
    expect(source).toContain("import { holds } from './scenario.ts'")
    expect(source).toContain(`holds('I1 holds in seed ${seed}', {`)
    expect(source).toContain('came from memory')
  })
})
