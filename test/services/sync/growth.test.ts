/** A topic that grows, and keys that are met in two partitions. */
import { describe, expect, it } from 'vitest'
import { partitionOf } from '../../../src/wire/partitioner.ts'
import type { SyncOptions } from '../../../services/sync/index.ts'
import { bytes, world } from './world.ts'
import type { World } from './world.ts'

const NOW = 1_700_000_000_000
const KEYS = Array.from({ length: 50 }, (_, n) => `key-${n}`)

/** A topic of one partition whose keys are written again when it has three, each where Kafka's partitioner puts it. */
function grown(at: World): void {
  for (const key of KEYS) for (let n = 0; n < 3; n++) at.put(key, 'older', 0)
  at.log.addPartitions('orders', 3)
  for (const key of KEYS) at.put(key, 'newer', partitionOf(bytes(key), 3))
}
const moved = KEYS.filter((key) => partitionOf(bytes(key), 3) !== 0)

describe('A topic that grew', () => {
  it('is reported once, at the first key that is met in two partitions, and all are counted', async () => {
    const at = world()
    grown(at)
    const { sync, said } = at.make()
    await sync.step()
    const [event, ...more] = said('key_moved')
    expect(more).toEqual([])
    const key = event!.key.replace('order:', '')
    const usual = partitionOf(bytes(key), 3)
    // Either of the two partitions may be read first.
    expect(new Set([event!.from, event!.to])).toEqual(new Set([0, usual]))
    expect(event).toMatchObject({ usual, partitions: 3 })
    expect(moved).toContain(key)
    expect(sync.stats().movedKeys).toBeGreaterThanOrEqual(moved.length)
  })

  it('is reported where it grows while it is followed', async () => {
    const at = world()
    for (const key of KEYS) at.put(key, 'older')
    const { start, sync, said, stop } = at.make()
    start()
    await at.runtime.advance(1000)
    at.log.addPartitions('orders', 3)
    for (const key of KEYS) at.put(key, 'newer', partitionOf(bytes(key), 3))
    await at.runtime.advance(30_000)
    expect(said('partitions')).toEqual([{ type: 'partitions', from: 1, to: 3 }])
    expect(said('key_moved')).toHaveLength(1)
    expect(sync.stats()).toMatchObject({ grown: 1, movedKeys: moved.length })
    await stop()
  })

  it.each([1, 2])('is reported where it grew from %d between two runs, and not again', async (from) => {
    const at = world(from)
    at.put('a', '1', 0)
    await at.make().sync.step()
    at.log.addPartitions('orders', 5)
    const { sync, said } = at.make()
    await sync.step()
    expect(said('partitions')).toEqual([{ type: 'partitions', from, to: 5 }])
    expect(sync.stats().grown).toBe(1)
    const next = at.make()
    await next.sync.step()
    expect([next.said('partitions'), next.sync.stats().grown]).toEqual([[], 0])
  })

  it('is not one whose partitions are empty for a while', async () => {
    const at = world(4)
    at.put('a', '1', 1)
    await at.make().sync.step()
    at.put('b', '1', 3)
    const { sync, said } = at.make()
    await sync.step()
    expect([said('partitions'), said('key_moved')]).toEqual([[], []])
  })
})

describe('A key in two partitions', () => {
  it('is reported where the key in the store is made of the value', async () => {
    const at = world(2)
    at.put('a', '{"id":7}', 0)
    at.put('b', '{"id":7}', 1)
    const { sync, said } = at.make({ key: 'order:{value.id}' })
    await sync.step()
    expect(said('key_moved')).toMatchObject([{ key: 'order:7', partitions: 2 }])
  })

  it('is reported by a tombstone too', async () => {
    const at = world(2)
    at.put('a', '1', 0)
    const { sync, said } = at.make()
    await sync.step()
    at.put('a', null, 1)
    await sync.step()
    expect(said('key_moved')).toMatchObject([{ key: 'order:a', from: 0, to: 1, offset: 0 }])
    expect(sync.stats().movedKeys).toBe(1)
  })

  it.each<[string, Partial<SyncOptions>]>([
    ['timestamps', { version: 'timestamp' }],
    ['a function', { version: () => 1 }],
  ])('is not reported where %s show which record is newer', async (_, options) => {
    const at = world()
    grown(at)
    const { sync, said } = at.make(options)
    await sync.step()
    expect([said('key_moved'), sync.stats().movedKeys]).toEqual([[], 0])
  })

  it('is not reported for kedge’s own updates, which have an as-of', async () => {
    const at = world(2)
    const put = { v: 1, op: 'put', ns: 'users', key: '7', value: 1, ttl: 60_000, at: NOW, asOf: 1 }
    at.put('users/7', put, 0)
    at.put('users/7', put, 1)
    const { sync, said } = at.make({ key: '{ns}:{key}' })
    await sync.step()
    expect(said('key_moved')).toEqual([])
  })

  it('is not reported where every key stays in its place, also by another partitioner', async () => {
    const at = world(3)
    for (let lap = 0; lap < 3; lap++) for (const [n, key] of KEYS.entries()) at.put(key, `${lap}`, n % 3)
    const { sync, said } = at.make()
    await sync.step()
    expect([said('key_moved'), sync.stats().movedKeys]).toEqual([[], 0])
  })

  it('is not reported where the topic was recreated', async () => {
    const at = world(2)
    at.put('a', '1', 0)
    const { sync, said } = at.make()
    await sync.step()
    at.log.recreateTopic('orders')
    at.put('a', '1', 1)
    await sync.step()
    expect([said('begin').length, said('key_moved')]).toEqual([2, []])
  })

  it('is noticed among more keys than are remembered, in bounded memory', async () => {
    const at = world(2)
    const count = 60_000
    const key = (n: number) => `k${n}`
    for (let n = 0; n < count; n++) at.put(key(n), '1', 0)
    for (let n = 0; n < count; n++) at.put(key(n), '2', 1)
    const { sync, said } = at.make({ maxReadBytes: 10_000_000, maxBatch: 100_000 })
    await sync.step()
    expect(said('key_moved')).toHaveLength(1)
    const { movedKeys } = sync.stats()
    // An eighth to a quarter of the keys fits.
    expect(movedKeys).toBeGreaterThan(count / 10)
    expect(movedKeys).toBeLessThan(16_384)
  })
})
