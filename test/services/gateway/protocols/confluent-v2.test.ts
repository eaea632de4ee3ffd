import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { answer, base64, BINARY, bytes, harness, JSON_FORMAT, V2 } from '../harness.ts'

describe('Confluent v2', () => {
  it('produces base64, keeps null apart from empty, and reports each record in order', async () => {
    const { log, post } = harness({ topics: { t: 2 } })
    const records = [
      { key: base64('k'), value: base64('v'), partition: 1 },
      { key: '', value: null, partition: 1 },
      { value: 'AA==', partition: 9 },
    ]
    const [status, body] = await answer(await post('/topics/t', { records }, BINARY))
    expect([status, body]).toEqual([
      200,
      {
        offsets: [
          { partition: 1, offset: 0, error_code: null, error: null },
          { partition: 1, offset: 1, error_code: null, error: null },
          { partition: null, offset: null, error_code: 40402, error: 'Partition not found.' },
        ],
        key_schema_id: null,
        value_schema_id: null,
      },
    ])
    const held = log.read('t', { partition: 1, offset: 0 }, { maxBytes: 100 })!.records
    expect(held.map(({ key, value }) => [key, value])).toEqual([
      [bytes('k'), bytes('v')],
      [bytes(''), null],
    ])
  })

  it('produces JSON as its text', async () => {
    const { log, post } = harness()
    await post(
      '/topics/t/partitions/0',
      { records: [{ key: 'k', value: { a: [1] } }] },
      `${JSON_FORMAT}; charset=utf-8`,
    )
    expect(log.read('t', { partition: 0, offset: 0 }, { maxBytes: 1 })?.records).toMatchObject([
      { key: bytes('"k"'), value: bytes('{"a":[1]}') },
    ])
  })

  it('reports a record that is too large, in an answer that is 200', async () => {
    const { post } = harness({ maxRecordBytes: 3 })
    const body = { records: [{ value: base64('four') }, { value: base64('two') }] }
    expect(await answer(await post('/topics/t', body, BINARY))).toMatchObject([
      200,
      { offsets: [{ error_code: 50002, offset: null }, { offset: 0 }] },
    ])
  })

  it('lists topics, partitions and offsets, with the identity of the log', async () => {
    const { log, get } = harness({ topics: { a: 2 } })
    log.append('a', { key: null, value: null, partition: 1 })
    expect(await answer(await get('/topics'))).toEqual([200, ['a']])
    expect(await answer(await get('/topics/a'))).toMatchObject([
      200,
      { name: 'a', partitions: [{ partition: 0 }, { partition: 1 }] },
    ])
    expect(await answer(await get('/topics/a/partitions/1'))).toMatchObject([200, { partition: 1 }])
    const offsets = await get('/topics/a/partitions/1/offsets', { accept: V2 })
    expect(offsets.headers.get('kedge-log-id')).toBe(log.describe('a')!.id)
    expect(offsets.headers.get('cache-control')).toBe('no-store')
    expect(await answer(offsets)).toEqual([200, { beginning_offset: 0, end_offset: 1 }])
    log.recreateTopic('a')
    const again = await get('/topics/a/partitions/1/offsets')
    expect(again.headers.get('kedge-log-id')).not.toBe(offsets.headers.get('kedge-log-id'))
  })

  it.each([
    ['GET', '/topics/u', 40401],
    ['GET', '/topics/u/partitions', 40401],
    ['GET', '/topics/u/partitions/0/offsets', 40401],
    ['GET', '/topics/t/partitions/7', 40402],
    ['GET', '/topics/t/partitions/7/offsets', 40402],
    ['GET', '/topics/t/partitions/x/offsets', 40402],
    ['GET', '/topics/t/partitions/99999999999/offsets', 40402],
    ['POST', '/topics/u', 40401],
    ['POST', '/topics/u/partitions/0', 40401],
    ['POST', '/topics/t/partitions/7', 40402],
    ['POST', `/topics/${'x'.repeat(300)}`, 40401],
    ['POST', '/topics/a%20b', 40401],
  ])('%s %s is a 404 with code %i', async (method, path, code) => {
    const { get, post } = harness({ autoCreate: false, topics: { t: 1 } })
    const response = method === 'GET' ? get(path) : post(path, { records: [{ value: '' }] }, BINARY)
    expect(await answer(await response)).toMatchObject([404, { error_code: code }])
  })

  it.each([
    ['nothing', '', BINARY, 422],
    ['half a body', '{"records":[', BINARY, 400],
    ['invalid UTF-8', '\u0000', BINARY, 400],
    ['an array', '[]', BINARY, 422],
    ['null', 'null', BINARY, 422],
    ['no records', '{"records":[]}', BINARY, 422],
    ['records that are no list', '{"records":{}}', BINARY, 422],
    ['a record that is no object', '{"records":[1]}', BINARY, 422],
    ['headers, which v2 does not have', '{"records":[{"value":"","headers":[]}]}', BINARY, 422],
    ['what is not base64', '{"records":[{"value":"***"}]}', BINARY, 400],
    ['base64 without its padding', '{"records":[{"value":"YQ"}]}', BINARY, 400],
    ['a number as base64', '{"records":[{"value":5}]}', BINARY, 400],
    ['a negative partition', '{"records":[{"value":"","partition":-1}]}', BINARY, 422],
    ['a broken partition', '{"records":[{"value":"","partition":0.5}]}', BINARY, 422],
    [
      'nesting without end',
      `{"records":[{"value":${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`,
      JSON_FORMAT,
      400,
    ],
    ['another content type', '{"records":[{"value":""}]}', 'application/json', 415],
    ['Avro', '{"records":[{"value":""}]}', 'application/vnd.kafka.avro.v2+json', 501],
  ])('refuses a produce of %s', async (_, body, type, status) => {
    const { log, post, errors } = harness()
    const response = await post('/topics/t', body, type)
    expect(await answer(response)).toMatchObject([
      status,
      { error_code: expect.any(Number), message: expect.any(String) },
    ])
    expect([errors, log.describe('t') && log.offsets('t', 0).end]).toEqual([[], undefined])
  })

  it.each([
    ['/topics/t', JSON_FORMAT],
    ['/topics/t/partitions/0', BINARY],
    ['/consumers/g', V2],
    ['/v3/clusters/kedge-memory/topics/t/records', 'application/json'],
    ['/v3/clusters/kedge-memory/topics/t/records:batch', 'application/json'],
    ['/produce/t', 'application/json'],
  ])('refuses a compressed body with words: POST %s', async (path, type) => {
    const { app, log, errors } = harness({}, { upstash: true })
    const headers = { 'content-type': type, 'content-encoding': 'gzip' }
    const body = gzipSync('{"records":[{"value":null}]}')
    const response = await app.request(path, { method: 'POST', headers, body })
    expect(response.status).toBe(415)
    expect(await response.text()).toContain('The body is compressed')
    expect([errors, log.describe('t')]).toEqual([[], undefined])
  })

  it('refuses answers in a type that it does not have', async () => {
    const { get } = harness()
    expect((await get('/topics', { accept: 'text/html' })).status).toBe(406)
    expect(
      (await get('/topics', { accept: 'text/html, application/json;q=0.1' })).headers.get('content-type'),
    ).toBe('application/json')
  })
})
