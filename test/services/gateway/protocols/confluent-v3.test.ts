import { describe, expect, it } from 'vitest'
import { memoryCluster } from '../../../../services/gateway/index.ts'
import { MemoryLog } from '../../../../src/testing/memory-log.ts'
import { answer, base64, bytes, harness, until } from '../harness.ts'

const CLUSTER = '/v3/clusters/kedge-memory'
const RECORDS = `${CLUSTER}/topics/t/records`
const text = (data: string) => ({ value: { type: 'STRING', data } })
/** The documents of a streamed answer. */
const reports = async (response: Response) =>
  (await response.text())
    .trim()
    .split('\r\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('Confluent v3', () => {
  it('produces a record with key, headers, timestamp and partition', async () => {
    const { log, post } = harness({ topics: { t: 2 } })
    const record = {
      partition_id: 1,
      headers: [
        { name: 'h', value: base64('x') },
        { name: 'h', value: null },
      ],
      key: { type: 'BINARY', data: base64('k') },
      value: { type: 'JSON', data: { a: 1 } },
      timestamp: '2026-01-02T03:04:05.678Z',
    }
    expect(await answer(await post(RECORDS, record))).toEqual([
      200,
      {
        error_code: 200,
        cluster_id: 'kedge-memory',
        topic_name: 't',
        partition_id: 1,
        offset: 0,
        timestamp: '2026-01-02T03:04:05.678Z',
        key: { type: 'BINARY', size: 1 },
        value: { type: 'JSON', size: 7 },
      },
    ])
    expect(log.read('t', { partition: 1, offset: 0 }, { maxBytes: 1 })?.records).toEqual([
      {
        partition: 1,
        offset: 0,
        key: bytes('k'),
        value: bytes('{"a":1}'),
        timestamp: Date.parse('2026-01-02T03:04:05.678Z'),
        headers: [
          { name: 'h', value: bytes('x') },
          { name: 'h', value: null },
        ],
      },
    ])
  })

  it('writes a tombstone for data that is null or missing', async () => {
    const { log, post } = harness()
    await reports(await post(RECORDS, `${JSON.stringify({ value: { type: 'BINARY', data: null } })}{}`))
    const none = { key: null, value: null }
    expect(log.read('t', { partition: 0, offset: 0 }, { maxBytes: 1 })?.records).toMatchObject([none, none])
  })

  it('reports each of several records in order, in an answer that is 200', async () => {
    const { post } = harness({ maxRecordBytes: 10 })
    const body = [
      text('a'),
      { value: { type: 'AVRO', data: 'x' } },
      { value: { data: 'no type' } },
      { value: { type: 'BINARY', data: '***' } },
      { value: { type: 'STRING', data: 7 } },
      { ...text('a'), partition_id: 5 },
      { ...text('a'), timestamp: 'yesterday' },
      text('x'.repeat(11)),
      text('} { \\" 🦊'),
    ]
    const response = await post(RECORDS, body.map((one) => JSON.stringify(one)).join('\n'))
    expect(response.status).toBe(200)
    expect((await reports(response)).map((report) => [report.error_code, report.offset])).toEqual([
      [200, 0],
      [422, undefined],
      [422, undefined],
      [400, undefined],
      [400, undefined],
      [40402, undefined],
      [422, undefined],
      [413, undefined],
      [413, undefined],
    ])
  })

  it.each([1, 7, 1000, Infinity])(
    'is the same in pieces of %d bytes, with one call for those of a piece',
    async (size) => {
      const log = new MemoryLog({ topics: { t: 1 } })
      const cluster = memoryCluster(log)
      const calls: number[] = []
      const append = cluster.append.bind(cluster)
      cluster.append = (topic, records) => {
        calls.push(records.length)
        return append(topic, records)
      }
      const { app } = harness({}, { cluster })
      const sent = Array.from({ length: 250 }, (_, at) =>
        at % 9 === 8 ? { value: { type: 'AVRO', data: 'x' } } : text(`v${at}`),
      )
      const body = bytes(`${sent.map((one) => JSON.stringify(one)).join('\n')}[]`)
      const pieces = Math.ceil(body.length / Math.min(size, body.length))
      const readable = new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (let at = 0; at < body.length; at += size) controller.enqueue(body.slice(at, at + size))
          controller.close()
        },
      })
      const headers = { 'content-type': 'application/json' }
      const response = await app.request(RECORDS, {
        method: 'POST',
        body: readable,
        duplex: 'half',
        headers,
      } as RequestInit)
      let next = 0
      const expected = sent.map((_, at) => (at % 9 === 8 ? [422, undefined] : [200, next++]))
      expect((await reports(response)).map((report) => [report.error_code, report.offset])).toEqual([
        ...expected,
        [400, undefined],
      ])
      const kept = log.read('t', { partition: 0, offset: 0 }, { maxBytes: Infinity })!.records
      expect(kept.map(({ value }) => new TextDecoder().decode(value!))).toEqual(
        sent.flatMap(({ value }) => (value.type === 'STRING' ? [value.data] : [])),
      )
      // A hundred at most, and at most one call for each piece.
      expect(Math.max(...calls)).toBeLessThanOrEqual(100)
      expect(calls.length).toBeLessThanOrEqual(size === Infinity ? 3 : pieces)
    },
  )

  it('reports what it cannot read and stops there', async () => {
    const { log, post, errors } = harness()
    for (const rest of ['[]', '{"value":', '{"value"}', 'null', '{"a":'.repeat(200)]) {
      const answered = await reports(
        await post(RECORDS, `${JSON.stringify(text('a'))}${rest}${JSON.stringify(text('b'))}`),
      )
      expect(answered.map(({ error_code: code }) => code)).toEqual([200, 400])
    }
    expect([log.offsets('t', 0).end, errors]).toEqual([5, []])
  })

  it('answers a record while the client still sends', async () => {
    const { app, log } = harness()
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const init = {
      method: 'POST',
      body: readable,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    }
    const responding = app.request(RECORDS, init)
    const [half, rest] = [JSON.stringify(text('a')).slice(0, 9), JSON.stringify(text('a')).slice(9)]
    await writer.write(bytes(half))
    await writer.write(bytes(rest))
    const reader = (await responding).body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('"offset":0')
    void writer.write(bytes(JSON.stringify(text('b'))))
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('"offset":1')
    await writer.close()
    expect((await reader.read()).done).toBe(true)
    await until(() => log.offsets('t', 0).end === 2)
  })

  it('stops reading a body at the limits', async () => {
    const { log, post } = harness({}, { limits: { maxBodyBytes: 200, maxRecords: 3, maxRecordHeaders: 1 } })
    expect((await reports(await post(RECORDS, '{}'.repeat(5)))).map(({ error_code: code }) => code)).toEqual([
      200, 200, 200, 413,
    ])
    expect(await reports(await post(RECORDS, JSON.stringify(text('x'.repeat(300)))))).toMatchObject([
      { error_code: 413 },
    ])
    const headers = [{ name: 'a' }, { name: 'b' }]
    expect(await reports(await post(RECORDS, { headers }))).toMatchObject([{ error_code: 422 }])
    expect(log.offsets('t', 0).end).toBe(3)
  })

  it('refuses an empty body and another content type', async () => {
    const { post } = harness()
    expect(await answer(await post(RECORDS, ''))).toMatchObject([422, { error_code: 42206 }])
    expect(await answer(await post(RECORDS, text('a'), 'text/plain'))).toMatchObject([
      415,
      { error_code: 415 },
    ])
  })

  it('says in the report that a topic is not there', async () => {
    const { post } = harness({ autoCreate: false })
    expect(await answer(await post(RECORDS, text('a')))).toMatchObject([200, { error_code: 40403 }])
  })

  it('produces a batch, entry by entry', async () => {
    const { post } = harness()
    const entries = [
      { id: 'a', ...text('x') },
      { id: 'b', value: { type: 'XML', data: '' } },
    ]
    expect(await answer(await post(`${RECORDS}:batch`, { entries }))).toMatchObject([
      207,
      { successes: [{ id: 'a', offset: 0 }], failures: [{ id: 'b', error_code: 422 }] },
    ])
  })

  it.each([
    [{ entries: [] }, 422, 422],
    [{ entries: [{ id: 'a' }, { id: 'a' }] }, 422, 42208],
    [{ entries: Array.from({ length: 11 }, (_, id) => ({ id: String(id) })) }, 422, 42208],
    [{ entries: [{ id: 'a b' }] }, 422, 422],
    [{ entries: [7] }, 422, 422],
    ['{', 400, 400],
  ])('refuses the batch %j', async (body, status, code) => {
    const { post } = harness()
    expect(await answer(await post(`${RECORDS}:batch`, body))).toMatchObject([status, { error_code: code }])
  })

  it('creates, lists, describes and deletes topics, under both of its roots', async () => {
    const { app, get, post } = harness({}, { auth: { roles: ['read', 'admin'] } })
    expect(await answer(await get('/kafka/v3/clusters'))).toMatchObject([
      200,
      { data: [{ cluster_id: 'kedge-memory' }] },
    ])
    const topic = { topic_name: 'a', partitions_count: 3 }
    expect(await answer(await post(`${CLUSTER}/topics`, topic))).toMatchObject([201, topic])
    expect(await answer(await post(`${CLUSTER}/topics`, topic))).toMatchObject([400, { error_code: 40002 }])
    expect(await answer(await post(`${CLUSTER}/topics`, { topic_name: 'a b' }))).toMatchObject([422, {}])
    expect(await answer(await get(`${CLUSTER}/topics`))).toMatchObject([200, { data: [topic] }])
    expect(await answer(await get(`/kafka${CLUSTER}/topics/a`))).toMatchObject([200, topic])
    expect(await answer(await get(`${CLUSTER}/topics/a/partitions`))).toMatchObject([
      200,
      { data: [{}, {}, { partition_id: 2 }] },
    ])
    const offset = `${CLUSTER}/topics/a/partitions/2/offset?offset_type=`
    expect(await answer(await get(`${offset}earliest_and_latest`))).toMatchObject([
      200,
      { earliest_offset: 0, latest_offset: 0 },
    ])
    expect((await get(`${offset}middle`)).status).toBe(400)
    expect((await app.request(`${CLUSTER}/topics/a`, { method: 'DELETE' })).status).toBe(204)
    for (const path of ['', '/partitions', '/partitions/0', '/partitions/0/offset']) {
      expect(await answer(await get(`${CLUSTER}/topics/a${path}`))).toMatchObject([
        404,
        { error_code: 40403 },
      ])
    }
    expect((await get('/v3/clusters/other/topics')).status).toBe(404)
  })

  it.each(['records', 'records:batch'])(
    'writes nothing by %s for another cluster than its own',
    async (place) => {
      const { log, post } = harness({ topics: { a: 1 } })
      const record = { value: { type: 'STRING', data: 'x' } }
      const body = place === 'records' ? record : { entries: [{ id: '1', ...record }] }
      for (const base of ['/v3', '/kafka/v3'])
        expect(await answer(await post(`${base}/clusters/other/topics/a/${place}`, body))).toMatchObject([
          404,
          { error_code: 404, message: 'Cluster cannot be found.' },
        ])
      expect(log.offsets('a', 0).end).toBe(0)
    },
  )
})
