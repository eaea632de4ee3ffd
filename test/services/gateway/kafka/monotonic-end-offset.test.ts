import { describe, expect, it } from 'vitest'
import { MonotonicEndOffset } from '../../../../services/gateway/kafka/monotonic-end-offset.ts'

const at = (end: number, epoch = 3, id = 'log', partition = 0) => ({ id, partition, epoch, end })

describe('Ends that were answered', () => {
  it('never go back under the same epoch', () => {
    const floor = new MonotonicEndOffset()
    floor.check(at(7))
    expect(floor.bears(at(6))).toBe(false)
    expect(() => floor.check(at(6))).toThrow('below an earlier one')
    floor.check(at(7))
    floor.check(at(8))
    expect(floor.bears(at(7))).toBe(false)
  })

  it('hold what was acknowledged', () => {
    const floor = new MonotonicEndOffset()
    floor.raise(at(4))
    floor.raise(at(2))
    expect(() => floor.check(at(3))).toThrow('below an earlier one')
    floor.check(at(4))
  })

  it('may be lower under a later epoch, which has lost records; a late answer of the earlier one changes nothing', () => {
    const floor = new MonotonicEndOffset()
    floor.check(at(9, 3))
    floor.check(at(5, 4))
    floor.raise(at(20, 3))
    expect(floor.bears(at(4, 4))).toBe(false)
    floor.check(at(6, 4))
    expect(floor.bears(at(5, 4))).toBe(false)
  })

  it('are of one log and one partition', () => {
    const floor = new MonotonicEndOffset()
    floor.check(at(9))
    floor.check(at(0, 3, 'another'))
    floor.check(at(0, 3, 'log', 1))
  })
})
