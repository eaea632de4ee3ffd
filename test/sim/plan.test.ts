import { runInThisContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { excuses } from './excuses.ts'
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
