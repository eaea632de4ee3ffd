/** An age is made of two readings of each clock, and never understates the truth. */
import { describe, expect, it } from 'vitest'
import { Echoes } from '../../../../adapters/sharing/tail/echoes.ts'
import { seededRandom } from '../../../../src/testing/index.ts'

const PPM = 1000

/** A clock of its own: where it began, and how fast it runs. */
interface SomeClock {
  readonly offset: number
  readonly pace: number
}

describe('the age of a proof', () => {
  it('is never below the truth, whatever two clocks show that run true within the drift', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const random = seededRandom(seed)
    const between = (least: number, most: number) => least + random() * (most - least)
    const clock = (): SomeClock => ({ offset: between(-1e9, 1e9), pace: 1 + between(-PPM, PPM) / 2e6 })
    for (let time = 0; time < 20_000; time++) {
      const [mine, theirs] = [clock(), clock()]
      const read = ({ offset, pace }: SomeClock, moment: number) => offset + moment * pace
      const echoes = new Echoes(PPM)
      const asked = between(0, 60_000)
      const arrived = asked + between(0, 3000)
      // Whole milliseconds, rounded as those of both sides are.
      echoes.note('life', Math.ceil(read(mine, asked)), Math.ceil(read(theirs, arrived)))
      const sampled = between(Math.max(0, asked - 30_000), asked + 300_000)
      const now = Math.max(asked, sampled) + between(0, 60_000)
      const at = Math.floor(read(theirs, sampled))
      const ageMs = echoes.ageMs({ life: 'life', at }, Math.ceil(read(mine, now)), -Infinity)
      expect(ageMs, `seed ${seed}, time ${time}`).toBeGreaterThanOrEqual(now - sampled)
    }
  })

  it('is little more than the truth where the way was short', () => {
    const echoes = new Echoes(PPM)
    echoes.note('life', 1000, 500_000)
    expect(echoes.ageMs({ life: 'life', at: 501_000 }, 2300, -Infinity)).toBe(304)
    expect(echoes.ageMs({ life: 'life', at: 499_800 }, 1100, -Infinity)).toBe(302)
  })

  it('is unknown of a life that was never asked, and of one that was asked too long ago', () => {
    const echoes = new Echoes(PPM)
    echoes.note('life', 1000, 0)
    expect(echoes.ageMs({ life: 'another', at: 0 }, 1001, -Infinity)).toBe(Infinity)
    expect(echoes.ageMs({ life: 'life', at: 600_000 }, 601_000, -Infinity)).toBeLessThan(2000)
    expect(echoes.ageMs({ life: 'life', at: 600_000 }, 601_001, -Infinity)).toBe(Infinity)
  })

  it('is unknown once the own clock has stepped back since the question', () => {
    const echoes = new Echoes(PPM)
    echoes.note('life', 1000, 0)
    expect(echoes.ageMs({ life: 'life', at: 0 }, 1500, 1001)).toBe(Infinity)
  })

  it('goes by the newest echo of a life, of the eight lives that were asked last', () => {
    const echoes = new Echoes(0)
    echoes.note('life 0', 0, 0)
    echoes.note('life 0', 5000, 1000)
    expect(echoes.ageMs({ life: 'life 0', at: 1000 }, 5000, -Infinity)).toBe(1)
    for (let life = 1; life <= 8; life++) echoes.note(`life ${life}`, 0, 0)
    expect(echoes.ageMs({ life: 'life 0', at: 1000 }, 5000, -Infinity)).toBe(Infinity)
    expect(echoes.ageMs({ life: 'life 1', at: 0 }, 0, -Infinity)).toBe(1)
  })
})
