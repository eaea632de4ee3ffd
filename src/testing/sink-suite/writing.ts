/** Values, their versions, and positions. @module */
import type { SinkVersion } from '../../ports/sink.ts'
import { EPOCH, put, STREAM } from './bench.ts'
import type { SinkTest } from './bench.ts'

export function writing(test: SinkTest): void {
  test('any client of the store reads the values', async ({ write, begun, text, expect }) => {
    await begun()
    const outcome = await write([put('user:1:latest', '{"a":1}'), put('{order:7}:header', 'x')])
    expect(outcome).toEqual({ outcome: 'written', written: 2, superseded: 0, refused: [] })
    expect([await text('user:1:latest'), await text('{order:7}:header')]).toEqual(['{"a":1}', 'x'])
  })

  test('a value may be any bytes, and none', async ({ sink, begun, get, expect }) => {
    await begun()
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const writes = [
      { key: 'every', value: every, version: [1, 0], ttlMs: undefined },
      { key: 'none', value: new Uint8Array(), version: [1, 0], ttlMs: undefined },
    ] as const
    await sink.write(STREAM, { epoch: EPOCH, partition: 0, next: 1, writes })
    expect([...((await get('every')) ?? [])]).toEqual([...every])
    expect((await get('none'))?.length).toBe(0)
  })

  test('a key may be any text of the store', async ({ write, begun, text, expect }) => {
    await begun()
    await write([put('schlüssel:日本:🎈', '1')])
    expect(await text('schlüssel:日本:🎈')).toBe('1')
  })

  test('null deletes, also what is not there', async ({ write, begun, get, expect }) => {
    await begun()
    await write([put('a', '1', 1)])
    const outcome = await write([put('a', null, 2), put('b', null, 2)])
    expect(outcome).toMatchObject({ outcome: 'written', superseded: 0 })
    expect((await get('a')) ?? null).toBe(null)
    expect((await get('b')) ?? null).toBe(null)
  })

  test('a large batch is written whole', async ({ sink, begun, text, expect }) => {
    await begun()
    const writes = Array.from({ length: 1000 }, (_, at) => put(`k${at}`, `v${at}`, at))
    const outcome = await sink.write(STREAM, { epoch: EPOCH, partition: 3, next: 1000, writes })
    expect(outcome).toEqual({ outcome: 'written', written: 1000, superseded: 0, refused: [] })
    for (const at of [0, 1, 500, 999]) expect(await text(`k${at}`)).toBe(`v${at}`)
  })
}

export function versions(test: SinkTest): void {
  const supersedes = (name: string, older: SinkVersion, newer: SinkVersion): void =>
    test(`${name} supersedes`, async ({ write, begun, text, expect }) => {
      await begun()
      await write([put('a', 'older', older), put('b', 'newer', newer)])
      expect(await write([put('a', 'newer', newer)])).toMatchObject({ written: 1, superseded: 0 })
      expect(await write([put('b', 'older', older)])).toMatchObject({ written: 0, superseded: 1 })
      expect([await text('a'), await text('b')]).toEqual(['newer', 'newer'])
    })
  supersedes('a higher version', [9, 0], [10, 0])
  supersedes('among equal ones the second number', [7, 9], [7, 10])
  supersedes('the first number, whatever the second', [1, 1000], [2, 0])
  supersedes(
    'a version with all digits that a number has',
    [9_007_199_254_740_990, 1],
    [9_007_199_254_740_991, 0],
  )
  supersedes('a second number with all digits', [1, 9_007_199_254_740_990], [1, 9_007_199_254_740_991])
  supersedes('a time in milliseconds', [1_700_000_000_000, 5], [1_700_000_000_001, 4])
  supersedes('a fraction', [1.25, 0], [1.5, 0])
  supersedes('a version above a negative one', [-2, 0], [-1, 0])
  supersedes('zero above a negative one', [-1, 5], [0, 0])

  test('a version that is there is written again', async ({ write, begun, text, expect }) => {
    await begun()
    await write([put('a', 'one way', [5, 5])])
    expect(await write([put('a', 'another way', [5, 5])])).toMatchObject({ written: 1, superseded: 0 })
    expect(await text('a')).toBe('another way')
  })

  test('what was deleted does not come back with an older version', async ({
    write,
    begun,
    text,
    expect,
  }) => {
    await begun()
    await write([put('a', '1', 1)])
    await write([put('a', null, 3), put('never', null, 3)])
    expect(await write([put('a', '2', 2), put('never', '2', 2)])).toMatchObject({ written: 0, superseded: 2 })
    expect([await text('a'), await text('never')]).toEqual([undefined, undefined])
    await write([put('a', '4', 4), put('never', '4', 4)])
    expect([await text('a'), await text('never')]).toEqual(['4', '4'])
  })

  test('an older version does not delete', async ({ write, begun, text, expect }) => {
    await begun()
    await write([put('a', '5', 5)])
    expect(await write([put('a', null, 4)])).toMatchObject({ written: 0, superseded: 1 })
    expect(await text('a')).toBe('5')
  })

  test('versions count for all partitions of a stream', async ({ write, begun, text, expect }) => {
    await begun()
    await write([put('a', '5', 5)], { partition: 1 })
    expect(await write([put('a', '4', 4)], { partition: 2 })).toMatchObject({ superseded: 1 })
    expect(await text('a')).toBe('5')
  })
}

export function positions(test: SinkTest): void {
  test('a batch moves the position of its partition', async ({ sink, another, write, begun, expect }) => {
    await begun()
    await write([put('a', '1')], { partition: 0, next: 5 })
    await write([put('b', '1')], { partition: 7, next: 9_007_199_254_740_991 })
    const expected = new Map([
      [0, 5],
      [7, 9_007_199_254_740_991],
    ])
    expect((await sink.state(STREAM))?.positions).toEqual(expected)
    expect((await another.state(STREAM))?.positions).toEqual(expected)
  })

  test('a batch of nothing moves it, too', async ({ sink, write, begun, expect }) => {
    await begun()
    expect(await write([], { next: 3 })).toEqual({
      outcome: 'written',
      written: 0,
      superseded: 0,
      refused: [],
    })
    expect((await sink.state(STREAM))?.positions).toEqual(new Map([[0, 3]]))
  })

  test('a position never goes back', async ({ sink, write, begun, expect }) => {
    await begun()
    await write([], { next: 100 })
    expect((await write([put('a', '1')], { next: 9 })).outcome).toBe('written')
    expect((await sink.state(STREAM))?.positions).toEqual(new Map([[0, 100]]))
  })

  test('writes that are superseded move it as well', async ({ sink, write, begun, expect }) => {
    await begun()
    await write([put('a', '2', 2)], { next: 3 })
    await write([put('a', '1', 1)], { next: 4 })
    expect((await sink.state(STREAM))?.positions).toEqual(new Map([[0, 4]]))
  })
}
