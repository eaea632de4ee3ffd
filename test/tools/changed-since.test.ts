import { describe, expect, it } from 'vitest'
import { concernedBy } from '../mutants/changed-since.ts'
import { MUTANTS } from '../mutants/index.ts'

const countOf = (...changed: string[]) => MUTANTS.filter(concernedBy(changed)).length

describe('the mutants that a change concerns', () => {
  it('are those of the files that it touches, and those that the touched tests are to notice', () => {
    const [mutant] = MUTANTS
    expect(countOf(mutant!.file)).toBeGreaterThan(0)
    expect(countOf(mutant!.file)).toBeLessThan(MUTANTS.length / 2)
    expect(countOf(`test/${mutant!.hint[0]}`)).toBeGreaterThan(0)
  })

  it('are none where only docs and other tests change', () => {
    expect(countOf('README.md', 'test/worker/routes.test.ts', 'worker/app.ts')).toBe(0)
  })

  it.each([
    'test/sim/checkers/calm.ts',
    'test/mutants/gates.ts',
    'test/src/world.ts',
    'test/sim/sim.test.ts',
  ])('are all where what judges them changes: %s', (file) => {
    expect(countOf(file)).toBe(MUTANTS.length)
  })
})
