import { beforeEach, describe, expect, it } from 'vitest'
import { type Look, StoreChecker, type TopicRecord } from './checker.ts'

const TOLERANCE = { outlivesMs: 100, earlyMs: 10 }

describe('The checker of a store', () => {
  let checker: StoreChecker
  const rules = () => {
    checker.judges()
    return checker.violations.map(({ rule }) => rule)
  }
  const record = (offset: number, value: string | undefined, more: Partial<TopicRecord> = {}) =>
    checker.topic({ partition: 0, offset, timestamp: 1000, key: 'a', value, ttlMs: undefined, ...more })
  const look = (began: number, value: string | undefined, more: Partial<Look> = {}) =>
    checker.sees({ began, ended: began + 1, positions: undefined, values: new Map([['a', value]]), ...more })

  beforeEach(() => {
    checker = new StoreChecker({ ...TOLERANCE, flickersMs: 0 })
    record(0, 'A')
    record(1, 'B')
    record(2, undefined)
    record(3, 'C')
    record(4, 'D', { ttlMs: 500 })
  })

  it('finds nothing in a trace that keeps every promise', () => {
    look(1000, undefined, { positions: new Map([[0, 0]]) })
    look(1010, 'B', { positions: new Map([[0, 2]]) })
    look(1020, undefined, { positions: new Map([[0, 3]]) })
    look(1030, 'C', { positions: new Map([[0, 4]]) })
    look(1040, 'D', { positions: new Map([[0, 5]]) })
    look(1500, undefined, { positions: new Map([[0, 5]]) })
    record(5, undefined, { key: undefined })
    checker.acknowledged({ partition: 0, offset: 4 }, 'a', 'D')
    checker.acknowledged({ partition: 0, offset: 5 }, undefined, undefined)
    checker.letters([
      { partition: 0, offset: 5 },
      { partition: 0, offset: 5 },
    ])
    checker.rests(1400, 1400, new Map([['a', { value: 'D', ttlMs: 100 }]]))
    expect(rules()).toEqual([])
    expect(checker.count).toMatchObject({ looks: 6, seen: 6, absent: 3, claims: 6, rests: 1, unusable: 1 })
  })

  it('finds a key that goes back to an older value', () => {
    look(1000, 'B')
    look(1010, 'A')
    expect(rules()).toEqual(['backwards'])
  })

  it('knows no order between two looks at the same time, and that of all others', () => {
    look(1000, 'A')
    // Looked first, and came back last.
    look(1020, 'B', { ended: 1030 })
    look(1010, 'A', { ended: 1040 })
    expect(rules()).toEqual([])
    expect(checker.count.crossed).toBe(1)
    look(1031, 'A', { ended: 1050 })
    expect(rules()).toEqual(['backwards'])
  })

  it('forgets what a loss has undone, and nothing that came after it', () => {
    look(1000, 'C')
    checker.loses({ from: 1005, to: 1015 })
    look(1020, 'A')
    look(1030, 'B')
    look(1040, 'A', { ended: 1045 })
    expect(rules()).toEqual(['backwards'])
  })

  it('finds a deleted key that comes back with its old value', () => {
    look(1000, 'B')
    look(1010, undefined)
    look(1020, 'B')
    expect(rules()).toEqual(['backwards'])
  })

  it('lets a deleted key flicker where that cannot be helped, for so long and no longer', () => {
    checker = new StoreChecker({ ...TOLERANCE, flickersMs: 50 })
    record(0, 'A')
    record(1, 'B')
    record(2, undefined)
    record(3, 'C')
    for (const [at, value] of ['A', 'B', undefined, 'B', undefined, 'A', 'C'].entries())
      look(1000 + 10 * at, value)
    expect(rules()).toEqual([])
    expect(checker.count.flickers).toBe(2)
    look(1100, 'B')
    expect(rules()).toEqual(['backwards'])
  })

  it('finds a deleted key that flickers for too long', () => {
    checker = new StoreChecker({ ...TOLERANCE, flickersMs: 50 })
    record(1, 'B')
    record(2, undefined)
    look(1000, 'B')
    look(1010, undefined)
    look(1020, 'B')
    look(1069, 'B')
    expect(rules()).toEqual([])
    look(1070, 'B')
    expect(rules()).toEqual(['backwards'])
  })

  it('finds a key that is gone without a record that says so', () => {
    look(1000, 'C')
    look(1010, undefined)
    expect(rules()).toEqual(['vanished'])
  })

  it('lets a key start over after a loss, and then not go back', () => {
    look(1000, 'C')
    checker.loses({ from: 1005, to: 1015 })
    look(1020, undefined)
    look(1030, 'A')
    look(1040, 'B')
    expect(rules()).toEqual([])
    look(1050, 'A')
    expect(rules()).toEqual(['backwards'])
  })

  it('judges nothing that was seen while something was being lost', () => {
    checker.loses({ from: 1005, to: 1015 })
    look(1000, 'C', { ended: 1006 })
    look(1010, 'A')
    look(1016, undefined)
    expect(rules()).toEqual([])
    expect(checker.count.seen).toBe(1)
  })

  it('lets keys go back until all was read again, where a part of the store was lost', () => {
    checker.loses({ from: 1005, to: 1006, until: 1100 })
    look(1000, 'C')
    look(1050, 'A')
    look(1060, 'C')
    look(1101, 'C')
    expect(rules()).toEqual([])
    look(1110, 'B')
    expect(rules()).toEqual(['backwards'])
  })

  it('finds a value of no record', () => {
    look(1000, 'X')
    expect(rules()).toEqual(['foreign'])
  })

  it('finds a value that lives beyond its time', () => {
    look(1599, 'D')
    look(1600, 'D')
    expect(rules()).toEqual([])
    look(1601, 'D')
    expect(rules()).toEqual(['outlived'])
  })

  it('lets what stood still be late by as long as it did, and no longer', () => {
    checker = new StoreChecker({ ...TOLERANCE, flickersMs: 50 })
    record(3, 'C')
    record(4, 'D', { ttlMs: 500 })
    checker.stood(1000)
    checker.stood(30)
    look(2600, 'D')
    const held = (ttlMs: number) => checker.rests(1100, 1100, new Map([['a', { value: 'D', ttlMs }]]))
    held(1500)
    expect(rules()).toEqual([])
    held(1501)
    look(2601, 'D')
    expect(rules()).toEqual(['ttl', 'outlived'])
  })

  it('lets a deleted key flicker for longer where something stood still, if it may at all', () => {
    for (const [flickersMs, last, expected] of [
      [50, 2069, []],
      [50, 2070, ['backwards']],
      [0, 1020, ['backwards']],
    ] as const) {
      checker = new StoreChecker({ ...TOLERANCE, flickersMs })
      record(1, 'B')
      record(2, undefined)
      checker.stood(1000)
      look(1000, 'B')
      look(1010, undefined)
      if (flickersMs > 0) look(1020, 'B')
      look(last, 'B')
      expect(rules()).toEqual(expected)
    }
  })

  it('finds a position that is ahead of what is there', () => {
    look(1000, 'A', { positions: new Map([[0, 2]]) })
    look(1010, 'B', { positions: new Map([[0, 3]]) })
    expect(rules()).toEqual(['ahead', 'ahead'])
  })

  it('finds a position that is ahead of a key that is not there yet', () => {
    record(0, 'B', { key: 'b', partition: 1 })
    record(1, undefined, { key: 'b', partition: 1, timestamp: 2000 })
    const [positions, values] = [new Map([[1, 1]]), new Map([['b', undefined]])]
    look(1980, undefined, { positions, values })
    expect(rules()).toEqual(['ahead'])
    look(1990, undefined, { positions, values })
    expect(rules()).toEqual(['ahead'])
  })

  it('finds at rest a value that is another, one that is missing and one that is in no record', () => {
    record(0, 'only', { key: 'b', partition: 1 })
    record(1, undefined, { key: 'c', partition: 1 })
    checker.rests(
      1100,
      1100,
      new Map([
        ['a', { value: 'C', ttlMs: undefined }],
        ['c', { value: 'back', ttlMs: undefined }],
        ['z', { value: 'Z', ttlMs: undefined }],
      ]),
    )
    expect(rules()).toEqual(['unequal', 'unequal', 'unequal', 'unequal'])
  })

  it('finds at rest a value whose time is over', () => {
    checker.rests(1700, 1700, new Map([['a', { value: 'D', ttlMs: undefined }]]))
    expect(rules()).toEqual(['unequal'])
  })

  it('finds at rest a time to live that is another', () => {
    for (const ttlMs of [undefined, 280, 411, 500]) {
      checker.rests(1100, 1100, new Map([['a', { value: 'D', ttlMs: ttlMs === 411 ? 400 : ttlMs }]]))
    }
    expect(rules()).toEqual(['ttl', 'ttl'])
  })

  it('finds a time to live where there must be none', () => {
    record(0, 'E', { key: 'e', partition: 1 })
    checker.rests(
      1500,
      1500,
      new Map([
        ['a', { value: undefined, ttlMs: undefined }],
        ['e', { value: 'E', ttlMs: 1000 }],
      ]),
    )
    expect(rules()).toEqual(['ttl'])
  })

  it('finds an acknowledged record that is not in the topic', () => {
    checker.acknowledged({ partition: 0, offset: 9 }, 'a', 'E')
    checker.acknowledged({ partition: 0, offset: 4 }, 'a', 'E')
    checker.acknowledged({ partition: 0, offset: 4 }, undefined, undefined)
    expect(rules()).toEqual(['lost', 'lost', 'lost'])
  })

  it('finds a dead letter of a record that can be used, and one that is missing', () => {
    record(5, undefined, { key: undefined })
    checker.letters([{ partition: 0, offset: 4 }])
    expect(rules()).toEqual(['false letter', 'missing letter'])
  })

  it('forgives as many letters as the sync said were lost, and no more', () => {
    record(5, undefined, { key: undefined })
    record(6, undefined, { key: undefined })
    checker.letters([], 2)
    expect(rules()).toEqual([])
    checker.letters([], 1)
    expect(rules()).toEqual(['missing letter', 'missing letter'])
  })

  it('finds a store that does not come to rest', () => {
    checker.isRestless('redis')
    expect(rules()).toEqual(['restless'])
  })
})
