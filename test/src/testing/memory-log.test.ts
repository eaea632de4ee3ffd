import { describe, expect, it } from 'vitest'
import { MemoryLog } from '../../../src/testing/index.ts'

describe('adding partitions to a topic in memory', () => {
  it('keeps its identity and its records, and begins the new ones empty', () => {
    const log = new MemoryLog({ topics: { t: 1 } })
    const before = log.offsets('t', 0)
    log.append('t', { key: null, value: new Uint8Array(1), partition: 0 })
    expect(log.addPartitions('t', 3)).toEqual({ name: 't', id: before.logId, partitions: 3 })
    expect(log.offsets('t', 0)).toEqual({ ...before, end: 1, stable: 1 })
    expect(log.offsets('t', 2)).toEqual(before)
    expect(log.append('t', { key: null, value: null, partition: 2 }).offset).toBe(0)
  })

  it('refuses as many as there are, fewer, or too many', () => {
    const log = new MemoryLog({ topics: { t: 2 } })
    for (const total of [1, 2, 2.5, 1001])
      expect(() => log.addPartitions('t', total)).toThrow(/`total` must be/)
    expect(() => log.addPartitions('none', 2)).toThrow('no topic')
  })

  it('lets the records of a transaction that spans them end together', () => {
    const log = new MemoryLog({ topics: { t: 1 } })
    const transaction = log.begin()
    transaction.append('t', { key: null, value: null, partition: 0 })
    log.addPartitions('t', 2)
    transaction.append('t', { key: null, value: null, partition: 1 })
    transaction.commit()
    expect([log.offsets('t', 0), log.offsets('t', 1)].map(({ stable }) => stable)).toEqual([2, 2])
  })
})
