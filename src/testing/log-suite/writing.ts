/** What is written, and that all of it is there. @module */
import { type Test, AT_ONCE, bytes, plain, record, text } from './bench.ts'

export function producing(test: Test): void {
  test('produce resolves with the position of each record, in the order given', async ({
    log,
    topic,
    expect,
  }) => {
    const name = await topic(2)
    const records = [1, 0, 1, 1].map((partition, n) => record(`k${n}`, `v${n}`, partition))
    expect(await log.produce(name, records)).toEqual([
      { partition: 1, offset: 0 },
      { partition: 0, offset: 0 },
      { partition: 1, offset: 1 },
      { partition: 1, offset: 2 },
    ])
  })

  test('a record goes to the partition that it names', async ({ log, topic, expect }) => {
    const name = await topic(3)
    await log.produce(name, [record('k', 'v', 2)])
    const ends = (await log.offsets(name)).map(({ end }) => end)
    expect(ends).toEqual([0, 0, 1])
  })

  test('a record that names no partition goes to one of the topic', async ({ log, topic, expect }) => {
    const name = await topic(2)
    const [position] = await log.produce(name, [record('k', 'v')])
    const partition = position?.partition ?? -1
    const { records } = await log.read(name, [{ partition, offset: position?.offset ?? -1 }], AT_ONCE)
    expect(records.map(text)).toEqual(['k=v'])
  })

  test('producing nothing resolves with nothing', async ({ log, topic, expect }) => {
    expect(await log.produce(await topic(1), [])).toEqual([])
  })

  test('headers do not keep a record from being written', async ({ log, topic, expect, upTo }) => {
    const name = await topic(1)
    const headers = { trace: 'a-1', 'x-é': 'ü' }
    await log.produce(name, [{ ...record('k', 'v', 0), headers }])
    const found = await upTo(name, 0, 1)
    expect(found.map(text)).toEqual(['k=v'])
    for (const { headers: told } of found) {
      const texts = told?.map(([each, value]) => [each, value && new TextDecoder().decode(value)])
      // Not every protocol has them.
      if (texts) expect(texts).toEqual(Object.entries(headers))
    }
  })
}

export function contents(test: Test, tombstones: boolean): void {
  test('every byte of a key and a value survives', async ({ log, topic, expect, upTo }) => {
    const name = await topic(1)
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    await log.produce(name, [{ key: all, value: all.toReversed(), partition: 0 }])
    const [found] = await upTo(name, 0, 1)
    expect([...(found?.key ?? [])]).toEqual([...all])
    expect([...(found?.value ?? [])]).toEqual([...all].toReversed())
  })

  test('text beyond ASCII survives, a byte order mark included', async ({ log, topic, expect, upTo }) => {
    const name = await topic(1)
    await log.produce(name, [record('\u{feff}schlüssel', '{"a":"\u0000 \u{1f9ed} \\u2028"}', 0)])
    expect((await upTo(name, 0, 1)).map(text)).toEqual(['\u{feff}schlüssel={"a":"\u0000 \u{1f9ed} \\u2028"}'])
  })

  test('a record without a key comes back without one', async ({ log, topic, expect, upTo }) => {
    const name = await topic(1)
    await log.produce(name, [{ key: null, value: bytes('v'), partition: 0 }])
    const [found] = await upTo(name, 0, 1)
    expect(found?.key).toBe(null)
  })

  test(
    tombstones ? 'a null value comes back as null' : 'a null value comes back empty',
    async ({ log, topic, expect, upTo }) => {
      const name = await topic(1)
      await log.produce(name, [{ key: bytes('k'), value: null, partition: 0 }])
      const [found] = await upTo(name, 0, 1)
      expect(found?.value?.length).toBe(tombstones ? undefined : 0)
      expect(found?.offset).toBe(0)
    },
  )

  test('a value of half a megabyte survives', async ({ log, topic, expect, upTo }) => {
    const name = await topic(1)
    const value = Uint8Array.from({ length: 500_000 }, (_, at) => (at * 7) % 251)
    await log.produce(name, [{ key: bytes('k'), value, partition: 0 }])
    const [found] = await upTo(name, 0, 1)
    // Compared by hand: a difference would print a million numbers.
    expect(found?.value?.length).toBe(value.length)
    expect(found?.value?.findIndex((byte, at) => byte !== value[at])).toBe(-1)
  })
}

export function bounds(test: Test): void {
  test('an empty topic begins and ends at 0', async ({ log, topic, expect }) => {
    const found = await log.offsets(await topic(2))
    expect(found.map(plain)).toEqual([
      { partition: 0, beginning: 0, end: 0 },
      { partition: 1, beginning: 0, end: 0 },
    ])
  })

  test('the end is where the next record goes', async ({ log, topic, expect }) => {
    const name = await topic(1)
    await log.produce(name, [record('a', '1', 0), record('b', '2', 0)])
    expect((await log.offsets(name)).map(plain)).toEqual([{ partition: 0, beginning: 0, end: 2 }])
    expect(await log.produce(name, [record('c', '3', 0)])).toEqual([{ partition: 0, offset: 2 }])
  })

  test('offsets answers for the partitions asked for only', async ({ log, topic, expect }) => {
    const name = await topic(3)
    await log.produce(name, [record('a', '1', 1)])
    const found = await log.offsets(name, { partitions: [1] })
    expect(found.map(plain)).toEqual([{ partition: 1, beginning: 0, end: 1 }])
  })
}
