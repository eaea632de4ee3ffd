/**
 * Whether a scenario asks for more than is promised: a plan never does, a shrunk one may.
 *
 * @module
 */
import type { FaultName } from './faults.ts'
import { EXEMPTIONS } from './intensity.ts'
import { IDENTITY } from './plan.ts'
import type { Scenario } from './scenario.ts'

/** In what the scenario asks for more than kedge promises; the scenarios of a plan give none. */
export function excuses(scenario: Scenario): string[] {
  const { world, isolates, steps } = scenario
  const on = new Set<FaultName>(steps.flatMap((step) => (step.do === 'fault' ? [step.fault] : [])))
  const found = EXEMPTIONS.filter(({ faults, where }) =>
    faults.some((name) => {
      if (!on.has(name)) return false
      const others = new Set(on)
      others.delete(name)
      return where({ world, isolates, on: others })
    }),
  ).map(({ because }) => because)
  if (!world.identity && on.has('recreation') && !isFindable(scenario))
    found.push('a new log without identity must be longer than the old one at once')
  if (world.identity && IDENTITY[world.proxy] === undefined)
    found.push(`the adapter of ${world.proxy} gives no identity`)
  if (setsTwice(scenario))
    found.push('of two versioned sets that reach the log in the other order the older may win')
  return found
}

function isFindable({ steps, world }: Scenario): boolean {
  const writes = steps.filter((step) => step.do === 'write').length
  const least = 2 * (writes + 10) * (world.evictionPartitions === 1 ? 0.5 : world.evictionPartitions)
  return steps.every((step, at) => {
    if (step.do !== 'fault' || step.fault !== 'recreation') return true
    const next = steps[at + 1]
    return next?.do === 'fault' && next.fault === 'heartbeats' && (next.amount ?? 1) >= least
  })
}

function setsTwice({ steps }: Scenario): boolean {
  const writes = steps.filter((step) => step.do === 'write')
  return writes.some(
    (write) =>
      write.how === 'setVersion' &&
      writes.filter(({ space, key }) => space === write.space && key === write.key).length > 1,
  )
}
