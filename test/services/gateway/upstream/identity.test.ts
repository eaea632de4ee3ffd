import { describe, expect, it } from 'vitest'
import type { KafkaLog } from '../../../../src/ports/kafka-log.ts'
import { BARE, NOW, world } from './world.ts'

describe('The identity of the log behind a relay', () => {
  it('is passed on where the upstream tells it', async () => {
    const { cluster, log } = world()
    const bounds = await cluster.offsets('t', 0)
    expect(bounds).toEqual({ beginning: 0, end: 0, logId: log.log.offsets('t', 0).logId })
    expect(await cluster.describe('t')).toEqual({ name: 't', partitions: 1, id: bounds.logId })
  })

  it('is a lineage of its own where the upstream tells none, the same for as long as the log is', async () => {
    const { cluster, meanwhile, produce, read, runtime } = world({ capabilities: BARE })
    produce('a')
    const first = await cluster.offsets('t', 0)
    expect(first).toEqual({ beginning: 0, end: 1, logId: expect.any(String), isLineage: true })
    await read(0)
    for (let more = 0; more < 5; more++) {
      produce('b')
      await runtime.advance(40_000)
      expect(await meanwhile(cluster.offsets('t', 0))).toEqual({ ...first, end: 2 + more })
    }
    expect(await cluster.describe('t')).toEqual({ name: 't', partitions: 1 })
  })

  /** The same number of records, others: neither the end nor an empty answer shows it. */
  it('is another lineage once another record stands where the last one stood', async () => {
    const { cluster, log, meanwhile, produce, read, runtime } = world({ capabilities: BARE })
    produce('a', 'b', 'c')
    await read(0)
    const before = await cluster.offsets('t', 0)
    log.log.recreateTopic('t')
    produce('x', 'y', 'z', 'new')
    await runtime.advance(1000)
    const after = await meanwhile(cluster.offsets('t', 0))
    expect(after.end).toBe(4)
    expect(after.logId).not.toBe(before.logId)
    expect((await read(0)).values).toEqual(['x', 'y', 'z', 'new'])
  })

  it('stays where another read goes on while the last record is looked for', async () => {
    const wrapped = (log: KafkaLog): KafkaLog => ({
      ...log,
      async read(...asked) {
        const found = await log.read(...asked)
        await runtime.sleep(20)
        return found
      },
    })
    const bare = { ...BARE, readCommitted: true }
    const { cluster, meanwhile, produce, read, runtime } = world({ capabilities: bare, wrapped })
    produce('a')
    await meanwhile(read(0))
    const before = await meanwhile(cluster.offsets('t', 0))
    produce('b')
    const committed = read(1, { ...NOW, isolation: 'committed' })
    const both = await meanwhile(Promise.all([committed, read(1)]))
    expect(both).toEqual([
      { values: ['b'], next: 2, isOutside: false },
      { values: ['b'], next: 2, isOutside: false },
    ])
    await runtime.advance(1000)
    expect((await meanwhile(cluster.offsets('t', 0))).logId).toBe(before.logId)
  })

  it('is looked at again within a minute where nothing else tells the logs apart', async () => {
    const { cluster, log, meanwhile, produce, read, runtime } = world({ capabilities: BARE })
    produce('a', 'b', 'c')
    await read(0)
    const before = await cluster.offsets('t', 0)
    log.log.recreateTopic('t')
    produce('x', 'y', 'z')
    await runtime.advance(61_000)
    expect((await meanwhile(cluster.offsets('t', 0))).logId).not.toBe(before.logId)
  })

  it('is another lineage where the log has lost its end', async () => {
    const { cluster, log, produce, read } = world({ capabilities: BARE })
    produce('a', 'b', 'c')
    await read(0)
    const before = await cluster.offsets('t', 0)
    log.log.recreateTopic('t')
    produce('a')
    const after = await cluster.offsets('t', 0)
    expect(after).toMatchObject({ end: 1, isLineage: true })
    expect(after.logId).not.toBe(before.logId)
    expect((await read(0)).values).toEqual(['a'])
  })

  it('drops what it read of the log before, whose identity the upstream tells', async () => {
    const { cluster, log, produce, read } = world()
    produce('a', 'b')
    await cluster.offsets('t', 0)
    await read(0)
    log.log.recreateTopic('t')
    produce('x', 'y')
    await cluster.offsets('t', 0)
    expect((await read(0)).values).toEqual(['x', 'y'])
  })

  it('refuses a read that goes on in another log', async () => {
    const { cluster, log, produce, read } = world({ capabilities: BARE })
    produce('a', 'b')
    await read(0)
    const before = await cluster.offsets('t', 0)
    log.log.recreateTopic('t')
    produce('x', 'y', 'z')
    // No client has asked for the end since.
    expect(await read(2)).toEqual({ values: [], next: 2, isOutside: true })
    expect((await cluster.offsets('t', 0)).logId).not.toBe(before.logId)
  })

  it('is not doubted because a consumer that warms up returns nothing', async () => {
    let isWarm = true
    const warming = (log: KafkaLog): KafkaLog => ({
      ...log,
      read: async (topic, positions, how) =>
        isWarm ? log.read(topic, positions, how) : { records: [], next: [...positions], outOfRange: [] },
    })
    const { cluster, produce, read } = world({ capabilities: BARE, wrapped: warming })
    produce('a')
    await read(0)
    const before = await cluster.offsets('t', 0)
    produce('b')
    isWarm = false
    await expect(cluster.offsets('t', 0)).rejects.toMatchObject({ reason: 'unavailable' })
    isWarm = true
    expect(await cluster.offsets('t', 0)).toEqual({ ...before, end: 2 })
  })

  it('outlives a pause in which no client asked', async () => {
    const { cluster, meanwhile, produce, read, runtime } = world({ capabilities: BARE })
    produce('a')
    await read(0)
    const before = await cluster.offsets('t', 0)
    // All places go to others.
    for (let other = 0; other < 140; other++) {
      await runtime.advance(20)
      await cluster.offsets('u', other)
    }
    expect(await meanwhile(cluster.offsets('t', 0))).toEqual(before)
  })
})
