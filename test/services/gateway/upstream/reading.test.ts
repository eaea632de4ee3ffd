import { describe, expect, it } from 'vitest'
import type { KafkaLog } from '../../../../src/ports/kafka-log.ts'
import { BARE, NOW, world } from './world.ts'

const LONG = { maxBytes: 1_000_000, waitMs: 5000 }

describe('What an upstream costs', () => {
  it.each([
    ['a gateway', {}],
    ['a proxy that tells no identity', BARE],
  ])('asks %s for the end some ten times a second, for one client or a thousand', async (_, capabilities) => {
    const { cluster, log, produce, runtime } = world({ capabilities, lateMs: 30 })
    const answers: Promise<void>[] = []
    for (let ms = 0; ms < 4000; ms += 4) {
      if (ms % 20 === 0) produce('v')
      const known = log.log.offsets('t', 0).end
      // No answer is older than its question.
      answers.push(cluster.offsets('t', 0).then(({ end }) => expect(end).toBeGreaterThanOrEqual(known)))
      await runtime.advance(4)
    }
    await runtime.advance(1000)
    await Promise.all(answers)
    expect(answers).toHaveLength(1000)
    expect(log.calls.offsets).toBeGreaterThan(30)
    expect(log.calls.offsets).toBeLessThanOrEqual(50)
  })

  it('answers at once who comes after a pause', async () => {
    const { cluster, runtime } = world()
    let answered = 0
    for (let calls = 0; calls < 3; calls++) {
      void cluster.offsets('t', 0).then(() => answered++)
      await runtime.settle()
    }
    expect(answered).toBe(3)
  })

  it.each([
    ['a gateway', {}],
    ['a proxy that tells no identity', BARE],
  ])('reads a record from %s once for all who read there, at once or later', async (_, capabilities) => {
    const { cluster, log, produce, read } = world({ capabilities })
    produce('a', 'b')
    await cluster.offsets('t', 0)
    const all = await Promise.all(Array.from({ length: 50 }, () => read(0)))
    for (const one of all) expect(one).toEqual({ values: ['a', 'b'], next: 2, isOutside: false })
    for (let later = 0; later < 50; later++) expect((await read(1)).values).toEqual(['b'])
    expect(log.calls.read).toBe(1)
  })

  it('reads what lies before that from the upstream', async () => {
    const { produce, read } = world({ capabilities: BARE })
    produce('a', 'b', 'c')
    expect((await read(2)).values).toEqual(['c'])
    expect((await read(0, { ...NOW, maxBytes: 1 })).values).toEqual(['a'])
    expect((await read(0)).values).toEqual(['a', 'b', 'c'])
  })

  it('reads one after the other at a proxy that may hold an instance for each reader', async () => {
    const under = { way: 0, most: 0 }
    const slow = (log: KafkaLog): KafkaLog => ({
      ...log,
      read: async (...asked) => {
        under.most = Math.max(under.most, ++under.way)
        for (let turns = 0; turns < 5; turns++) await Promise.resolve()
        under.way--
        return log.read(...asked)
      },
    })
    const { cluster, produce, read } = world({ capabilities: BARE, wrapped: slow })
    produce('a', 'b', 'c', 'd')
    await read(2)
    produce('e')
    const all = [read(0), read(1), read(4), read(3), cluster.offsets('t', 0), read(0), read(4)]
    await Promise.all(all)
    expect(under).toEqual({ way: 0, most: 1 })
    expect(((await all[0]) as { values: string[] }).values).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('answers with no more than was asked for', async () => {
    const { produce, read } = world()
    produce('aaaa', 'bbbb', 'cccc')
    expect((await read(0)).values).toHaveLength(3)
    expect(await read(0, { ...NOW, maxBytes: 8 })).toEqual({
      values: ['aaaa', 'bbbb'],
      next: 2,
      isOutside: false,
    })
  })
})

describe('A read that waits', () => {
  it.each([
    ['that waits by itself', {}],
    ['that cannot wait', { longPoll: false }],
    ['that cannot wait and tells no identity', BARE],
  ])('brings a record soon after it was written to an upstream %s', async (_, capabilities) => {
    const { log, produce, read, runtime } = world({ capabilities })
    produce('a')
    let found: unknown
    void read(1, LONG).then((result) => (found = result))
    await runtime.advance(3000)
    expect(found).toBeUndefined()
    expect(log.calls.offsets + log.calls.read).toBeLessThanOrEqual(14)
    produce('b')
    await runtime.advance(300)
    expect(found).toEqual({ values: ['b'], next: 2, isOutside: false })
  })

  it.each([
    ['that waits by itself', {}],
    ['that cannot wait', BARE],
  ])('ends with its time at an upstream %s', async (_, capabilities) => {
    const { read, runtime } = world({ capabilities })
    let found: unknown
    void read(0, LONG).then((result) => (found = result))
    await runtime.advance(4900)
    expect(found).toBeUndefined()
    await runtime.advance(200)
    expect(found).toEqual({ values: [], next: 0, isOutside: false })
  })

  it.each([
    ['that waits by itself', {}],
    ['that cannot wait', BARE],
  ])('ends with its signal at an upstream %s, and leaves nothing behind', async (_, capabilities) => {
    const { read, runtime } = world({ capabilities })
    const stop = new AbortController()
    const reading = read(0, { ...LONG, signal: stop.signal })
    const refused = expect(reading).rejects.toThrow('enough')
    await runtime.advance(1000)
    stop.abort(new Error('enough'))
    await refused
    await runtime.advance(1000)
    expect(runtime.sleeping).toBe(0)
  })

  it('answers at once where the position lies outside the log', async () => {
    const { log, produce, read } = world({ capabilities: BARE })
    produce('a', 'b', 'c')
    log.log.truncate('t', 0, 2)
    expect(await read(0, LONG)).toMatchObject({ isOutside: true })
    expect(await read(9, LONG)).toMatchObject({ isOutside: true })
  })

  it('is no loop without a pause where something stands at the end that no read returns', async () => {
    const silent = (log: KafkaLog): KafkaLog => ({
      ...log,
      read: async (topic, positions, how) => {
        await log.read(topic, positions, how)
        return { records: [], next: [...positions], outOfRange: [] }
      },
    })
    const { log, produce, read, runtime } = world({ capabilities: BARE, wrapped: silent })
    produce('a')
    const reading = read(0, LONG)
    await runtime.advance(6000)
    expect(await reading).toMatchObject({ values: [] })
    expect(log.calls.read).toBeLessThanOrEqual(25)
  })
})
