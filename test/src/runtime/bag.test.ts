import { describe, expect, it } from 'vitest'
import { Bag } from '../../../src/runtime/bag.ts'
import type { Member } from '../../../src/runtime/bag.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'

describe('a bag', () => {
  it('has those that were added and have not left, in any order of coming and going', () => {
    const random = seededRandom(7)
    const bag = new Bag<Member>()
    const there = new Set<Member>()
    const all: Member[] = []
    for (let step = 0; step < 2000; step++) {
      if (random() < 0.5) {
        const member = { place: 0 }
        all.push(member)
        there.add(member)
        bag.add(member)
      } else if (all.length > 0) {
        // Some leave more than once.
        const member = all[Math.floor(random() * all.length)]!
        there.delete(member)
        bag.delete(member)
      }
      expect(bag.members.length).toBe(there.size)
    }
    expect(new Set(bag.members)).toEqual(there)
    expect(there.size).toBeGreaterThan(0)
  })

  it('takes no other out for one that has left, or is in another', () => {
    const [bag, other] = [new Bag<Member>(), new Bag<Member>()]
    const [first, second] = [{ place: 0 }, { place: 0 }]
    bag.add(first)
    other.add(second)
    bag.delete(second)
    expect(bag.members).toEqual([first])
    bag.delete(first)
    bag.add(second)
    bag.delete(first)
    expect(bag.members).toEqual([second])
  })
})
