import { describe, expect, it } from 'vitest'
import { faultPlan } from './fault-plan.ts'

const CLASSES = {
  killed: 'broker',
  frozen: 'broker',
  gone: 'gateway',
  halted: 'gateway',
  cut: 'wire',
  slowed: 'wire',
} as const

describe('The plan of the fault rounds', () => {
  const plan = faultPlan(CLASSES, 200, 7)

  it('is the same for the same seed, and another for another', () => {
    expect(faultPlan(CLASSES, 200, 7)).toEqual(plan)
    expect(faultPlan(CLASSES, 200, 8)).not.toEqual(plan)
  })

  it('has each class about as often as the others', () => {
    const times = Object.keys(CLASSES).map((name) => plan.flat().filter((one) => one === name).length)
    expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(2)
  })

  it('has every class within the rounds of a short run, whatever the seed', () => {
    for (let seed = 0; seed < 200; seed++) {
      expect(new Set(faultPlan(CLASSES, 10, seed).flat()).size, `seed ${seed}`).toBe(6)
    }
  })

  it('has several faults at once in some rounds, and never two of one place', () => {
    expect(plan.filter((round) => round.length > 1).length).toBeGreaterThan(20)
    for (const round of plan) {
      const places = round.map((name) => CLASSES[name])
      expect(new Set(places).size).toBe(places.length)
    }
  })
})
