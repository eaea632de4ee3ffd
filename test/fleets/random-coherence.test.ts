/** Set `KEDGE_SEED` to repeat a run that failed, `KEDGE_RUNS` to run more of them. */
import { describe, expect, it } from 'vitest'
import { forEachSeed, seeds } from '../seeds.ts'
import { randomFleet } from './random-fleet.ts'

describe('whatever happens', () => {
  const { first, runs } = seeds(60)

  it(
    `nothing is served beyond the promise (${runs} runs from seed ${first})`,
    { timeout: 3_600_000 },
    async () => {
      let checked = 0
      let cached = 0
      await forEachSeed({ first, runs }, randomFleet, (result) => {
        checked += result.checked
        cached += result.cached
      })
      // A test that checks nothing would pass as well.
      expect(checked).toBeGreaterThan(runs * 30)
      expect(cached).toBeGreaterThan(runs * 5)
    },
  )
})
