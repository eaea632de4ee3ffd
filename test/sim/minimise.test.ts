import { describe, expect, it } from 'vitest'
import { minimise } from './minimise.ts'
import { plan } from './plan.ts'
import type { Scenario } from './scenario.ts'

/** A freeze of an isolate, then a read there of the same key that some other isolate has deleted before. */
function fails({ steps }: Scenario): boolean {
  return steps.some(
    (freeze, at) =>
      freeze.do === 'fault' &&
      freeze.fault === 'frozen' &&
      (freeze.forMs ?? 0) >= 500 &&
      steps.some(
        (write, before) =>
          before < at &&
          write.do === 'write' &&
          write.isolate !== freeze.isolate &&
          steps.some(
            (read, after) =>
              after > at && read.do === 'read' && read.isolate === freeze.isolate && read.key === write.key,
          ),
      ),
  )
}

/** The first seed that fails. */
function failing(): Scenario {
  for (let seed = 1; ; seed++) {
    const scenario = plan(seed)
    if (fails(scenario)) return scenario
  }
}

describe('the minimiser', () => {
  it('leaves what a failure needs, and nothing else', async () => {
    const scenario = failing()
    const { scenario: least, complete } = await minimise(scenario, fails)
    expect(complete).toBe(true)
    expect(fails(least)).toBe(true)
    expect(least.steps.map((step) => step.do)).toEqual(['write', 'fault', 'read'])
    expect(least.isolates).toHaveLength(2)
    expect(least.steps.map(({ at }) => at)).toEqual([0, 0, 0])
    expect(least.steps[0]).toMatchObject({ pauseMs: 0 })
    expect(least.world.proxy).toBe('memory')
    expect(scenario).toEqual(plan(scenario.seed))
  })

  it('keeps to its limit of runs, with what it has until then', async () => {
    const scenario = failing()
    let runs = 0
    const counted = (candidate: Scenario) => {
      runs++
      return fails(candidate)
    }
    const found = await minimise(scenario, counted, { runs: 12 })
    expect(runs).toBe(12)
    expect(found).toMatchObject({ runs: 12, complete: false })
    expect(fails(found.scenario)).toBe(true)
    expect(found.scenario.steps.length).toBeLessThan(scenario.steps.length)
  })

  it('returns a scenario as it is where nothing can be left out', async () => {
    const scenario = plan(1)
    const found = await minimise(scenario, (candidate) => candidate === scenario)
    expect(found.scenario).toBe(scenario)
    expect(found.complete).toBe(true)
  })
})
