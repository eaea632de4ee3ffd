import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rangeAssign } from '../../../services/gateway/range-assignor.ts'

const shown = (shares: ReturnType<typeof rangeAssign>) =>
  Object.fromEntries(
    [...shares].map(([id, own]) => [id, own.map(({ topic, partition }) => `${topic}${partition}`)]),
  )

describe('the range assignor', () => {
  // The examples of Kafka's `RangeAssignor.java`.
  it.each([
    [
      { C0: ['t', 'u'], C1: ['t', 'u'] },
      { t: 3, u: 3 },
      { C0: ['t0', 't1', 'u0', 'u1'], C1: ['t2', 'u2'] },
    ],
    [{ C1: ['t'], C0: ['t'] }, { t: 3 }, { C0: ['t0', 't1'], C1: ['t2'] }],
    [
      { C0: ['t'], C1: ['t', 'u'] },
      { t: 1, u: 2 },
      { C0: ['t0'], C1: ['u0', 'u1'] },
    ],
    [{ C0: ['t'] }, {}, { C0: [] }],
  ])('gives to %j of %j runs in the order of the ids', (members, counts, expected) => {
    const topics = new Map(Object.entries(members))
    const partitions = new Map(Object.entries(counts as Record<string, number>))
    expect(shown(rangeAssign(topics, partitions))).toEqual(expected)
  })

  it('gives each partition to exactly one of those that subscribe to its topic, as evenly as it goes', () => {
    const topics = fc.uniqueArray(fc.constantFrom('t', 'u', 'v'), { minLength: 1 })
    const members = fc.dictionary(fc.string({ minLength: 1 }), topics, { minKeys: 1, maxKeys: 7 })
    const counts = fc.dictionary(fc.constantFrom('t', 'u', 'v'), fc.nat(9))
    fc.assert(
      fc.property(members, counts, (subscribed, partitions) => {
        const shares = rangeAssign(new Map(Object.entries(subscribed)), new Map(Object.entries(partitions)))
        for (const [topic, count] of Object.entries(partitions)) {
          const readers = Object.keys(subscribed).filter((id) => subscribed[id]!.some((own) => own === topic))
          const own = (id: string) => shares.get(id)!.filter((one) => one.topic === topic)
          const sizes = readers.map((id) => own(id).length)
          const given = Object.keys(subscribed).flatMap((id) => own(id).map(({ partition }) => partition))
          const all = readers.length === 0 ? 0 : count
          expect(given.toSorted((a, b) => a - b)).toEqual(Array.from({ length: all }, (_, n) => n))
          expect(Math.max(0, ...sizes) - Math.min(count, ...sizes)).toBeLessThanOrEqual(1)
        }
      }),
    )
  })
})
