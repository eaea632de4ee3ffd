import { Kafka } from '@upstash/kafka'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startGateway } from '../../../../services/gateway/index.ts'
import type { RunningGateway } from '../../../../services/gateway/index.ts'
import type { MemoryLogOptions } from '../../../../src/testing/memory-log.ts'
import { answer, bytes, harness, until } from '../harness.ts'

describe('the @upstash/kafka client', () => {
  let gateway: RunningGateway
  let kafka: Kafka
  const errors: unknown[] = []

  beforeEach(async () => {
    gateway = await startGateway({
      memory: { topics: { a: 2, b: 1 } },
      upstash: true,
      auth: { users: { ann: 'p:ss' } },
      onError: (error) => errors.push(error),
    })
    kafka = new Kafka({ url: gateway.url, username: 'ann', password: 'p:ss' })
  })
  afterEach(async () => {
    await gateway.close()
    expect(errors).toEqual([])
  })

  it('produces one message and many, and fetches them by offset', async () => {
    const producer = kafka.producer()
    const headers = [{ key: 'h', value: 'x' }]
    expect(await producer.produce('a', { n: 1 }, { partition: 1, key: 'k', timestamp: 5, headers })).toEqual({
      topic: 'a',
      partition: 1,
      offset: 0,
      timestamp: 5,
    })
    const many = await producer.produceMany([
      { topic: 'a', value: 'x', partition: 1 },
      { topic: 'b', value: 'ü🦊' },
    ])
    expect(many).toMatchObject([
      { topic: 'a', offset: 1 },
      { topic: 'b', offset: 0 },
    ])
    const topicPartitionOffsets = [
      { topic: 'a', partition: 0, offset: 0 },
      { topic: 'a', partition: 1, offset: 0 },
      { topic: 'b', partition: 0, offset: 0 },
    ]
    expect(await kafka.consumer().fetch({ topicPartitionOffsets, timeout: 50 }, { parallel: false })).toEqual(
      [
        { topic: 'a', partition: 1, offset: 0, timestamp: 5, key: 'k', value: '{"n":1}', headers },
        {
          topic: 'a',
          partition: 1,
          offset: 1,
          timestamp: expect.any(Number),
          key: '',
          value: 'x',
          headers: [],
        },
        {
          topic: 'b',
          partition: 0,
          offset: 0,
          timestamp: expect.any(Number),
          key: '',
          value: 'ü🦊',
          headers: [],
        },
      ],
    )
    expect(await kafka.consumer().fetch({ topic: 'b', partition: 0, offset: 0, timeout: 50 })).toHaveLength(1)
  })

  it('waits for a message on any of several topics', async () => {
    const topicPartitionOffsets = [
      { topic: 'a', partition: 1, offset: 0 },
      { topic: 'b', partition: 0, offset: 0 },
    ]
    const fetching = kafka.consumer().fetch({ topicPartitionOffsets, timeout: 20_000 }, { parallel: false })
    await until(() => gateway.log.waiting === 2)
    await kafka.producer().produce('b', 'x')
    expect(await fetching).toMatchObject([{ topic: 'b', value: 'x' }])
    expect(gateway.log.waiting).toBe(0)
  })

  it('learns topics and offsets', async () => {
    await kafka.producer().produce('b', 'x', { timestamp: 100 })
    await kafka.producer().produce('b', 'x', { timestamp: 200 })
    gateway.log.truncate('b', 0, 1)
    const admin = kafka.admin()
    expect(await admin.topics()).toEqual({ a: 2, b: 1 })
    const topicPartition = { topic: 'b', partition: 0 }
    const at = async (timestamp: 'earliest' | 'latest' | number) =>
      (await admin.topicPartitionOffsets({ timestamp, topicPartition }))[0]
    expect(await at('earliest')).toMatchObject({
      ...topicPartition,
      offset: 1,
      logId: gateway.log.describe('b')!.id,
    })
    expect([await at('latest'), await at(150), await at(300)]).toMatchObject([
      { offset: 2 },
      { offset: 1 },
      { offset: 2 },
    ])
  })
})

const speaking = (memory: MemoryLogOptions = {}) => harness(memory, { upstash: true })

describe('the Upstash protocol', () => {
  it('produces by path as well', async () => {
    const { log, post } = speaking()
    expect(await answer(await post('/produce/t', [{ value: 'x', key: 'k' }]))).toMatchObject([
      200,
      [{ topic: 't', offset: 0 }],
    ])
    expect(log.read('t', { partition: 0, offset: 0 }, { maxBytes: 99 })?.records).toMatchObject([
      { key: bytes('k'), value: bytes('x') },
    ])
  })

  // An image of any web page could.
  it('writes nothing by a GET', async () => {
    const { log, get } = speaking({ topics: { t: 1 } })
    expect((await get('/produce/t/hello%20you?key=k')).status).toBe(404)
    expect(log.offsets('t', 0).end).toBe(0)
  })

  it('is not spoken unless it is asked for', async () => {
    const { log, get, post } = harness({ topics: { t: 1 } })
    const position = { topic: 't', partition: 0, offset: 0 }
    for (const [path, body] of [
      ['/produce', { topic: 't', value: 'x' }],
      ['/produce/t', { value: 'x' }],
      ['/fetch', position],
      ['/offsets/latest', position],
    ] as const)
      expect((await post(path, body)).status).toBe(404)
    expect(log.offsets('t', 0).end).toBe(0)
    expect(await (await get('/topics', { 'content-type': 'application/json' })).json()).toEqual(['t'])
    expect(await (await get('/')).json()).not.toHaveProperty('protocols.upstash')
  })

  it('answers an empty list at once for positions outside the log', async () => {
    const { post } = speaking()
    const body = { topic: 't', partition: 0, offset: 7, timeout: 9999 }
    expect(await answer(await post('/fetch', body))).toEqual([200, []])
  })

  it('writes nothing of a batch that names what is not there', async () => {
    const { log, post } = speaking({ autoCreate: false, topics: { t: 1 } })
    const one = { topic: 't', value: 'x' }
    expect(await answer(await post('/produce', [one, { topic: 'u', value: 'x' }]))).toEqual([
      404,
      { error: 'Topic not found.', status: 404 },
    ])
    expect((await post('/produce', [one, { ...one, partition: 3 }])).status).toBe(404)
    expect(log.offsets('t', 0).end).toBe(0)
  })

  it.each([
    ['/produce', '', 400],
    ['/produce', '{', 400],
    ['/produce', [], 400],
    ['/produce', { topic: 't' }, 400],
    ['/produce', { topic: 't', value: 5 }, 400],
    ['/produce', { value: 'x' }, 400],
    ['/produce/t', { topic: 'other', value: 'x' }, 400],
    [
      '/produce',
      { topic: 't', value: 'x', headers: Array.from({ length: 65 }, () => ({ key: 'a', value: '' })) },
      400,
    ],
    ['/produce', { topic: 't', value: 'x'.repeat(2_000_000) }, 413],
    ['/produce', Array.from({ length: 10_001 }, () => ({ topic: 't', value: '' })), 413],
    ['/fetch', {}, 400],
    ['/fetch', { topic: 't' }, 400],
    ['/fetch', { topic: 't', partition: 0, offset: -1 }, 400],
    ['/fetch', { topic: 't', partition: 9, offset: 0 }, 404],
    ['/fetch', { topicPartitionOffsets: 'all' }, 400],
    [
      '/fetch',
      { topicPartitionOffsets: Array.from({ length: 257 }, () => ({ topic: 't', partition: 0, offset: 0 })) },
      413,
    ],
    ['/offsets/latest', { topic: 't' }, 400],
    ['/offsets/latest', { topic: 't', partition: 4 }, 404],
    ['/offsets/soon', { topic: 't', partition: 0 }, 400],
    ['/consume/g/i', { topic: 't' }, 501],
  ])('refuses POST %s %#', async (path, body, status) => {
    const { post, errors } = speaking()
    const [got, said] = await answer(await post(path, body))
    expect([got, errors]).toEqual([status, []])
    if (status !== 405) expect(said).toEqual({ error: expect.any(String), status })
  })
})
