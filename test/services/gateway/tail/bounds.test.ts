import { describe, expect, it } from 'vitest'
import type { Cluster } from '../../../../services/gateway/index.ts'
import { memoryCluster } from '../../../../services/gateway/index.ts'
import { withTail } from '../../../../services/gateway/tail/tail.ts'
import { MemoryLog } from '../../../../src/testing/memory-log.ts'
import { bytes, Clock, until } from '../harness.ts'

const LONG = { maxBytes: 1000, waitMs: 60_000 }
const AT_ONCE = { maxBytes: 1000, waitMs: 0 }

/** A cluster whose reads return the bounds, as Kafka's fetch does. */
function world() {
  const clock = new Clock()
  let id = 0
  const log = new MemoryLog({ now: () => clock.ms, random: () => (id++ % 64) / 64, topics: { t: 1 } })
  const plain = memoryCluster(log, { runtime: clock.runtime })
  const leader = { epoch: 7, asked: 7 }
  const calls = { offsets: 0 }
  /** The bounds that a read returns in place of the true ones. */
  const lie: { end?: number } = {}
  const cluster: Cluster = {
    id: plain.id,
    topics: () => plain.topics(),
    describe: (topic) => plain.describe(topic),
    create: (topic, partitions) => plain.create(topic, partitions),
    remove: (topic) => plain.remove(topic),
    append: (topic, records) => plain.append(topic, records),
    offsetAt: (...asked) => plain.offsetAt(...asked),
    offsets: async (topic, partition) => {
      calls.offsets++
      return { ...(await plain.offsets(topic, partition)), leaderEpoch: leader.asked }
    },
    read: async (positions, options) => {
      const read = await plain.read(positions, options)
      const told = async ({ topic, partition }: (typeof positions)[number]) => ({
        ...(await plain.offsets(topic, partition)),
        ...lie,
        leaderEpoch: leader.epoch,
      })
      return { ...read, bounds: await Promise.all(positions.map(told)) }
    },
  }
  const tail = withTail(cluster, { runtime: clock.runtime })
  const produce = (value: string) => log.append('t', { key: null, value: bytes(value) })
  const at = (offset: number) => ({ topic: 't', partition: 0, offset })
  const parked = () => until(() => log.waiting === 1)
  return { at, calls, clock, leader, lie, log, parked, produce, tail, logId: log.describe('t')!.id }
}

describe('a tail over a cluster whose reads return the bounds', () => {
  it('gives waiting readers bounds without a call of its own, flagged as older than the question', async () => {
    const { at, calls, parked, produce, tail, logId } = world()
    const sampled: boolean[] = []
    let offset = 0
    for (const value of ['a', 'b', 'c']) {
      // The second and the third ask when the loop has begun to read.
      if (offset > 0) await parked()
      const waiting = tail.readPartition(at(offset), LONG)
      await parked()
      produce(value)
      const answer = await waiting
      expect(answer).toMatchObject({ records: [{ offset, value: bytes(value) }], bounds: { logId } })
      sampled.push(answer.sampled)
      offset = answer.next
    }
    // The first one was there before the read began.
    expect(sampled).toEqual([true, false, false])
    expect(calls.offsets).toBe(1)
  })

  it('asks for them after a change of the leader, whose first ends may be too low', async () => {
    const { at, calls, leader, parked, produce, tail } = world()
    const first = tail.readPartition(at(0), LONG)
    await parked()
    leader.epoch = 8
    produce('a')
    await first
    expect(calls.offsets).toBe(2)
    // The answer of the old leader does not follow the new one's either.
    const second = tail.readPartition(at(1), LONG)
    await parked()
    produce('b')
    await second
    expect(calls.offsets).toBe(3)
    leader.asked = 8
    for (const offset of [2, 3]) {
      const next = tail.readPartition(at(offset), LONG)
      await parked()
      produce('c')
      await next
    }
    expect(calls.offsets).toBe(4)
  })

  it('asks for them where a read returns an end that lies before what is known', async () => {
    const { at, calls, lie, parked, produce, tail } = world()
    lie.end = 0
    const waiting = tail.readPartition(at(0), LONG)
    await parked()
    produce('a')
    expect(await waiting).toMatchObject({ sampled: true, bounds: { end: 1 } })
    expect(calls.offsets).toBe(2)
  })

  it('gives offsets that were sampled after the call, whatever reads have returned', async () => {
    const { at, calls, parked, produce, tail } = world()
    const waiting = tail.readPartition(at(0), LONG)
    await parked()
    produce('a')
    await waiting
    const before = calls.offsets
    expect(await tail.offsets('t', 0)).toMatchObject({ end: 1 })
    expect(calls.offsets).toBe(before + 1)
  })

  it('serves a named log from memory at once, and another one never', async () => {
    const { at, calls, log, logId, parked, produce, tail } = world()
    const waiting = tail.readPartition(at(0), LONG)
    await parked()
    produce('a')
    await waiting
    await parked()
    const before = calls.offsets
    const named = { ...AT_ONCE, logId }
    expect(await tail.readPartition(at(0), named)).toMatchObject({ records: [{ offset: 0 }], sampled: false })
    expect(calls.offsets).toBe(before)
    expect(await tail.readPartition(at(0), { ...AT_ONCE, logId: 'another' })).toMatchObject({
      outOfRange: true,
      sampled: true,
    })
    expect(await tail.readPartition(at(0), AT_ONCE)).toMatchObject({ sampled: true, bounds: { end: 1 } })
    log.recreateTopic('t')
    produce('other')
    expect(await tail.readPartition(at(0), AT_ONCE)).toMatchObject({ records: [{ value: bytes('other') }] })
    expect(await tail.readPartition(at(0), named)).toMatchObject({ outOfRange: true, records: [] })
  })

  it('never gives a reader that names no log records of the old topic, when the topic was recreated', async () => {
    const { at, log, parked, produce, tail } = world()
    const waiting = tail.readPartition(at(0), LONG)
    await parked()
    produce('a')
    await waiting
    await parked()
    log.recreateTopic('t')
    produce('other')
    const answer = await tail.readPartition(at(0), LONG)
    expect(answer).toMatchObject({ records: [{ value: bytes('other') }], sampled: true })
    expect(answer.bounds.logId).toBe(log.describe('t')!.id)
  })
})
