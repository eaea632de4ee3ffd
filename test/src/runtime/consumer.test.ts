import { describe, expect, it } from 'vitest'
import type { LogRecord, Position, ReadOptions, ReadResult } from '../../../src/ports/kafka-log.ts'
import { consume, doubling, readBatch } from '../../../src/runtime/consumer.ts'
import type { Batch, TopicSource } from '../../../src/runtime/consumer.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { memory } from '../../../src/testing/memory.ts'

const record = (offset: number, partition = 0): LogRecord => ({ partition, offset, key: null, value: null })
const NEVER = new AbortController().signal
const FETCH = { maxBytes: 1000, waitMs: 0 }

type Answer = (from: readonly Position[], options: ReadOptions) => Partial<ReadResult> | Promise<never>

/** A topic whose log answers what the test says, and the reads that it was asked for. */
function topic(
  answer: Answer,
): TopicSource & { readonly reads: ReadOptions[]; asked: (readonly Position[])[] } {
  const reads: ReadOptions[] = []
  const asked: (readonly Position[])[] = []
  const read = async (_: string, from: readonly Position[], options: ReadOptions): Promise<ReadResult> => {
    reads.push(options)
    asked.push(from)
    return { records: [], next: [...from], outOfRange: [], ...(await answer(from, options)) }
  }
  return { log: { ...memory(), read }, topic: 'evictions', isolation: 'uncommitted', reads, asked }
}

const at = (offset: number, partition = 0): Position => ({ partition, offset })

/** Reads on from the positions up to their ends; what was left when the loop ended. */
async function readTo(
  source: TopicSource,
  positions: Map<number, number>,
  ends: ReadonlyMap<number, number>,
  attempt = doubling(1000, 50),
): Promise<{ batches: Batch[]; left: Position[] }> {
  const open = () =>
    [...positions]
      .map(([partition, offset]) => ({ partition, offset }))
      .filter(({ partition, offset }) => offset < ends.get(partition)!)
  const batches: Batch[] = []
  for await (const batch of consume(source, open, attempt, NEVER)) {
    batches.push(batch)
    for (const [partition, offset] of batch.next) positions.set(partition, offset)
  }
  return { batches, left: open() }
}

describe('a read', () => {
  it('says which positions moved, and where to', async () => {
    const source = topic(() => ({ records: [record(4)], next: [at(5), at(7, 1)] }))

    const batch = await readBatch(source, [at(4), at(7, 1)], FETCH, NEVER)
    expect(batch).toEqual({ records: [record(4)], next: new Map([[0, 5]]), outOfRange: [] })
  })

  it('leaves out records that were not asked for, and positions that go back', async () => {
    const source = topic(() => ({
      records: [record(3), record(4), record(0, 8)],
      next: [at(2), at(9, 8)],
    }))

    const batch = await readBatch(source, [at(4)], FETCH, NEVER)
    expect(batch).toEqual({ records: [record(4)], next: new Map(), outOfRange: [] })
  })

  it('moves no position out of range, whatever the log answers in its place', async () => {
    const source = topic(() => ({ records: [record(90)], next: [at(91), at(6, 1)], outOfRange: [0] }))

    const batch = await readBatch(source, [at(4), at(5, 1)], FETCH, NEVER)
    expect(batch).toEqual({ records: [], next: new Map([[1, 6]]), outOfRange: [0] })
  })

  it('is given up so long after its wait, where its log does not answer', async () => {
    const runtime = fakeRuntime()
    const source = { ...topic(() => new Promise(() => undefined)), deadline: { runtime, ms: 100 } }
    let outcome: unknown = 'pending'
    readBatch(source, [at(4)], { ...FETCH, waitMs: 50 }, NEVER).catch((error: unknown) => (outcome = error))

    await runtime.advance(149)
    expect(outcome).toBe('pending')
    await runtime.advance(1)
    expect(outcome).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
    expect(String(outcome)).toContain('evictions')
  })

  it('ends with the reason of its signal, and passes it on to the log', async () => {
    const runtime = fakeRuntime()
    const source = { ...topic(() => new Promise(() => undefined)), deadline: { runtime, ms: 100 } }
    const stop = new AbortController()
    const reading = readBatch(source, [at(4)], FETCH, stop.signal)
    const seen = expect(reading).rejects.toThrow('enough')
    await runtime.settle()

    stop.abort(new Error('enough'))
    await seen
    expect(source.reads[0]!.signal!.aborted).toBe(true)
    expect(runtime.sleeping).toBe(0)
  })
})

describe('a consumer', () => {
  it('reads on until every position is at its end, and asks for no others', async () => {
    const source = topic((from) => ({
      records: from.map(({ partition, offset }) => record(offset, partition)),
      next: from.map(({ partition, offset }) => ({ partition, offset: offset + 1 })),
    }))

    const { batches, left } = await readTo(
      source,
      new Map([
        [0, 0],
        [1, 7],
      ]),
      new Map([
        [0, 3],
        [1, 8],
      ]),
    )
    expect(left).toEqual([])
    expect(batches.flatMap(({ records }) => records)).toHaveLength(4)
    expect(source.asked).toEqual([[at(0), at(7, 1)], [at(1)], [at(2)]])
  })

  it('reads nothing where there is nothing to read', async () => {
    const source = topic(() => ({}))
    expect(await readTo(source, new Map([[0, 3]]), new Map([[0, 3]]))).toEqual({ batches: [], left: [] })
    expect(source.reads).toEqual([])
  })

  it('asks for more until the next record fits', async () => {
    const source = topic((_, { maxBytes }) => (maxBytes >= 4000 ? { next: [at(1)] } : {}))

    expect(await readTo(source, new Map([[0, 0]]), new Map([[0, 1]]))).toMatchObject({ left: [] })
    expect(source.reads.map(({ maxBytes }) => maxBytes)).toEqual([1000, 2000, 4000])
  })

  it('gives up after answers of every size that move no position', async () => {
    const source = topic(() => ({}))

    expect(await readTo(source, new Map([[0, 0]]), new Map([[0, 1]]))).toMatchObject({ left: [at(0)] })
    expect(source.reads.map(({ maxBytes }) => maxBytes)).toEqual([1000, 2000, 4000, 8000, 16_000])
  })

  it('goes by the positions of its caller: an answer that says it moved on is none where they did not', async () => {
    const source = topic(() => ({ next: [at(5)] }))
    let reads = 0

    for await (const batch of consume(source, () => [at(4)], doubling(1000, 0), NEVER)) {
      expect(batch.next.get(0)).toBe(5)
      if (++reads > 100) break
    }
    expect(reads).toBe(5)
  })

  it('counts as progress what another reader of the same positions has read', async () => {
    const source = topic(() => ({}))
    let position = 0

    for await (const _ of consume(
      source,
      () => (position < 20 ? [at(position)] : []),
      doubling(1000, 0),
      NEVER,
    ))
      position++
    expect(source.reads.map(({ maxBytes }) => maxBytes)).toEqual(Array.from({ length: 20 }, () => 1000))
  })

  it('rejects as its log does', async () => {
    const source = topic(() => Promise.reject(new Error('away')))
    await expect(readTo(source, new Map([[0, 0]]), new Map([[0, 1]]))).rejects.toThrow('away')
  })
})
