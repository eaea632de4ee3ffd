/** Several sinks on one store, lives of values, and what the store does not take. @module */
import { put, STREAM } from './bench.ts'
import type { SinkTest } from './bench.ts'

const DAY_MS = 86_400_000

export function sharing(test: SinkTest): void {
  test('the newest version stays, whichever sink writes last', async ({
    sink,
    another,
    write,
    begun,
    text,
    expect,
  }) => {
    await begun()
    const keys = Array.from({ length: 20 }, (_, at) => `k${at}`)
    // Every version is written once, in an order that differs from key to key, by both sinks at once.
    const rounds = Array.from({ length: 12 }, (_, round) =>
      keys.map((key, at) => {
        const version = ((round * 5 + at) % 12) + 1
        return put(key, version % 4 === 3 ? null : `${version}`, version)
      }),
    )
    await Promise.all(rounds.map((writes, at) => write(writes, { next: at }, at % 2 ? sink : another)))
    for (const key of keys) expect(await text(key)).toBe('12')
    expect((await sink.state(STREAM))?.positions).toEqual(new Map([[0, 11]]))
  })

  test('a delete that races with writes stays when it is the newest', async ({
    sink,
    another,
    write,
    begun,
    text,
    expect,
  }) => {
    await begun()
    const order = [3, 9, 1, 7, 5, 8, 2, 6, 4]
    await Promise.all(
      order.map((version, at) =>
        write(
          [put('a', version === 9 ? null : `${version}`, version)],
          { next: at },
          at % 2 ? sink : another,
        ),
      ),
    )
    expect(await text('a')).toBe(undefined)
  })
}

export function lives(test: SinkTest): void {
  test('a value is gone when its time is over', async ({ write, begun, text, pass, expect }) => {
    await begun()
    await write([put('short', '1', 1, 1000), put('long', '1', 1, 60_000), put('ever', '1', 1)])
    expect(await text('short')).toBe('1')
    await pass(2100)
    expect([await text('short'), await text('long'), await text('ever')]).toEqual([undefined, '1', '1'])
  })

  test('a new value has a time of its own', async ({ write, begun, text, pass, expect }) => {
    await begun()
    await write([put('a', '1', 1, 1000), put('b', '1', 1)])
    await write([put('a', '2', 2), put('b', '2', 2, 1000)])
    await pass(2100)
    expect([await text('a'), await text('b')]).toEqual(['2', undefined])
  })

  test('an older version does not come back when the newer one is over', async ({
    write,
    begun,
    text,
    pass,
    expect,
  }) => {
    await begun()
    await write([put('a', '2', 2, 1000)])
    await pass(2100)
    await write([put('a', '1', 1)])
    expect(await text('a')).toBe(undefined)
  })

  test('a value may live for longer than a month', async ({ write, begun, text, expect }) => {
    await begun()
    await write([put('a', '1', 1, 31 * DAY_MS), put('b', '1', 1, 4000 * DAY_MS)])
    expect([await text('a'), await text('b')]).toEqual(['1', '1'])
  })

  test('a value that lives for less than the store can measure is gone soon', async ({
    write,
    begun,
    text,
    pass,
    expect,
  }) => {
    await begun()
    expect((await write([put('a', '1', 1, 1), put('b', '1', 1, 0.5)])).outcome).toBe('written')
    await pass(2100)
    expect([await text('a'), await text('b')]).toEqual([undefined, undefined])
  })
}

export function refusals(test: SinkTest, refusedKey: string | undefined): void {
  if (refusedKey === undefined) return
  test('the answer names the write that the store does not take, and the rest is written', async ({
    sink,
    write,
    begun,
    text,
    expect,
  }) => {
    await begun()
    const outcome = await write([put('a', '1'), put(refusedKey, '1'), put('b', '1')])
    expect(outcome).toMatchObject({ outcome: 'written', written: 2, superseded: 0 })
    expect(outcome.refused.map(({ index, reason }) => [index, reason.length > 0])).toEqual([[1, true]])
    expect([await text('a'), await text('b')]).toEqual(['1', '1'])
    expect((await sink.state(STREAM))?.positions).toEqual(new Map([[0, 10]]))
  })
}
