import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Ghost, hashOf } from '../../../src/store/ghost.ts'

describe('the ghost', () => {
  it('knows what has left lately, and forgets it when it has come back', () => {
    const ghost = new Ghost()
    expect(ghost.take(hashOf('a'), 10)).toBe(false)
    ghost.add(hashOf('a'), 10)

    expect([ghost.take(hashOf('b'), 10), ghost.take(hashOf('a'), 10), ghost.take(hashOf('a'), 10)]).toEqual([
      false,
      true,
      false,
    ])
  })

  it('says the same as a list of the last departures, where few have left', () => {
    const step = fc.record({ leaves: fc.boolean(), hash: fc.nat(2 ** 32 - 1).map((n) => n % 37) })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 200 }), (reach, steps) => {
        const ghost = new Ghost()
        let last: (number | undefined)[] = []
        for (const { leaves, hash } of steps) {
          // A key that has left comes back before it can leave again, and is forgotten then.
          if (leaves && last.includes(hash)) continue
          if (leaves) {
            ghost.add(hash, reach)
            last = [...last, hash].slice(-reach)
          } else {
            expect(ghost.take(hash, reach)).toBe(last.includes(hash))
            last = last.map((each) => (each === hash ? undefined : each))
          }
        }
      }),
      {
        numRuns: 300,
        examples: [
          [
            2,
            [26, 26]
              .map((hash) => ({ leaves: true, hash }))
              .concat([26, 26].map((hash) => ({ leaves: false, hash }))),
          ],
        ],
      },
    )
  })

  it.each([[100], [5000], [40_000]])('remembers nearly all of the last %i, and none before them', (reach) => {
    const ghost = new Ghost()
    const count = 5 * reach
    for (let each = 0; each < count; each++) ghost.add(hashOf(`key-${each}`), reach)
    const known = Array.from({ length: count }, (_, each) => ghost.take(hashOf(`key-${each}`), reach))

    expect(known.slice(0, count - reach).filter(Boolean)).toEqual([])
    expect(known.slice(count - reach).filter(Boolean).length).toBeGreaterThan(0.97 * reach)
  })
})
