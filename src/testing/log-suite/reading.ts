/** Reads by position: what they find, and what lies outside of the log. @module */
import type { LogRecord } from '../../ports/kafka-log.ts'
import { type Test, AT_ONCE, byPartition, plain, record, text } from './bench.ts'

export function reading(test: Test): void {
  test('a read begins at the position asked for', async ({ log, topic, expect, upTo }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0), record('b', '2', 0), record('c', '3', 0)])
    expect((await upTo(name, 0, 3)).map(text)).toEqual(['a=1', 'b=2', 'c=3'])
    expect((await upTo(name, 1, 3)).map(text)).toEqual(['b=2', 'c=3'])
    expect((await upTo(name, 2, 3)).map(({ offset }) => offset)).toEqual([2])
  })

  test('reading a position twice finds the same twice', async ({ log, topic, expect, from }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0)])
    const first = await from(name, 0)
    const second = await from(name, 0)
    expect(first.records.map(text)).toEqual(['a=1'])
    expect(second.records.map(text)).toEqual(['a=1'])
    expect(second.next).toEqual([{ partition: 0, offset: 1 }])
  })

  test('at the end there is nothing, and the position stays', async ({ log, topic, expect, from }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0)])
    expect(await from(name, 1)).toEqual({ records: [], next: [{ partition: 0, offset: 1 }], outOfRange: [] })
  })

  test('a record written after a read at the end is found by the next read', async ({
    log,
    topic,
    expect,
    from,
  }) => {
    const name = await topic(1)
    await from(name, 0)
    await log.offsets(name)
    await log.produce(name, [record('a', '1', 0)])
    const { records, next } = await from(name, 0)
    expect(records.map(text)).toEqual(['a=1'])
    expect(next).toEqual([{ partition: 0, offset: 1 }])
  })

  test('a read over several partitions finds what each of them holds', async ({ log, topic, expect }) => {
    const name = await topic(3)
    await log.produce(name, [record('a', '1', 0), record('b', '2', 0), record('c', '3', 2)])
    const positions = [2, 1, 0].map((partition) => ({ partition, offset: 0 }))
    const found: LogRecord[] = []
    let next: readonly { partition: number; offset: number }[] = positions
    // A backend may answer for one partition at a time.
    for (let reads = 0; reads < 3; reads++) {
      const answer = await log.read(name, next, AT_ONCE)
      found.push(...answer.records)
      next = answer.next
    }
    expect(found.filter(({ partition }) => partition === 0).map(text)).toEqual(['a=1', 'b=2'])
    expect(found.filter(({ partition }) => partition === 2).map(text)).toEqual(['c=3'])
    expect(byPartition(next)).toEqual([2, 0, 1])
  })

  test('reading no positions finds nothing', async ({ log, topic, expect }) => {
    expect(await log.read(await topic(1), [], AT_ONCE)).toEqual({ records: [], next: [], outOfRange: [] })
  })
}

export function sharing(test: Test): void {
  test('reads at the same time each get their own answer', async ({ log, topic, expect, upTo }) => {
    const [one, other] = [await topic(1), await topic(1)]
    await log.produce(one, [record('a', '1', 0), record('b', '2', 0)])
    await log.produce(other, [record('x', '9', 0)])
    const found = await Promise.all([upTo(one, 0, 2), upTo(one, 1, 2), upTo(other, 0, 1)])
    expect(found.map((records) => records.map(text))).toEqual([['a=1', 'b=2'], ['b=2'], ['x=9']])
  })

  test('two readers of one topic do not take records from each other', async ({
    log,
    topic,
    expect,
    upTo,
  }) => {
    const name = await topic(1)
    for (let n = 0; n < 3; n++) {
      await log.produce(name, [record(`k${n}`, 'v', 0)])
      const found = await Promise.all([upTo(name, n, n + 1), upTo(name, 0, n + 1)])
      expect(found.map((records) => records.length)).toEqual([1, n + 1])
    }
  })
}

export function batches(test: Test): void {
  test('a long run of records comes in order and without holes', async ({ log, topic, expect, upTo }) => {
    const name = await topic(1)
    const many = Array.from({ length: 200 }, (_, n) => record(`k${n}`, `${n}`, 0))
    await log.produce(name, many)
    const found = await upTo(name, 0, 200)
    expect(found.map(({ offset }) => offset)).toEqual(many.map((_, n) => n))
    expect(found.map(text)).toEqual(many.map((_, n) => `k${n}=${n}`))
  })

  test('reads smaller than a record still get on', async ({ log, topic, expect, upTo }) => {
    const name = await topic(1)
    const value = 'x'.repeat(2000)
    await log.produce(name, [record('a', value, 0), record('b', value, 0), record('c', value, 0)])
    const found = await upTo(name, 0, 3, { maxBytes: 10 })
    expect(found.map(({ offset }) => offset)).toEqual([0, 1, 2])
  })
}

export function limits(test: Test): void {
  test('a position above the end is out of range, and nothing is read', async ({
    log,
    topic,
    expect,
    from,
  }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0)])
    expect(await from(name, 7)).toMatchObject({ records: [], outOfRange: [0] })
  })

  test('a position out of range does not keep others from being read', async ({ log, topic, expect }) => {
    const name = await topic(2)
    await log.produce(name, [record('a', '1', 1)])
    const positions = [
      { partition: 0, offset: 5 },
      { partition: 1, offset: 0 },
    ]
    const first = await log.read(name, positions, AT_ONCE)
    expect(first.outOfRange).toEqual([0])
    // Once the caller has moved, the rest is there, unless it came at once.
    const again = await log.read(name, [{ partition: 1, offset: 0 }], AT_ONCE)
    expect(again.records.map(text)).toEqual(['a=1'])
    expect(again.outOfRange).toEqual([])
  })

  test('after a position out of range the next read begins where it says', async ({
    log,
    topic,
    expect,
    from,
    upTo,
  }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0), record('b', '2', 0)])
    await from(name, 50)
    expect((await upTo(name, 1, 2)).map(text)).toEqual(['b=2'])
    expect((await upTo(name, 0, 2)).map(text)).toEqual(['a=1', 'b=2'])
  })
}

export function retention(test: Test): void {
  test('a position that retention has taken is out of range', async ({
    log,
    topic,
    truncate,
    expect,
    from,
    upTo,
  }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0), record('b', '2', 0), record('c', '3', 0)])
    await log.offsets(name)
    await truncate?.(name, 0, 2)
    expect((await log.offsets(name)).map(plain)).toEqual([{ partition: 0, beginning: 2, end: 3 }])
    expect(await from(name, 0)).toMatchObject({ records: [], outOfRange: [0] })
    expect(await from(name, 1)).toMatchObject({ records: [], outOfRange: [0] })
    expect((await upTo(name, 2, 3)).map(text)).toEqual(['c=3'])
  })

  test('what retention takes between two reads is noticed', async ({
    log,
    topic,
    truncate,
    expect,
    from,
    upTo,
  }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0)])
    await upTo(name, 0, 1)
    await log.produce(name, [record('b', '2', 0), record('c', '3', 0)])
    // The bounds are known, and then they change.
    await log.offsets(name)
    await truncate?.(name, 0, 2)
    const found = await from(name, 1)
    // A proxy that had fetched them before they were taken may return them: in a row, from the position on.
    const fetched = ['b=2', 'c=3'].slice(0, Math.max(1, found.records.length))
    if (found.records.length > 0) expect([found.records.map(text), found.outOfRange]).toEqual([fetched, []])
    else expect(found).toMatchObject({ records: [], outOfRange: [0] })
  })

  test('an emptied partition ends where it ended', async ({ log, topic, truncate, expect, from }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0)])
    await truncate?.(name, 0, 1)
    expect((await log.offsets(name)).map(plain)).toEqual([{ partition: 0, beginning: 1, end: 1 }])
    expect(await from(name, 1)).toEqual({ records: [], next: [{ partition: 0, offset: 1 }], outOfRange: [] })
  })
}
