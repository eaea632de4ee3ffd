import { describe, expect, it } from 'vitest'
import { MemoryLog } from '../../../src/testing/memory-log.ts'
import { memory } from '../../../src/testing/memory.ts'
import { bytes, Clock } from './harness.ts'

const read = { maxBytes: 1e6, waitMs: 0, isolation: 'uncommitted' } as const
const at = (offset: number, partition = 0) => [{ partition, offset }]
const record = (value: string | null, key: string | null = null) => ({
  key: key === null ? null : bytes(key),
  value: value === null ? null : bytes(value),
})

describe('MemoryLog', () => {
  it('keeps the offsets of what compaction leaves, and the beginning where it was', () => {
    const log = new MemoryLog()
    for (const [key, value] of [
      ['a', '1'],
      ['a', '2'],
      ['b', '1'],
      ['b', null],
    ] as const)
      log.append('t', record(value, key))
    log.compact('t')
    expect(
      log.read('t', { partition: 0, offset: 0 }, { maxBytes: 100 })?.records.map(({ offset }) => offset),
    ).toEqual([1, 3])
    expect(log.offsets('t', 0)).toMatchObject({ beginning: 0, end: 4 })
    log.compact('t', { dropTombstones: true })
    expect(log.read('t', { partition: 0, offset: 0 }, { maxBytes: 100 })).toMatchObject({
      next: 4,
      records: [{ offset: 1 }],
    })
  })

  it('raises the beginning when it holds too many records or bytes', () => {
    const log = new MemoryLog({ retentionRecords: 3, retentionBytes: 20 })
    for (let i = 0; i < 1000; i++) log.append('t', record('x'))
    expect(log.offsets('t', 0)).toMatchObject({ beginning: 997, end: 1000 })
    log.append('t', record('x'.repeat(19)))
    expect(log.offsets('t', 0)).toMatchObject({ beginning: 999, end: 1001 })
    expect(log.read('t', { partition: 0, offset: 998 }, { maxBytes: 1 })).toBeUndefined()
  })

  it('stays within its bytes in all by taking from the largest partition', () => {
    const log = new MemoryLog({ maxBytes: 100, topics: { small: 1, large: 1 } })
    log.append('small', record('x'.repeat(10)))
    for (let i = 0; i < 30; i++) log.append('large', record('x'.repeat(10)))
    expect(log.offsets('small', 0)).toMatchObject({ beginning: 0, end: 1 })
    expect(log.offsets('large', 0).end - log.offsets('large', 0).beginning).toBeLessThanOrEqual(9)
  })

  it('has another identity and starts at 0 when a topic is created again', () => {
    const log = new MemoryLog({ topics: { t: 2 } })
    log.append('t', { ...record('x'), partition: 1 })
    const before = log.offsets('t', 1)
    expect(log.recreateTopic('t').partitions).toBe(2)
    expect(log.offsets('t', 1).end).toBe(0)
    expect(log.offsets('t', 1).logId).not.toBe(before.logId)
  })

  it('puts a key where a Java producer would', () => {
    const log = new MemoryLog({ topics: { t: 10 } })
    // murmur2("21") = -973932308 (Apache Kafka, UtilsTest), and (-973932308 & 0x7fffffff) % 10 = 0.
    expect(log.append('t', record('x', '21')).partition).toBe((-973_932_308 & 0x7fffffff) % 10)
  })

  it('hides open transactions from committed reads, and aborted ones for ever', () => {
    const log = new MemoryLog()
    log.append('t', record('before'))
    const transaction = log.begin()
    transaction.append('t', record('within'))
    log.append('t', record('after'))
    const committed = () =>
      log.read('t', { partition: 0, offset: 0 }, { maxBytes: 100, isolation: 'committed' })
    expect(committed()).toMatchObject({ next: 1, records: [{ offset: 0 }] })
    transaction.abort()
    expect(committed()).toMatchObject({ next: 4, records: [{ offset: 0 }, { offset: 2 }] })
    expect(log.read('t', { partition: 0, offset: 0 }, { maxBytes: 100 })?.records).toHaveLength(3)
  })

  it('refuses options that are unknown or out of range, naming them', () => {
    expect(() => new MemoryLog({ size: 3 } as object)).toThrow(/`size`/)
    expect(() => new MemoryLog({ retentionRecords: 0 })).toThrow(/`retentionRecords`/)
    expect(() => new MemoryLog({ topics: { 'a b': 1 } })).toThrow(/`topic`/)
  })

  it('refuses unknown topics when it may not create them', () => {
    const log = new MemoryLog({ autoCreate: false })
    expect(() => log.append('t', record('x'))).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_TOPIC' }))
  })
})

describe('memory()', () => {
  it('wakes a read that waits when another log on the same model produces', async () => {
    const log = new MemoryLog()
    const reading = memory({ on: log }).read('t', at(0), { ...read, waitMs: 60_000 })
    const writer = memory({ on: log })
    expect(await writer.produce('t', [record('a'), record('b')])).toEqual([at(0)[0], at(1)[0]])
    expect(await reading).toMatchObject({ next: at(2), records: [{ offset: 0 }, { offset: 1 }] })
    expect(log.waiting).toBe(0)
  })

  it('answers an empty read when the wait is over, by the clock it was given', async () => {
    const clock = new Clock()
    const kafka = memory({ runtime: clock.runtime })
    const reading = kafka.read('t', at(0), { ...read, waitMs: 500 })
    await Promise.resolve()
    await Promise.resolve()
    clock.advance(500)
    expect(await reading).toEqual({ records: [], next: at(0), outOfRange: [] })
    expect(kafka.log.waiting).toBe(0)
  })

  it('names positions outside the log instead of reading from them', async () => {
    const kafka = memory()
    await kafka.produce('t', [record('a'), record('b')])
    kafka.log.truncate('t', 0, 1)
    expect(await kafka.read('t', at(0), read)).toMatchObject({ records: [], outOfRange: [0] })
    expect(await kafka.read('t', at(3), { ...read, waitMs: 9999 })).toMatchObject({ outOfRange: [0] })
  })

  it('rejects with the reason of an aborted signal, also while it waits or is paused', async () => {
    const kafka = memory()
    const reason = new Error('enough')
    const waiting = new AbortController()
    const reading = kafka.read('t', at(0), { ...read, waitMs: 60_000, signal: waiting.signal })
    waiting.abort(reason)
    await expect(reading).rejects.toBe(reason)
    kafka.pause()
    await expect(kafka.offsets('t', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const paused = new AbortController()
    const asking = kafka.offsets('t', { signal: paused.signal })
    paused.abort(reason)
    await expect(asking).rejects.toBe(reason)
  })

  it('fails the calls that a test chooses, before or after their work, so many times', async () => {
    const kafka = memory()
    const lost = new Error('lost')
    kafka.fail(lost, { on: 'produce', when: 'after', times: 1 })
    await expect(kafka.offsets('t')).resolves.toHaveLength(1)
    await expect(kafka.produce('t', [record('a')])).rejects.toBe(lost)
    expect(kafka.log.offsets('t', 0).end).toBe(1)
    await expect(kafka.produce('t', [record('b')])).resolves.toEqual(at(1))
    expect(kafka.calls).toEqual({ produce: 2, offsets: 1, read: 0 })
  })

  it('settles nothing while paused, and everything once resumed', async () => {
    const kafka = memory()
    kafka.pause()
    let settled = false
    const asking = kafka.offsets('t').finally(() => (settled = true))
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    expect(settled).toBe(false)
    kafka.resume()
    expect(await asking).toHaveLength(1)
  })

  it('gives no identity when that is switched off', async () => {
    const kafka = memory({ capabilities: { identity: false } })
    expect(await kafka.offsets('t')).toEqual([{ partition: 0, beginning: 0, end: 0 }])
  })

  it('rejects a publish of what is too large with ERR_TOO_LARGE: it is not in the log', async () => {
    const kafka = memory({ maxRecordBytes: 3 })
    await expect(kafka.produce('t', [record('four')])).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' })
  })
})
