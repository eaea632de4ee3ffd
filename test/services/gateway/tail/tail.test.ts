import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Cluster, ClusterReadOptions } from '../../../../services/gateway/index.ts'
import { memoryCluster, Refusal } from '../../../../services/gateway/index.ts'
import { withTail } from '../../../../services/gateway/tail/tail.ts'
import type { TailOptions } from '../../../../services/gateway/tail/options.ts'
import { MemoryLog } from '../../../../src/testing/memory-log.ts'
import { bytes, Clock, until } from '../harness.ts'

const T = { topic: 't', partition: 0 }
const NOW = { maxBytes: 1_000_000, waitMs: 0 }
const LONG = { maxBytes: 1_000_000, waitMs: 60_000 }

function world(options: TailOptions = {}) {
  const clock = new Clock()
  let id = 0
  const log = new MemoryLog({
    now: () => clock.ms,
    random: () => (id++ % 64) / 64,
    topics: { t: 1, u: 1 },
    autoCreate: false,
  })
  const plain = memoryCluster(log, { runtime: clock.runtime })
  const calls = { read: 0, offsets: 0, open: 0 }
  /** What the cluster fails with, where it does. */
  const fault: { error?: Error } = {}
  /** When set, calls of `offsets` and reads that wait stop here until it resolves. */
  const gate: { offsets?: Promise<unknown>; waits?: Promise<unknown> } = {}
  const cluster: Cluster = {
    ...methodsOf(plain),
    offsets: async (topic, partition) => {
      calls.offsets++
      await gate.offsets
      if (fault.error) throw fault.error
      return plain.offsets(topic, partition)
    },
    read: async (positions, asked) => {
      calls.read++
      calls.open++
      try {
        const read = await plain.read(positions, asked)
        if (asked.waitMs > 0) await gate.waits
        if (fault.error) throw fault.error
        return read
      } finally {
        calls.open--
      }
    },
  }
  const tail = withTail(cluster, { runtime: clock.runtime, ...options })
  const produce = (value: string, topic = 't') => log.append(topic, { key: null, value: bytes(value) })
  const read = (offset: number, asked: ClusterReadOptions = NOW, topic = 't') =>
    tail.read([{ topic, partition: 0, offset }], asked)
  return { calls, clock, cluster, fault, gate, log, plain, produce, read, tail }
}

function methodsOf(cluster: Cluster): Cluster {
  return {
    id: cluster.id,
    topics: () => cluster.topics(),
    describe: (topic) => cluster.describe(topic),
    create: (topic, partitions) => cluster.create(topic, partitions),
    remove: (topic) => cluster.remove(topic),
    append: (topic, records) => cluster.append(topic, records),
    offsets: (topic, partition) => cluster.offsets(topic, partition),
    offsetAt: (topic, partition, timestamp) => cluster.offsetAt(topic, partition, timestamp),
    read: (positions, options) => cluster.read(positions, options),
  }
}

const turns = async (count = 20): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
const offsetsOf = (read: { readonly records: readonly { readonly offset: number }[] }) =>
  read.records.map(({ offset }) => offset)

describe('a shared tail', () => {
  it.each([1, 100, 1000])(
    'costs the cluster one read at a time when %i wait, and as many for each record',
    async (count) => {
      const { calls, log, produce, read } = world()
      let position = 0
      for (let round = 0; round < 3; round++) {
        const waits = Array.from({ length: count }, () => read(position, LONG))
        await until(() => log.waiting === 1)
        await turns()
        expect([calls.open, log.waiting]).toEqual([1, 1])
        produce(`v${round}`)
        const answers = await Promise.all(waits)
        expect(answers.every(({ next }) => next[0]?.offset === position + 1)).toBe(true)
        expect(new Set(answers.flatMap(offsetsOf))).toEqual(new Set([position]))
        position++
      }
      await until(() => calls.open === 1)
      expect(calls).toEqual({ read: 4, offsets: 4, open: 1 })
    },
  )

  it('serves recent records from memory, and older ones from the cluster', async () => {
    const { calls, log, produce, read } = world({ windowRecords: 3 })
    for (let i = 0; i < 5; i++) produce(`old ${i}`)
    const waiting = read(5, LONG)
    await until(() => log.waiting === 1)
    for (let i = 0; i < 5; i++) produce(`new ${i}`)
    expect(offsetsOf(await waiting)[0]).toBe(5)
    await until(() => log.waiting === 1)
    const before = calls.read
    expect(offsetsOf(await read(7))).toEqual([7, 8, 9])
    expect(offsetsOf(await read(8))).toEqual([8, 9])
    expect(offsetsOf(await read(10))).toEqual([])
    expect(calls.read).toBe(before)
    expect(offsetsOf(await read(2, { ...NOW, maxBytes: 1 }))).toEqual([2])
    expect(offsetsOf(await read(6))).toEqual([6, 7, 8, 9])
    expect(calls.read).toBe(before + 2)
  })

  it('asks once for what many ask at the same moment', async () => {
    const { calls, produce, read } = world()
    for (let i = 0; i < 5; i++) produce(`${i}`)
    const answers = await Promise.all(Array.from({ length: 500 }, () => read(1)))
    expect(answers.every((answer) => offsetsOf(answer).join() === '1,2,3,4')).toBe(true)
    expect(calls).toMatchObject({ read: 1, offsets: 2 })
  })

  it('never answers a call with bounds that were sought before it', async () => {
    const { calls, gate, produce, tail } = world()
    let open!: () => void
    gate.offsets = new Promise<void>((resolve) => (open = resolve))
    const early = tail.offsets('t', 0)
    await until(() => calls.offsets === 1)
    const late = Array.from({ length: 100 }, () => tail.offsets('t', 0))
    await turns()
    expect(calls.offsets).toBe(1)
    open()
    await early
    produce('x')
    expect(new Set((await Promise.all(late)).map(({ end }) => end))).toEqual(new Set([1]))
    expect(calls.offsets).toBe(2)
  })

  it('gives readers of committed records nothing that is not committed', async () => {
    const { log, produce, read, clock } = world()
    produce('a')
    const committed = { ...LONG, isolation: 'committed' } as const
    const both = [read(1, LONG), read(1, committed)] as const
    await until(() => log.waiting === 2)
    const transaction = log.begin()
    transaction.append('t', { key: null, value: bytes('b') })
    produce('c')
    expect(offsetsOf(await both[0])[0]).toBe(1)
    await turns()
    expect(offsetsOf(await read(0, { ...NOW, isolation: 'committed' }))).toEqual([0])
    expect(offsetsOf(await read(0))).toEqual([0, 1, 2])
    transaction.abort()
    // The loop of committed readers may know of the append already, and holds back before it looks again.
    clock.advance(50)
    expect(offsetsOf(await both[1])).toEqual([2])
    expect((await read(0, { ...NOW, isolation: 'committed' })).records).toHaveLength(2)
    expect((await read(0)).records).toHaveLength(3)
  })

  it('answers an empty list when the wait ends, where the loop has looked since at no cost', async () => {
    const { calls, clock, log, read } = world()
    const waiting = read(0, { ...LONG, waitMs: 2500 })
    await until(() => log.waiting === 1)
    for (let i = 0; i < 2; i++) {
      clock.advance(1000)
      await until(() => log.waiting === 1 && calls.read === i + 2)
    }
    expect(calls.offsets).toBe(3)
    clock.advance(500)
    expect(await waiting).toEqual({ records: [], next: [{ ...T, offset: 0 }], outOfRange: [] })
    expect(calls.offsets).toBe(3)
  })

  it('drops its window with the log, and says that the position is out of range', async () => {
    const { log, produce, read, tail, clock } = world()
    const first = read(0, LONG)
    await until(() => log.waiting === 1)
    for (let i = 0; i < 3; i++) produce(`${i}`)
    await first
    await until(() => log.waiting === 1)
    const waiting = read(3, LONG)
    await turns()
    const { id } = log.recreateTopic('t')
    produce('other')
    clock.advance(50)
    expect((await waiting).outOfRange).toEqual([T])
    expect((await read(0)).records.map(({ value }) => value)).toEqual([bytes('other')])
    expect(await tail.readPartition({ ...T, offset: 0 }, NOW)).toMatchObject({
      bounds: { logId: id, end: 1 },
    })
  })

  it.each(['before its loop has noticed', 'after its loop has read from it'])(
    'serves nothing from its window that is of another log, %s',
    async (when) => {
      const { gate, log, produce, read, tail } = world()
      const first = read(0, LONG)
      await until(() => log.waiting === 1)
      for (let i = 0; i < 3; i++) produce(`${i}`)
      await first
      await until(() => log.waiting === 1)
      if (when.startsWith('before')) gate.waits = new Promise(() => {})
      const { id } = log.recreateTopic('t')
      for (let i = 0; i < 6; i++) produce(`other ${i}`)
      await turns()
      const answer = await tail.readPartition({ ...T, offset: 1 }, NOW)
      expect(answer.records[0]?.value).toEqual(bytes('other 1'))
      expect(answer.bounds).toMatchObject({ logId: id, end: 6 })
    },
  )

  it('forgets with the log what retention has taken', async () => {
    const { log, produce, read } = world()
    const first = read(0, LONG)
    await until(() => log.waiting === 1)
    for (let i = 0; i < 3; i++) produce(`${i}`)
    await first
    await turns()
    log.truncate('t', 0, 2)
    expect((await read(1)).outOfRange).toEqual([T])
    expect(offsetsOf(await read(2))).toEqual([2])
  })

  it('does not wait in another log than the one named', async () => {
    const { log, produce, read, tail } = world()
    const first = read(0, LONG)
    await until(() => log.waiting === 1)
    produce('x')
    await first
    await until(() => log.waiting === 1)
    const answer = await tail.readPartition({ ...T, offset: 1 }, { ...LONG, logId: 'another' })
    expect(answer).toMatchObject({ outOfRange: true, bounds: { logId: log.describe('t')!.id } })
  })

  it('refuses every waiting reader when its read fails, and starts again for the next', async () => {
    const { clock, fault, log, produce, read } = world()
    const waits = Array.from({ length: 50 }, () => read(0, LONG))
    await until(() => log.waiting === 1)
    fault.error = new Refusal('unavailable', 'No broker.')
    clock.advance(1000)
    const settled = await Promise.allSettled(waits)
    expect(settled.every((one) => one.status === 'rejected' && one.reason === fault.error)).toBe(true)
    delete fault.error
    const waiting = read(0, LONG)
    await until(() => log.waiting === 1)
    produce('x')
    expect(offsetsOf(await waiting)).toEqual([0])
  })

  it('ends only the wait of the reader that aborts', async () => {
    const { log, produce, read } = world()
    const gone = new AbortController()
    const other = read(0, LONG)
    const left = read(0, { ...LONG, signal: gone.signal })
    await until(() => log.waiting === 1)
    await turns()
    gone.abort('gone')
    await expect(left).rejects.toBe('gone')
    await expect(read(0, { ...LONG, signal: gone.signal })).rejects.toBe('gone')
    produce('x')
    expect(offsetsOf(await other)).toEqual([0])
  })

  it('stops reading some time after the last one has left', async () => {
    const { calls, clock, log, produce, read } = world({ idleMs: 2000 })
    const waiting = read(0, LONG)
    await until(() => log.waiting === 1)
    produce('x')
    await waiting
    for (let i = 0; i < 10; i++) {
      await turns()
      clock.advance(1000)
    }
    await turns()
    expect([log.waiting, calls.open]).toEqual([0, 0])
    const before = calls.read
    clock.advance(60_000)
    await turns()
    expect(calls.read).toBe(before)
  })

  it('leaves waiting to the cluster when there are too many loops, unless one is idle', async () => {
    const { calls, log, produce, read } = world({ maxLoops: 1 })
    const first = read(0, LONG)
    await until(() => log.waiting === 1)
    const second = read(0, LONG, 'u')
    await until(() => log.waiting === 2)
    produce('x', 'u')
    expect(offsetsOf(await second)).toEqual([0])
    produce('y')
    expect(offsetsOf(await first)).toEqual([0])
    const third = read(1, LONG, 'u')
    await until(() => calls.open === 1)
    await turns()
    produce('z', 'u')
    expect(offsetsOf(await third)).toEqual([1])
  })

  it('waits for several partitions, and returns for each where to go on', async () => {
    const { log, produce, tail } = world()
    const asked = [
      { topic: 't', partition: 0, offset: 0 },
      { topic: 'u', partition: 0, offset: 0 },
    ]
    const waiting = tail.read(asked, LONG)
    await until(() => log.waiting === 2)
    produce('x', 'u')
    const read = await waiting
    expect(read.records.map(({ topic, offset }) => [topic, offset])).toEqual([['u', 0]])
    expect(read.next.map(({ offset }) => offset)).toEqual([0, 1])
  })

  it('holds no more bytes than its windows may, of one partition and of all', async () => {
    const { calls, log, produce, read } = world({ windowBytes: 100, maxBytes: 150 })
    const waits = [read(0, LONG), read(0, LONG, 'u')]
    await until(() => log.waiting === 2)
    for (let i = 0; i < 30; i++) {
      produce('0123456789')
      produce('0123456789', 'u')
    }
    await Promise.all(waits)
    await until(() => log.waiting === 2)
    const kept = async (topic: string): Promise<number> => {
      for (let offset = 0; offset < 30; offset++) {
        const before = calls.read
        await read(offset, NOW, topic)
        if (calls.read === before) return 30 - offset
      }
      return 0
    }
    const [t, u] = [await kept('t'), await kept('u')]
    expect([t <= 10, u <= 10, t + u <= 15, t + u > 0]).toEqual([true, true, true, true])
  })

  it('refuses to read more at once beside its loops than it may', async () => {
    const { produce, read } = world({ maxFetchBytes: 1500 })
    for (let i = 0; i < 3; i++) produce(`${i}`)
    const asked = [0, 1, 2].map((offset) => read(offset, { ...NOW, maxBytes: 1000 }))
    const settled = await Promise.allSettled(asked)
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(settled.find((one) => one.status === 'rejected')?.reason).toMatchObject({
      reason: 'busy',
      retryAfter: 1,
    })
    expect(offsetsOf(await read(1, { ...NOW, maxBytes: 9000 }))).toEqual([1, 2])
  })

  it('refuses waiting and new readers once it is closed', async () => {
    const { log, read, tail } = world()
    const waiting = read(0, LONG)
    await until(() => log.waiting === 1)
    await tail.close()
    await tail.close()
    await expect(waiting).rejects.toMatchObject({ reason: 'unavailable' })
    await expect(read(0)).rejects.toMatchObject({ reason: 'unavailable' })
    await until(() => log.waiting === 0)
  })

  it('passes on what the cluster refuses', async () => {
    const { read, tail } = world()
    await expect(read(0, NOW, 'nowhere')).rejects.toMatchObject({ reason: 'unknown-topic' })
    await expect(tail.offsets('t', 7)).rejects.toMatchObject({ reason: 'unknown-partition' })
    expect(await tail.describe('nowhere')).toBeUndefined()
  })

  it('refuses options that it does not know, or that are out of range', () => {
    const { plain } = world()
    expect(() => withTail(plain, { colour: 1 } as object)).toThrow(/`colour`/)
    expect(() => withTail(plain, { windowBytes: 0 })).toThrow(/`windowBytes`/)
  })
})

describe('the window of a tail that ends with an aborted record', () => {
  it('hides no record behind it: the cluster is asked for what the loop has not read yet', async () => {
    const { log, produce, tail } = world()
    const asked = { maxBytes: 1, waitMs: 0, isolation: 'committed' } as const
    produce('first')
    const waiting = tail.readPartition({ ...T, offset: 1 }, { ...LONG, isolation: 'committed' })
    await turns()
    const aborted = log.begin()
    aborted.append('t', { key: null, value: bytes('never') })
    aborted.abort()
    await turns()
    const { end } = log.offsets('t', 0)
    produce('second')
    expect(offsetsOf(await tail.readPartition({ ...T, offset: 1 }, asked))).toEqual([end])
    await tail.close()
    await waiting.catch(() => undefined)
  })
})

type Step =
  | { readonly kind: 'produce'; readonly size: number }
  | { readonly kind: 'transaction'; readonly commit: boolean }
  | { readonly kind: 'open' }
  | { readonly kind: 'settle' }
  | { readonly kind: 'truncate'; readonly share: number }
  | { readonly kind: 'recreate' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'read'; readonly share: number; readonly maxBytes: number; readonly committed: boolean }

const share = fc.double({ min: -0.1, max: 1.1, noNaN: true })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('produce' as const), size: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('transaction' as const), commit: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'open' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'settle' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), share }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'recreate' as const }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'wait' as const }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      share,
      maxBytes: fc.integer({ min: 1, max: 200 }),
      committed: fc.boolean(),
    }),
  },
)

/**
 * A read through the tail at any moment is a read of the cluster, or a beginning of it that goes on where it ends; with
 * bounds that are the cluster's, of the log that the records are from. A reader that goes on from it misses nothing.
 */
it('reads as the cluster does, whatever happens to the log meanwhile', async () => {
  const run = async (steps: readonly Step[], quick: boolean) => {
    const { clock, log, plain, produce, tail } = world({ windowRecords: 8, windowBytes: 100 })
    const waits: Promise<unknown>[] = []
    let open: ReturnType<MemoryLog['begin']> | undefined
    let count = 0
    for (const one of steps) {
      const { beginning, end, logId } = log.offsets('t', 0)
      const at = (part: number) =>
        Math.max(0, Math.round(beginning + (end - beginning) * part + (part > 1 ? 1 : 0)))
      if (one.kind === 'produce') produce(`${count++}`.padEnd(one.size, '.'))
      else if (one.kind === 'transaction') {
        const transaction = log.begin()
        transaction.append('t', { key: null, value: bytes(`${count++}`) })
        if (one.commit) transaction.commit()
        else transaction.abort()
      } else if (one.kind === 'open') {
        open ??= log.begin()
        open.append('t', { key: null, value: bytes(`${count++}`) })
      } else if (one.kind === 'settle') {
        open?.abort()
        open = undefined
      } else if (one.kind === 'truncate') log.truncate('t', 0, at(one.share))
      else if (one.kind === 'recreate') {
        open?.abort()
        open = undefined
        log.recreateTopic('t')
      } else if (one.kind === 'wait') {
        const isolation = count++ % 2 === 0 ? 'committed' : 'uncommitted'
        waits.push(tail.read([{ ...T, offset: end }], { ...LONG, isolation }).catch(() => {}))
        if (!quick) await turns(3)
      } else {
        const offset = at(one.share)
        const asked = {
          maxBytes: one.maxBytes,
          waitMs: 0,
          isolation: one.committed ? 'committed' : 'uncommitted',
        } as const
        const expected = await plain.read([{ ...T, offset }], asked)
        const found = await tail.readPartition({ ...T, offset }, asked)
        expect(found.outOfRange).toBe(expected.outOfRange.length > 0)
        expect(found.bounds).toMatchObject({ beginning, end, logId })
        expect(found.records).toEqual(expected.records.slice(0, found.records.length))
        if (found.records.length === expected.records.length)
          expect(found.next).toBeLessThanOrEqual(expected.next[0]!.offset)
        else expect(found.next).toBeLessThanOrEqual(expected.records[found.records.length]!.offset)
        expect(found.next).toBeGreaterThan(found.records.at(-1)?.offset ?? offset - 1)
        // Something to read is not an empty answer.
        if (expected.records.length > 0) expect(found.records.length).toBeGreaterThan(0)
        if (found.settled) {
          produce('later')
          expect(
            (await plain.read([{ ...T, offset }], asked)).records.filter(
              (record) => record.offset < found.next,
            ),
          ).toEqual(found.records)
        }
      }
      if (!quick) await turns(2)
      clock.advance(60)
    }
    await tail.close()
    await Promise.all(waits)
    expect(log.waiting).toBe(0)
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), run), { numRuns: 150 })
})
