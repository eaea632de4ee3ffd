import { runInThisContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { excuses } from './excuses.ts'
import { FEATURE_SETS, featuresOf, intentsMsOf, SPACES, takesPart } from './features.ts'
import { FAULT_NAMES } from './intensity.ts'
import { plan } from './plan.ts'
import { printScenario } from './print.ts'
import type { ReadHow, WriteHow } from './scenario.ts'

const SEEDS = Array.from({ length: 2000 }, (_, at) => at + 1)
const PLANS = SEEDS.map((seed) => plan(seed))
const STEPS = PLANS.flatMap(({ steps }) => steps)

describe('a plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(plan(7)).toEqual(plan(7))
    expect(plan(7).steps).not.toEqual(plan(8).steps)
  })

  it('is plain JSON', () => {
    for (const scenario of PLANS.slice(0, 100)) expect(JSON.parse(JSON.stringify(scenario))).toEqual(scenario)
  })

  it('has its steps in order, and of isolates that there are', () => {
    for (const { steps, isolates } of PLANS) {
      expect(steps.every(({ at }, index) => at >= (steps[index - 1]?.at ?? 0))).toBe(true)
      expect(steps.every(({ isolate = 0 }) => isolate >= 0 && isolate < isolates.length)).toBe(true)
      expect(isolates.length).toBeGreaterThanOrEqual(2)
      expect(isolates.length).toBeLessThanOrEqual(8)
    }
  })

  it('has every class of faults often enough, and seldom many at once', () => {
    const times = new Map<string, number>()
    let classes = 0
    for (const { steps } of PLANS) {
      const on = new Set(steps.flatMap((step) => (step.do === 'fault' ? [step.fault] : [])))
      classes += on.size
      for (const name of on) times.set(name, (times.get(name) ?? 0) + 1)
    }
    expect(FAULT_NAMES.filter((name) => (times.get(name) ?? 0) < 5)).toEqual([])
    expect(classes / PLANS.length).toBeLessThan(8)
  })

  it('uses no feature, each alone, and all of them, in any order', () => {
    for (const name of FEATURE_SETS) {
      const often = PLANS.filter((scenario) => featuresOf(scenario) === name).length
      expect(often, name).toBeGreaterThan(PLANS.length / 40)
    }
    const orders = new Set(PLANS.flatMap(({ isolates }) => isolates.map(({ use }) => use.join())))
    // Each of the ordered selections of three: 1 + 3 + 6 + 6.
    expect(orders.size).toBe(16)
  })

  it('has namespaces that take no part in a feature, by either option, and isolates that only follow or share', () => {
    const isolates = PLANS.flatMap((each) => each.isolates)
    for (const name of ['sharedTier', 'replicate', 'writeIntents'] as const) {
      const using = isolates.filter(({ use }) => use.includes(name))
      expect(using.filter(({ namespaces }) => namespaces[name]).length).toBeGreaterThan(using.length / 20)
      expect(
        using.filter(({ without }) => SPACES.some((space) => without[space]?.includes(name))).length,
      ).toBeGreaterThan(using.length / 20)
      expect(
        using.filter((each) => SPACES.every((space) => takesPart(each, name, space))).length,
      ).toBeGreaterThan(using.length / 4)
    }
    expect(isolates.some(({ follow, share }) => follow && !share)).toBe(true)
    expect(isolates.some(({ follow, share }) => share && !follow)).toBe(true)
  })

  it('announces writes in the same namespaces everywhere: a reader that knows nothing of them may be wrong', () => {
    for (const { isolates } of PLANS) {
      const announced = isolates.map((each) => SPACES.map((space) => intentsMsOf(each, space)).join())
      expect(new Set(announced).size).toBe(1)
    }
  })

  it('has every way to read and to write', () => {
    const reads = new Set(STEPS.flatMap((step) => (step.do === 'read' ? [step.how] : [])))
    const writes = new Set(STEPS.flatMap((step) => (step.do === 'write' ? [step.how] : [])))
    const everyRead: readonly ReadHow[] = ['getOrSet', 'get', 'peek', 'getMany', 'getOrSetMany']
    const everyWrite: readonly WriteHow[] = [
      'delete',
      'deleteVersion',
      'tags',
      'prefix',
      'clear',
      'clearAll',
      'set',
      'setVersion',
      'writeThrough',
      'foreign',
    ]
    expect([...reads].sort()).toEqual([...everyRead].sort())
    expect([...writes].sort()).toEqual([...everyWrite].sort())
  })

  it('asks for nothing that is not promised', () => {
    for (const scenario of PLANS) expect(excuses(scenario), `seed ${scenario.seed}`).toEqual([])
  })

  it('has another fault of one class where another class is left out', () => {
    const all = plan(11, { faults: ['killed', 'truncation', 'heartbeats'] })
    for (const name of ['killed', 'truncation', 'heartbeats'] as const) {
      const alone = plan(11, { faults: [name] })
      const of = ({ steps }: typeof all) => steps.filter((step) => step.do === 'fault' && step.fault === name)
      expect(of(alone)).toEqual(of(all))
    }
  })

  it('printed as source is itself again', () => {
    for (const scenario of PLANS.slice(0, 20)) {
      const read: unknown = runInThisContext(`(${printScenario(scenario)})`)
      expect(read).toEqual(scenario)
    }
  })
})
