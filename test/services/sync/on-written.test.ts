import { describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import type { SinkWrite } from '../../../src/ports/sink.ts'
import {
  fakeRuntime,
  memory,
  MemoryLog,
  memorySink,
  MemoryStore,
  seededRandom,
} from '../../../src/testing/index.ts'
import { createSync } from '../../../services/sync/index.ts'
import type { SyncOptions, Written } from '../../../services/sync/index.ts'
import { bytes, world } from './world.ts'

const down = () => new KedgeError('ERR_PUBLISH', 'the log is away', { retryable: true })
type Hook = NonNullable<SyncOptions['onWritten']>

describe('`onWritten`', () => {
  it('comes after the writes of a batch, and before its position moves', async () => {
    const { make, put, text, store } = world()
    put('a', { n: 1 })
    put('b', { n: 1 })
    put('a', { n: 2 })
    const seen: unknown[] = []
    const { sync } = make({
      onWritten: async (written) => {
        const position = store.state(sync.stream)?.positions.get(0)
        seen.push({ written, position, text: text('order:a') })
      },
    })
    await sync.step()
    const of = (key: string, offset: number, n: number) => ({
      key: `order:${key}`,
      record: expect.objectContaining({ key, offset, partition: 0, value: { n } }) as unknown,
    })
    expect(seen).toEqual([{ written: [of('a', 2, 2), of('b', 1, 1)], position: 0, text: '{"n":2}' }])
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 3]]))
  })

  it('gets deleted keys', async () => {
    const { make, put } = world()
    put('a', { n: 1 })
    await make().sync.step()
    put('a', null)
    const told: Written[] = []
    await make({ onWritten: (written) => void told.push(...written) }).sync.step()
    expect(told).toMatchObject([{ key: 'order:a', record: { key: 'a', value: undefined, offset: 1 } }])
  })

  it('does not get what the store refuses, nor empty calls', async () => {
    const { make, put, store } = world()
    const told: Written[] = []
    const options = {
      format: 'json',
      onWritten: (written: readonly Written[]) => void told.push(...written),
    } as const
    put('a', 'no json')
    const { sync } = make(options)
    await sync.step()
    put('x'.repeat(20), {})
    put('b', {})
    put('y'.repeat(20), {})
    await make(options, { sink: { maxKeyBytes: 10 } }).sync.step()
    expect(told.map(({ key }) => key)).toEqual(['order:b'])
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 4]]))
  })

  it('comes again from the next sync, where the process dies between write and hook', async () => {
    const { make, put, runtime, text, store } = world()
    put('a', { n: 1 })
    let calls = 0
    const dying = make({
      drain: 1,
      onWritten: () => {
        calls++
        return new Promise(() => undefined)
      },
    })
    dying.start()
    await runtime.advance(100)
    expect(calls).toBe(1)
    expect(text('order:a')).toBe('{"n":1}')
    await dying.stop()
    expect(store.state(dying.sync.stream)?.positions.get(0) ?? 0).toBe(0)

    const told: Written[] = []
    const next = make({ onWritten: (written) => void told.push(...written) })
    await next.sync.step()
    expect(told.map(({ key }) => key)).toEqual(['order:a'])
    expect(store.state(next.sync.stream)?.positions).toEqual(new Map([[0, 1]]))
  })

  it('that fails for now is tried again, and the position waits for it', async () => {
    const { make, put, runtime, store } = world()
    put('a', { n: 1 })
    let failing = true
    const told: string[] = []
    const { sync, start, said, sink } = make({
      onWritten: async (written) => {
        if (failing) throw down()
        told.push(...written.map(({ key }) => key))
      },
    })
    start()
    await runtime.advance(5000)
    expect(sync.notReady()).toContain('hook')
    expect(sync.notReady()).not.toContain('store')
    expect(said('hook_failed')[0]).toMatchObject({ attempt: 1 })
    expect(sync.stats().hookFailures).toBe(said('hook_failed').length)
    expect(store.state(sync.stream)?.positions.get(0)).toBe(0)
    // The store is not written again for it.
    expect(sink.calls.write).toBe(1)
    failing = false
    await runtime.advance(30_000)
    expect(told).toEqual(['order:a'])
    expect(said('hook_recovered')).toHaveLength(1)
    expect(sync.notReady()).toEqual([])
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 1]]))
  })

  it('that is silent is given up and tried again', async () => {
    const { make, put, runtime, store } = world()
    put('a', { n: 1 })
    let calls = 0
    const { sync, start } = make({
      onWritten: (_, { signal }) =>
        calls++ > 0
          ? undefined
          : new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason as Error))
            }),
    })
    start()
    await runtime.advance(60_000)
    expect(calls).toBe(2)
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 1]]))
  })

  it('that makes no sense to try again ends the sync, and the position stays', async () => {
    const { make, put, store } = world()
    put('a', { n: 1 })
    const refused = new KedgeError('ERR_AUTH', 'wrong token')
    const { sync } = make({ onWritten: () => Promise.reject(refused) })
    await expect(sync.step()).rejects.toBe(refused)
    const broken = make({
      onWritten: () => {
        throw new Error('a bug')
      },
    })
    await expect(broken.sync.step()).rejects.toThrow('a bug')
    expect(store.state(sync.stream)?.positions.get(0) ?? 0).toBe(0)
  })

  it('gets everything again, where the store was wiped meanwhile', async () => {
    const { make, put, runtime, store, all } = world()
    put('a', { n: 1 })
    put('b', { n: 1 })
    const told: string[][] = []
    const { sync, start } = make({
      onWritten: (written) => {
        told.push(written.map(({ key }) => key))
        if (told.length === 2) store.wipe()
      },
    })
    start()
    await runtime.advance(1000)
    put('a', { n: 2 })
    await runtime.advance(1000)
    expect(told).toEqual([['order:a', 'order:b'], ['order:a'], ['order:a', 'order:b']])
    expect(all()).toEqual({ 'order:a': '{"n":2}', 'order:b': '{"n":1}' })
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 3]]))
  })

  it('that fails makes apply() report its records as failed', async () => {
    const { make, runtime, store, text } = world()
    let failing = true
    const { sync } = make({ onWritten: () => (failing ? Promise.reject(down()) : undefined) })
    const record = { partition: 0, offset: 0, key: bytes('a'), value: bytes('{}') }
    const applying = sync.apply([record], { budget: '2s' })
    await runtime.advance(5000)
    expect(await applying).toMatchObject({ records: 0, failed: [{ partition: 0, offset: 0 }] })
    expect(text('order:a')).toBe('{}')
    failing = false
    expect(await sync.apply([record])).toMatchObject({ records: 1, failed: [] })
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 1]]))
  })

  it('must be a function', () => {
    expect(() => world().make({ onWritten: 'evict' as unknown as Hook })).toThrow(
      new TypeError('`onWritten`: must be a function'),
    )
  })
})

/** Writers, syncs that die at any moment, a store that fails and is wiped, a hook that fails. */
async function run(seed: number): Promise<string[]> {
  const random = seededRandom(seed)
  const below = (most: number) => Math.floor(random() * most)
  const runtime = fakeRuntime({ seed })
  const log = new MemoryLog({ now: () => runtime.now(), random, autoCreate: false })
  log.createTopic('orders', { partitions: 2 })
  /** What changed last and what the hook got last of each key, in one order. */
  let turn = 0
  const changed = new Map<string, number>()
  const told = new Map<string, number>()
  class Store extends MemoryStore {
    override put(write: SinkWrite, epoch: string): boolean {
      const before = String(this.get(write.key))
      const written = super.put(write, epoch)
      // The same once more, by a second sync or after a crash, changes nothing for readers.
      if (String(this.get(write.key)) !== before) changed.set(write.key, ++turn)
      return written
    }
  }
  const store = new Store(() => runtime.now())
  let calm = false
  const make = () => {
    const kafka = memory({ on: log, runtime, latency: () => below(30) })
    const sink = memorySink({ on: store, runtime, latency: () => below(30) })
    const sync = createSync({
      kafka,
      topic: 'orders',
      sink,
      key: 'order:{key}',
      runtime,
      drain: 1,
      maxBatch: 1 + below(4),
      onWritten: async (written, { signal }) => {
        await runtime.sleep(below(60), signal)
        if (!calm && random() < 0.3) throw down()
        // The hook may have got half of them when it fails.
        for (const { key } of written) {
          told.set(key, ++turn)
          if (!calm && random() < 0.1) throw down()
        }
      },
    })
    const stopping = new AbortController()
    const ran = sync.run({ signal: stopping.signal })
    return { sink, die: () => (stopping.abort(), ran) }
  }
  let syncs = [make()]
  for (let step = 0; step < 40; step++) {
    log.append('orders', { key: bytes(`${below(20)}`), value: random() < 0.2 ? null : bytes(`${step}`) })
    const chance = random()
    if (chance < 0.25) {
      const dying = syncs.shift()!.die()
      await runtime.advance(2)
      await dying
      syncs.push(make())
    } else if (chance < 0.27) store.wipe()
    else if (chance < 0.37) syncs[0]!.sink.fail(down(), { on: 'write', when: 'midway', times: 1 + below(3) })
    else if (chance < 0.42 && syncs.length < 2) syncs.push(make())
    await runtime.advance(below(120))
  }
  calm = true
  await runtime.advance(120_000)
  const ends = syncs.map(({ die }) => die())
  await runtime.advance(1000)
  await Promise.all(ends)
  return [...changed].flatMap(([key, at]) => ((told.get(key) ?? 0) > at ? [] : [`seed ${seed}: ${key}`]))
}

describe('However syncs, store and hook fail', () => {
  it('the hook gets each key after its last change', async () => {
    const forgotten: string[] = []
    for (let seed = 1; seed <= 60; seed++) forgotten.push(...(await run(seed)))
    expect(forgotten).toEqual([])
  })
})
