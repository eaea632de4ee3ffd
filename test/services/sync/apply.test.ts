import { describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import { kafkaEventRecords, partialBatchResponse } from '../../../services/sync/index.ts'
import { bytes, world } from './world.ts'

const record = (offset: number, key: string, value: string | null, partition = 0) => ({
  partition,
  offset,
  key: bytes(key),
  value: value === null ? null : bytes(value),
})

describe('Records that another consumer has read', () => {
  it('are written, and move the position when they follow it', async () => {
    const { make, all, store } = world()
    const { sync } = make()
    expect(await sync.apply([record(0, 'a', '1'), record(1, 'b', '1'), record(2, 'a', null)])).toEqual({
      records: 3,
      failed: [],
      began: true,
    })
    expect(all()).toEqual({ 'order:b': '1' })
    expect(await sync.apply([record(3, 'c', '1')])).toMatchObject({ began: false })
    expect(store.state(sync.stream)?.positions).toEqual(new Map([[0, 4]]))
  })

  it('leave the position where it is when there is something before them', async () => {
    const { make, put, all, store } = world()
    for (const key of ['a', 'b', 'c']) put(key, '1')
    const { sync } = make()
    await sync.apply([record(2, 'c', '1')])
    expect(store.state(sync.stream)?.positions.get(0) ?? 0).toBe(0)
    expect(await make().sync.step()).toMatchObject({ records: 3 })
    expect(Object.keys(all())).toEqual(['order:a', 'order:b', 'order:c'])
  })

  it('may come twice, and in any order', async () => {
    const { make, all } = world()
    const { sync } = make()
    await sync.apply([record(1, 'a', 'new'), record(0, 'a', 'old'), record(1, 'a', 'new')])
    await sync.apply([record(0, 'a', 'old')])
    expect(all()).toEqual({ 'order:a': 'new' })
  })

  it('need no log', async () => {
    const { make, kafka } = { ...world(), kafka: undefined }
    const running = make()
    await running.sync.apply([record(0, 'a', '1')])
    expect(kafka).toBe(undefined)
    expect(running.kafka.calls).toEqual({ produce: 0, offsets: 0, read: 0 })
  })

  it('that failed are named, one of each partition', async () => {
    const { make, runtime, all } = world()
    const { sync, sink } = make()
    await sync.apply([record(0, 'a', '1')])
    sink.fail(new KedgeError('ERR_NETWORK', 'gone', { retryable: true }), { on: 'write' })
    const applying = sync.apply([record(1, 'b', '1'), record(2, 'c', '1'), record(7, 'd', '1', 2)], {
      budget: '5s',
    })
    await runtime.advance(10_000)
    const applied = await applying
    expect(applied.failed.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 1],
      [2, 7],
    ])
    expect(partialBatchResponse('orders', applied)).toEqual({
      batchItemFailures: [
        { itemIdentifier: { partition: 'orders-0', offset: 1 } },
        { itemIdentifier: { partition: 'orders-2', offset: 7 } },
      ],
    })
    expect(all()).toEqual({ 'order:a': '1' })
    expect(runtime.sleeping).toBe(0)
  })

  it('begin the stream again in a store that was wiped, and report it', async () => {
    const { make, store, all } = world()
    const { sync } = make()
    await sync.apply([record(0, 'a', '1')])
    store.wipe()
    expect(await sync.apply([record(1, 'b', '1')])).toEqual({ records: 1, failed: [], began: true })
    expect(all()).toEqual({ 'order:b': '1' })
  })
})

describe("Lambda's event", () => {
  const event = {
    eventSource: 'aws:kafka',
    records: {
      'orders-0': [
        {
          topic: 'orders',
          partition: 0,
          offset: 15,
          timestamp: 1545084650987,
          timestampType: 'CREATE_TIME',
          key: btoa('k'),
          value: btoa('{"a":1}'),
          headers: [],
        },
        { topic: 'orders', partition: 0, offset: 16, timestamp: 1545084650988, value: null, headers: [] },
      ],
      'other-0': [{ topic: 'other', partition: 0, offset: 1, key: '', value: '' }],
    },
  }

  it('is read as records of one topic', () => {
    expect(kafkaEventRecords(event, 'orders')).toEqual([
      { partition: 0, offset: 15, timestamp: 1545084650987, key: bytes('k'), value: bytes('{"a":1}') },
      { partition: 0, offset: 16, timestamp: 1545084650988, key: null, value: null },
    ])
  })

  it.each([
    [null],
    [{}],
    [{ records: [] }],
    [{ records: { a: [{ topic: 'a', partition: 0, offset: 0, key: '§', value: null }] } }],
    [{ records: { a: [{ topic: 'a', partition: -1, offset: 0 }] } }],
  ])('is refused when it is none: %j', (strange) =>
    expect(() => kafkaEventRecords(strange, 'a')).toThrow(KedgeError),
  )
})
