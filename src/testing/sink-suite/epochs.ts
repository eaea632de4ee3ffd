/** What a store knows of a stream, and how it begins. @module */
import { EPOCH, put, STREAM } from './bench.ts'
import type { SinkTest } from './bench.ts'

export function states(test: SinkTest): void {
  test('a stream that never began is not known', async ({ sink, expect }) => {
    expect(await sink.state(STREAM)).toBe(undefined)
  })

  test('a stream that began has an epoch, the identity of its log, and no positions', async ({
    sink,
    another,
    expect,
  }) => {
    await sink.begin(STREAM, EPOCH, 'log-1')
    for (const each of [sink, another])
      expect(await each.state(STREAM)).toEqual({ epoch: EPOCH, logId: 'log-1', positions: new Map() })
  })

  test('a stream may begin without the identity of its log', async ({ sink, expect }) => {
    await sink.begin(STREAM, EPOCH, undefined)
    expect((await sink.state(STREAM))?.logId).toBe(undefined)
    expect((await sink.state(STREAM))?.epoch).toBe(EPOCH)
  })

  test('streams know nothing of each other', async ({ sink, write, begun, expect }) => {
    await begun()
    await write([put('a', '1')])
    expect(await sink.state('others')).toBe(undefined)
    await sink.begin('others', 'e2', undefined)
    expect((await sink.state('others'))?.positions).toEqual(new Map())
    expect((await sink.state(STREAM))?.epoch).toBe(EPOCH)
  })

  test('a call whose signal has ended rejects with the reason and does nothing', async ({
    sink,
    text,
    begun,
    expect,
  }) => {
    await begun()
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    const batch = { epoch: EPOCH, partition: 0, next: 1, writes: [put('a', '1')] }
    const said = (call: Promise<unknown>) =>
      call.then(
        () => 'it resolved',
        (error: unknown) => error,
      )
    expect(await said(sink.state(STREAM, { signal }))).toBe(reason)
    expect(await said(sink.begin('others', 'e2', undefined, { signal }))).toBe(reason)
    expect(await said(sink.write(STREAM, batch, { signal }))).toBe(reason)
    expect(await sink.state('others')).toBe(undefined)
    expect(await text('a')).toBe(undefined)
  })
}

export function epochs(test: SinkTest): void {
  test('a stream that is there does not begin again unless its epoch is named', async ({
    sink,
    another,
    write,
    begun,
    expect,
  }) => {
    await begun()
    await write([put('a', '1')])
    await another.begin(STREAM, 'e2', 'log-2')
    await another.begin(STREAM, 'e2', 'log-2', { replaces: 'e0' })
    expect(await sink.state(STREAM)).toEqual({ epoch: EPOCH, logId: 'log-1', positions: new Map([[0, 10]]) })
  })

  test('a stream that is not there does not begin in the place of an epoch', async ({ sink, expect }) => {
    await sink.begin(STREAM, 'e2', 'log-2', { replaces: EPOCH })
    expect(await sink.state(STREAM)).toBe(undefined)
  })

  test('a stream begins again in the place of its epoch: without positions, its values stay', async ({
    sink,
    another,
    write,
    begun,
    text,
    expect,
  }) => {
    await begun()
    await write([put('a', '1')])
    await another.begin(STREAM, 'e2', undefined, { replaces: EPOCH })
    expect(await sink.state(STREAM)).toEqual({ epoch: 'e2', logId: undefined, positions: new Map() })
    expect(await text('a')).toBe('1')
  })

  test('sinks that begin at once agree on one epoch', async ({ sink, another, expect }) => {
    await Promise.all(
      Array.from({ length: 10 }, (_, at) => (at % 2 ? sink : another).begin(STREAM, `e${at}`, `log-${at}`)),
    )
    const [here, there] = [await sink.state(STREAM), await another.state(STREAM)]
    expect(here).toEqual(there)
    expect(here?.logId).toBe(`log-${here?.epoch.slice(1)}`)
  })

  test('versions of another epoch do not count', async ({ sink, write, begun, text, expect }) => {
    await begun()
    await write([put('a', 'old', 100), put('b', null, 100)])
    await sink.begin(STREAM, 'e2', undefined, { replaces: EPOCH })
    const outcome = await write([put('a', 'new', 1), put('b', 'new', 1)], { epoch: 'e2', next: 2 })
    expect(outcome).toMatchObject({ outcome: 'written', written: 2, superseded: 0 })
    expect([await text('a'), await text('b')]).toEqual(['new', 'new'])
    expect((await sink.state(STREAM))?.positions).toEqual(new Map([[0, 2]]))
  })
}

export function losses(test: SinkTest): void {
  test('a write of a stream that never began answers "wiped", and changes nothing', async ({
    sink,
    write,
    text,
    expect,
  }) => {
    expect(await write([put('a', '1')])).toEqual({ outcome: 'wiped', written: 0, superseded: 0, refused: [] })
    expect(await text('a')).toBe(undefined)
    expect(await sink.state(STREAM)).toBe(undefined)
  })

  test('a write of another epoch answers "wiped", and changes nothing', async ({
    sink,
    write,
    begun,
    text,
    expect,
  }) => {
    await begun()
    expect((await write([put('a', '1')], { epoch: 'e0' })).outcome).toBe('wiped')
    expect(await text('a')).toBe(undefined)
    expect((await sink.state(STREAM))?.positions).toEqual(new Map())
  })

  test('a batch of nothing finds out, too', async ({ write, expect }) => {
    expect((await write([])).outcome).toBe('wiped')
  })

  test('a store that is wiped says so, and begins anew', async ({
    sink,
    write,
    begun,
    text,
    wipe,
    expect,
  }) => {
    await begun()
    await write([put('a', 'old', 100)])
    await wipe()
    expect(await sink.state(STREAM)).toBe(undefined)
    expect((await write([put('a', 'new', 101)])).outcome).toBe('wiped')
    await sink.begin(STREAM, 'e2', undefined)
    expect((await write([put('a', 'new', 1)], { epoch: 'e2' })).outcome).toBe('written')
    expect(await text('a')).toBe('new')
  })
}
