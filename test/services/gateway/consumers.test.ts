import { describe, expect, it } from 'vitest'
import { answer, base64, BINARY, bytes, harness, JSON_FORMAT, until, V2 } from './harness.ts'
import type { Harness } from './harness.ts'

const INSTANCE = '/consumers/g/instances/c'
const partitions = [{ topic: 't', partition: 0 }]
const value = (text: string) => ({ key: null, value: bytes(text) })

async function consumer(h: Harness, options: Record<string, unknown> = {}): Promise<void> {
  const usual = { name: 'c', 'fetch.min.bytes': '0', 'auto.offset.reset': 'earliest' }
  const settings = { ...usual, 'auto.commit.enable': 'false', ...options }
  expect((await h.post('/consumers/g', settings, V2)).status).toBe(200)
  expect((await h.post(`${INSTANCE}/assignments`, { partitions }, V2)).status).toBe(204)
}
const seek = (h: Harness, offset: number) =>
  h.post(`${INSTANCE}/positions`, { offsets: [{ topic: 't', partition: 0, offset }] }, V2)
const poll = async (h: Harness, query = '', accept = BINARY) =>
  answer(await h.get(`${INSTANCE}/records${query}`, { accept }))
const offsetsOf = ([status, records]: [number, unknown]) => [
  status,
  (records as { offset: number }[]).map(({ offset }) => offset),
]

describe('a consumer instance', () => {
  it('reads from its reset position, goes on after what it read, and is gone when deleted', async () => {
    const h = harness()
    for (const text of ['a', 'b', 'c']) h.log.append('t', value(text))
    const created = (await (await h.post('/consumers/g', { 'fetch.min.bytes': 1 }, V2)).json()) as {
      base_uri: string
    }
    expect(created).toEqual({
      instance_id: `rest-consumer-${'80000000'.repeat(4)}`,
      base_uri: `http://localhost/consumers/g/instances/rest-consumer-${'80000000'.repeat(4)}`,
    })
    await consumer(h)
    await seek(h, 1)
    expect(await poll(h, '?timeout=100')).toEqual([
      200,
      [
        { topic: 't', key: null, value: base64('b'), partition: 0, offset: 1 },
        { topic: 't', key: null, value: base64('c'), partition: 0, offset: 2 },
      ],
    ])
    h.log.append('t', value('d'))
    expect(offsetsOf(await poll(h))).toEqual([200, [3]])
    expect((await h.app.request(INSTANCE, { method: 'DELETE' })).status).toBe(204)
    expect(await poll(h)).toEqual([404, { error_code: 40403, message: 'Consumer instance not found.' }])
  })

  it.each(['.', '..', 'a/b', 'a b', '', 'é'])(
    'is not made by the name %j: no address leads to it',
    async (name) => {
      const h = harness()
      const [status, { error_code }] = (await answer(await h.post('/consumers/g', { name }, V2))) as [
        number,
        { error_code: number },
      ]
      expect([status, error_code]).toEqual([422, 422])
    },
  )

  it.each(['...', '.a', 'a..', '~-_'])('that is named %j is found where `base_uri` says', async (name) => {
    const h = harness()
    const [, { base_uri }] = (await answer(await h.post('/consumers/g', { name }, V2))) as [
      number,
      { base_uri: string },
    ]
    expect((await h.app.request(base_uri, { method: 'DELETE' })).status).toBe(204)
  })

  it('wakes upon a record when fetch.min.bytes is set, and waits the timeout out when it is not', async () => {
    const h = harness()
    await consumer(h, { 'consumer.request.timeout.ms': 5000 })
    const early = poll(h, '?timeout=5000')
    await until(() => h.log.waiting === 1)
    h.log.append('t', value('a'))
    expect(offsetsOf(await early)).toEqual([200, [0]])

    await h.app.request(INSTANCE, { method: 'DELETE' })
    await consumer(h, { 'fetch.min.bytes': undefined })
    let settled = false
    const late = poll(h, '?timeout=1000').finally(() => (settled = true))
    await until(() => h.log.waiting === 1)
    h.log.append('t', value('b'))
    await until(() => h.log.waiting === 1)
    expect(settled).toBe(false)
    h.clock.advance(1000)
    expect(offsetsOf(await late)).toEqual([200, [0, 1]])
  })

  it('waits no longer than its own consumer.request.timeout.ms', async () => {
    const h = harness()
    await consumer(h)
    const polling = poll(h, '?timeout=60000')
    await until(() => h.log.waiting === 1)
    h.clock.advance(1000)
    expect(await polling).toEqual([200, []])
  })

  it('returns a record that reaches max_bytes by itself, and alone', async () => {
    const h = harness()
    for (const text of ['1234', '1234', '12', '1', '1']) h.log.append('t', value(text))
    // Nothing more would fit: the rest of the timeout is not waited for.
    await consumer(h, { 'fetch.min.bytes': -1 })
    expect(offsetsOf(await poll(h, '?max_bytes=4'))).toEqual([200, [0]])
    expect(offsetsOf(await poll(h, '?max_bytes=1'))).toEqual([200, [1]])
    expect(offsetsOf(await poll(h, '?max_bytes=4'))).toEqual([200, [2, 3]])
  })

  it('returns a record larger than any answer of the gateway, and goes on behind it', async () => {
    const h = harness({}, { limits: { maxReadBytes: 1000 } })
    for (const text of ['a', 'x'.repeat(1_000_000), 'b']) h.log.append('t', value(text))
    await consumer(h)
    for (const offset of [0, 1, 2]) expect(offsetsOf(await poll(h))).toEqual([200, [offset]])
  })

  it('seeks to the beginning, to the end of the moment, and to a time', async () => {
    const h = harness()
    for (const text of ['a', 'b']) {
      h.log.append('t', value(text))
      h.clock.advance(10)
    }
    await consumer(h)
    expect((await h.post(`${INSTANCE}/positions/end`, { partitions }, V2)).status).toBe(204)
    h.log.append('t', value('c'))
    expect(offsetsOf(await poll(h))).toEqual([200, [2]])
    await h.post(`${INSTANCE}/positions/beginning`, { partitions }, V2)
    expect(offsetsOf(await poll(h))).toEqual([200, [0, 1, 2]])
    const timestamps = [{ topic: 't', partition: 0, timestamp: h.clock.ms - 10 }]
    await h.post(`${INSTANCE}/positions`, { timestamps }, V2)
    expect(offsetsOf(await poll(h))).toEqual([200, [1, 2]])
  })

  it('fails beyond the ends of the log without a reset policy, and jumps with one', async () => {
    const h = harness()
    h.log.append('t', value('a'))
    await consumer(h, { 'auto.offset.reset': 'none' })
    expect(await poll(h)).toMatchObject([500, { error_code: 50002 }])
    await seek(h, 9)
    expect(await poll(h)).toMatchObject([500, { error_code: 50002 }])
    expect(await poll(h)).toMatchObject([500, { error_code: 50002 }])
    await h.app.request(INSTANCE, { method: 'DELETE' })
    await consumer(h)
    await seek(h, 9)
    expect(offsetsOf(await poll(h))).toEqual([200, [0]])
  })

  it('is forgotten after the idle time, counted from its last use, and its name is free again', async () => {
    const h = harness()
    await consumer(h)
    h.clock.advance(299_999)
    expect((await h.get(`${INSTANCE}/assignments`)).status).toBe(200)
    h.clock.advance(299_999)
    expect(await answer(await h.get(`${INSTANCE}/assignments`))).toEqual([200, { partitions }])
    h.clock.advance(300_000)
    expect(await answer(await h.get(`${INSTANCE}/assignments`))).toMatchObject([404, { error_code: 40403 }])
    await consumer(h)
  })

  it('is not idle while it polls', async () => {
    const h = harness({}, { limits: { instanceTimeoutMs: 10 } })
    await consumer(h)
    const polling = poll(h)
    await until(() => h.log.waiting === 1)
    h.clock.advance(500)
    expect((await h.post('/consumers/g', { name: 'd' }, V2)).status).toBe(200)
    h.log.append('t', value('a'))
    expect(offsetsOf(await polling)).toEqual([200, [0]])
    expect((await h.get(`${INSTANCE}/assignments`)).status).toBe(200)
  })

  it('answers a missing partition and a missing instance with different messages', async () => {
    const h = harness({ autoCreate: false })
    await consumer(h)
    const message = 'This server does not host this topic-partition.'
    expect(await poll(h)).toEqual([404, { error_code: 40403, message }])
  })

  it('shows what stands before a record that is not JSON, then names it and the way past it', async () => {
    const h = harness()
    for (const text of ['1', '2', 'not json', '3']) h.log.append('t', value(text))
    await consumer(h, { format: 'json' })
    expect(offsetsOf(await poll(h, '', JSON_FORMAT))).toEqual([200, [0, 1]])
    for (let turn = 0; turn < 2; turn++) {
      const message =
        'The value of topic t, partition 0, offset 2 is not JSON. ' +
        'Read it in the binary format, or go on at offset 3 (a consumer instance: POST …/positions).'
      expect(await poll(h, '', JSON_FORMAT)).toEqual([408, { error_code: 40801, message }])
    }
    await seek(h, 3)
    expect(offsetsOf(await poll(h, '', JSON_FORMAT))).toEqual([200, [3]])
  })

  it('meets what is not JSON again where it began at the end of the log', async () => {
    const h = harness()
    await consumer(h, { format: 'json', 'auto.offset.reset': 'latest' })
    const polling = poll(h, '', JSON_FORMAT)
    await until(() => h.log.waiting === 1)
    h.log.append('t', { key: bytes('{'), value: bytes('1') })
    h.log.append('t', value('2'))
    const refused = [
      408,
      { message: expect.stringContaining('The key of topic t, partition 0, offset 0 is') },
    ]
    expect(await polling).toMatchObject(refused)
    expect(await poll(h, '', JSON_FORMAT)).toMatchObject(refused)
  })

  it('keeps its position when the client leaves', async () => {
    const h = harness()
    h.log.append('t', value('1'))
    h.log.append('t', value('{'))
    const client = new AbortController()
    await consumer(h, { 'fetch.min.bytes': -1 })
    const init = { headers: { accept: BINARY }, signal: client.signal }
    const left = h.app.request(`${INSTANCE}/records`, init)
    await until(() => h.log.waiting === 1)
    client.abort()
    expect((await left).status).toBe(499)
    const again = poll(h)
    await until(() => h.log.waiting === 1)
    h.clock.advance(1000)
    expect(offsetsOf(await again)).toEqual([200, [0, 1]])
  })

  it('does one thing at a time, and lets only so many wait', async () => {
    const h = harness()
    await consumer(h)
    const polling = poll(h)
    await until(() => h.log.waiting === 1)
    const seeks = Array.from({ length: 16 }, async () => (await seek(h, 0)).status)
    await Promise.any(seeks.map(async (status) => expect(await status).toBe(429)))
    h.log.append('t', value('a'))
    await polling
    expect((await Promise.all(seeks)).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 15 }, () => 204),
      429,
    ])
  })

  it.each([
    [{ name: 'c' }, 409, 40902],
    [{ format: 'avro' }, 501, 501],
    [{ format: 'csv' }, 422, 422],
    [{ 'auto.commit.enable': 'often' }, 422, 422],
    [{ 'isolation.level': 'read_committed' }, 422, 422],
    [{ 'auto.offset.reset': 'smallest' }, 422, 42204],
    [{ 'fetch.min.bytes': -2 }, 422, 42204],
    [{ 'fetch.min.bytes': 'many' }, 422, 422],
    [{ 'consumer.request.timeout.ms': 0 }, 422, 42204],
    // Of two names for one option the other one counts.
    [{ 'fetch.min.bytes': 1, responseMinBytes: -2 }, 422, 42204],
    [{ 'consumer.request.timeout.ms': 1, requestWaitMs: 0 }, 422, 42204],
    [{ name: '../x' }, 422, 422],
    [{ name: 'x\ny' }, 422, 422],
    [{ name: 'x'.repeat(300) }, 422, 422],
    [[], 422, 422],
    ['{', 400, 400],
  ])('is not created from %j', async (body, status, code) => {
    const h = harness()
    await consumer(h)
    expect(await answer(await h.post('/consumers/g', body, V2))).toMatchObject([status, { error_code: code }])
    expect(h.errors).toEqual([])
  })

  it.each([
    ['assignments', { partitions: [{ topic: 't' }] }, 422, 422],
    ['assignments', { partitions: [{ topic: 't', partition: -1 }] }, 422, 422],
    ['assignments', {}, 422, 422],
    [
      'assignments',
      { partitions: Array.from({ length: 300 }, (_, partition) => ({ topic: 't', partition })) },
      413,
      413,
    ],
    ['positions', { offsets: [{ topic: 't', partition: 1, offset: 0 }] }, 409, 40903],
    ['positions', { offsets: [{ topic: 't', partition: 0, offset: -5 }] }, 422, 422],
    ['positions', { offsets: [{ topic: 't', partition: 0, offset: 1e300 }] }, 422, 422],
    ['positions', '{"offsets":', 400, 400],
    ['positions/end', { partitions: [{ topic: 'u', partition: 0 }] }, 409, 40903],
    ['positions/beginning', { partitions: 7 }, 422, 422],
  ])('refuses %s of %j', async (path, body, status, code) => {
    const h = harness()
    await consumer(h)
    expect(await answer(await h.post(`${INSTANCE}/${path}`, body, V2))).toMatchObject([
      status,
      { error_code: code },
    ])
    expect((await h.post(`${INSTANCE}/${path}`, body, 'text/plain')).status).toBe(415)
    expect(h.errors).toEqual([])
  })

  it('refuses a poll that it cannot serve', async () => {
    const h = harness()
    await h.post('/consumers/g', { name: 'c' }, V2)
    expect(await poll(h)).toMatchObject([409, { error_code: 40903 }])
    expect(await poll(h, '', JSON_FORMAT)).toMatchObject([406, { error_code: 40601 }])
    expect(await poll(h, '', 'text/html')).toMatchObject([406, { error_code: 406 }])
    expect(await poll(h, '?timeout=soon')).toMatchObject([400, { error_code: 400 }])
  })

  it('is refused when there are too many, until one is deleted', async () => {
    const h = harness({}, { limits: { maxInstances: 2 } })
    const create = async (name: string) => h.post('/consumers/g', { name }, V2)
    await create('c')
    await create('d')
    const refused = await create('e')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '10'])
    await h.app.request(INSTANCE, { method: 'DELETE' })
    expect((await create('e')).status).toBe(200)
  })
})
