import { describe, expect, it } from 'vitest'
import { confluent, type ConfluentOptions } from '../../../adapters/kafka/confluent.ts'
import type { NewRecord } from '../../../src/ports/kafka-log.ts'
import { base64, html, json, on, rejection, type Script, scriptedFetch, utf8 } from './scripted-fetch.ts'

const url = 'https://proxy.example'
const two: NewRecord[] = [
  { key: utf8('a'), value: utf8('1'), partition: 0 },
  { key: utf8('b'), value: utf8('2'), partition: 0 },
]

function publishing(script: Script, options: Partial<ConfluentOptions> = {}) {
  const { fetch, seen, lines } = scriptedFetch(script)
  const log = confluent({ url, fetch, ...options })
  return { log, seen, lines, failed: () => rejection(log.produce('t', two)) }
}

describe('produce by v2', () => {
  it('sends keys and values in base64, null as null, and the partition', async () => {
    const { log, seen, lines } = publishing(() =>
      json({ offsets: [{ partition: 2, offset: 7, error_code: null, error: null }], key_schema_id: null }),
    )
    const record = { key: null, value: new Uint8Array([0, 255]), partition: 2, headers: { a: 'b' } }
    expect(await log.produce('t', [record])).toEqual([{ partition: 2, offset: 7 }])
    expect(lines()).toEqual(['POST /topics/t'])
    // No headers: the proxy refuses them in v2.
    expect(seen[0]?.body).toEqual({ records: [{ key: null, value: 'AP8=', partition: 2 }] })
    expect(seen[0]?.headers.get('content-type')).toBe('application/vnd.kafka.binary.v2+json')
    expect(seen[0]?.headers.get('accept')).toBe('application/vnd.kafka.v2+json')
  })

  it('of nothing sends nothing', async () => {
    const { log, seen } = publishing(() => html(500))
    expect(await log.produce('t', [])).toEqual([])
    expect(seen).toEqual([])
  })

  it.each([
    [
      'an error in one of them',
      [
        { partition: 0, offset: 1 },
        { error_code: 50_002, error: 'Kafka error' },
      ],
      false,
    ],
    [
      'a retriable error',
      [
        { partition: 0, offset: 1 },
        { error_code: 50_003, error: 'again' },
      ],
      true,
    ],
    [
      "kafka-rest's retriable Kafka error",
      [
        { error_code: 2, error: 'x' },
        { error_code: 2, error: 'x' },
      ],
      true,
    ],
    [
      "kafka-rest's other Kafka error",
      [
        { error_code: 1, error: 'x' },
        { error_code: 1, error: 'x' },
      ],
      false,
    ],
    [
      'a topic missing for a minute, or brokers that are away',
      [{ error_code: 404, message: 'Topic t not present in metadata after 60000 ms.' }],
      true,
    ],
    ['throttling', [{ error_code: 42_901, message: 'quota' }], true],
    [
      'offset -1',
      [
        { partition: 0, offset: 1 },
        { partition: 0, offset: -1 },
      ],
      true,
    ],
    [
      'no offset',
      [
        { partition: 0, offset: 1 },
        { partition: 0, offset: null },
      ],
      true,
    ],
    [
      'half an offset',
      [
        { partition: 0, offset: 1 },
        { partition: 0, offset: 1.5 },
      ],
      true,
    ],
    ['no partition', [{ partition: 0, offset: 1 }, { offset: 2 }], true],
    ['fewer reports than records', [{ partition: 0, offset: 1 }], true],
    ['no report', [], true],
  ])('is not acknowledged by status 200 with %s', async (_, offsets, retryable) => {
    expect(await publishing(() => json({ offsets })).failed()).toMatchObject({
      code: 'ERR_PUBLISH',
      retryable,
    })
  })

  it.each([
    [
      "kafka-rest's own producer",
      1,
      'The message is 1978246 bytes when serialized which is larger than 1048576, which is the value of the max.request.size configuration.',
    ],
    [
      'an older one',
      1,
      'The message is 1978246 bytes when serialized which is larger than the maximum request size you have configured with the max.request.size configuration.',
    ],
    [
      'a broker',
      1,
      'The request included a message larger than the max message size the server will accept.',
    ],
    ['the gateway', 50_002, 'The record is larger than the cluster accepts.'],
  ])('is too large where %s says so of every record', async (_, code, error) => {
    const large = { error_code: code, error }
    expect(await publishing(() => json({ offsets: [large, large] })).failed()).toMatchObject({
      code: 'ERR_TOO_LARGE',
      retryable: false,
    })
    const half = { offsets: [{ partition: 0, offset: 1 }, large] }
    expect(await publishing(() => json(half)).failed()).toMatchObject({
      code: 'ERR_PUBLISH',
      retryable: false,
      cause: { code: 'ERR_TOO_LARGE' },
      results: [{ partition: 0, offset: 1 }, { code: 'ERR_TOO_LARGE' }],
    })
  })

  it('says that the topic is unknown, inside of a 200 too', async () => {
    const offsets = [{ error_code: 40_401, error: 'Topic not found.' }]
    const failed = await publishing(() => json({ offsets })).failed()
    expect(failed).toMatchObject({ code: 'ERR_PUBLISH', cause: { code: 'ERR_UNKNOWN_TOPIC' } })
  })

  it('reads the records of a refusal that looks like an answer', async () => {
    const error = 'This request is for a topic or partition that does not exist on this broker.'
    const failed = await publishing(() => json({ offsets: [{ error, error_code: 2 }] }, 422)).failed()
    expect(failed).toMatchObject({ code: 'ERR_PUBLISH', message: expect.stringContaining(error) as unknown })
  })

  it('is not acknowledged by a refusal whose records look well', async () => {
    const offsets = [
      { partition: 0, offset: 1 },
      { partition: 0, offset: 2 },
    ]
    expect(await publishing(() => json({ offsets }, 422)).failed()).toMatchObject({ code: 'ERR_PUBLISH' })
  })

  it.each([
    ['204, as for an asynchronous produce', () => new Response(null, { status: 204 })],
    ['a page', () => html(200)],
    ['another shape', () => json([])],
  ])('is not acknowledged by %s', async (_, answer) => {
    expect(await publishing(answer).failed()).toMatchObject({ code: 'ERR_PUBLISH' })
  })

  it('keeps the pause that the proxy asked for', async () => {
    const failed = await publishing(() => html(429, { 'retry-after': '9' })).failed()
    expect(failed).toMatchObject({
      code: 'ERR_RATE_LIMITED',
      retryable: true,
      retryAfterMs: 9000,
    })
  })

  it('is sent once, whatever happens: the caller knows whether to repeat it', async () => {
    const { failed, seen } = publishing(() => html(503))
    expect(await failed()).toMatchObject({ code: 'ERR_PUBLISH', retryable: true })
    expect(seen).toHaveLength(1)
  })
})

describe('produce by v3', () => {
  const clusters = on('GET /kafka/v3/clusters', () =>
    json({ data: [{ cluster_id: 'lkc-1' }, { cluster_id: 'lkc-2' }] }),
  )
  const reports = (...all: unknown[]) => new Response(all.map((one) => JSON.stringify(one)).join('\r\n'))
  const good = (offset: number) => ({
    error_code: 200,
    cluster_id: 'lkc-1',
    topic_name: 't',
    partition_id: 0,
    offset,
  })
  const byV3 = (script: Script, clusterId: string | undefined = 'lkc-1') =>
    publishing(script, { produce: { url: `${url}/kafka`, api: 'v3', ...(clusterId ? { clusterId } : {}) } })

  it('writes records one after the other, each with its type, and reads the reports in order', async () => {
    const { log, seen, lines } = byV3(() => reports(good(4), good(5)))
    const headers = { trace: 'ü' }
    const last = { key: null, value: null }
    const positions = await log.produce('t', [
      { key: utf8('a'), value: utf8('1'), partition: 3, headers },
      last,
    ])
    expect(positions).toEqual([
      { partition: 0, offset: 4 },
      { partition: 0, offset: 5 },
    ])
    expect(lines()).toEqual(['POST /kafka/v3/clusters/lkc-1/topics/t/records'])
    expect(seen[0]?.headers.get('content-type')).toBe('application/json')
    const [first, second] = (seen[0]?.text ?? '').split('\n')
    expect(JSON.parse(first ?? '')).toEqual({
      partition_id: 3,
      headers: [{ name: 'trace', value: base64('Ã¼') }],
      key: { type: 'BINARY', data: base64('a') },
      value: { type: 'BINARY', data: base64('1') },
    })
    expect(JSON.parse(second ?? '')).toEqual({})
  })

  it('asks once which cluster there is', async () => {
    const produced = on(/^POST /, () => reports(good(1), good(2)))
    const { fetch, lines } = scriptedFetch(clusters, produced)
    const log = confluent({ url, fetch, produce: { url: `${url}/kafka`, api: 'v3' } })
    await log.produce('t', two)
    await log.produce('t', two)
    expect(lines()).toEqual([
      'GET /kafka/v3/clusters',
      'POST /kafka/v3/clusters/lkc-1/topics/t/records',
      'POST /kafka/v3/clusters/lkc-1/topics/t/records',
    ])
  })

  it('refuses a name of the cluster that is no text', async () => {
    const answer = () => new Response(String.raw`{"data":[{"cluster_id":"lkc-\ud800"}]}`)
    const failed = await publishing(answer, { produce: { api: 'v3' } }).failed()
    expect(failed).toMatchObject({ name: 'KedgeError', code: 'ERR_UNSUPPORTED' })
  })

  it.each([
    ['cannot be asked, as in Confluent Cloud', () => json({ error_code: 404, message: 'Not Found' }, 404)],
    ['names none', () => json({ data: [] })],
  ])('names the option when the cluster %s', async (_, answer) => {
    const failed = await publishing(answer, { produce: { api: 'v3' } }).failed()
    expect(failed).toMatchObject({
      code: 'ERR_PUBLISH',
      message: expect.stringContaining('`produce.clusterId`') as unknown,
    })
  })

  it('understands reports without anything between them, with braces inside of strings', async () => {
    const tricky = { ...good(8), message: 'say "} {', note: 'ends with \\' }
    const body = JSON.stringify(tricky) + JSON.stringify({ ...good(9), key: { type: 'BINARY', size: 1 } })
    const { log } = byV3(() => new Response(body))
    expect(await log.produce('t', two)).toEqual([
      { partition: 0, offset: 8 },
      { partition: 0, offset: 9 },
    ])
  })

  it.each([
    ['one of them was refused', reports(good(1), { error_code: 400, message: 'Bad Request: x' }), false],
    [
      'the rate limit was reached in the stream',
      reports(good(1), { error_code: 429, message: 'Too Many' }),
      true,
    ],
    ['the broker was not there', reports({ error_code: 50_302, message: 'Broker' }), true],
    ['the stream ended early', reports(good(1)), true],
    [
      'the stream broke off',
      new Response(`${JSON.stringify(good(1))}\n{"error_code":200,"partition_id":0,"off`),
      true,
    ],
    ['a report has no offset', reports(good(1), { error_code: 200, partition_id: 0 }), true],
    ['the body is empty', new Response(''), true],
    ['the body is a page', html(200), true],
    ['the body is an array', new Response('[{}]'), true],
    ['a report is not JSON', new Response('{"error_code":200,}'), true],
    ['a report says nothing', reports({}, {}), false],
    ['a report has a field of v2, and no text in it', reports({ error_code: 400, error: {} }), false],
  ])('is not acknowledged by status 200 when %s', async (_, answer, retryable) => {
    expect(await byV3(() => answer).failed()).toMatchObject({ code: 'ERR_PUBLISH', retryable })
  })

  it('says that the topic is unknown', async () => {
    const unknown = { error_code: 40_403, message: 'This server does not host this topic-partition.' }
    for (const answer of [() => json(unknown, 404), () => reports(unknown, unknown)]) {
      expect(await byV3(answer).failed()).toMatchObject({
        code: 'ERR_UNKNOWN_TOPIC',
        retryable: false,
      })
    }
  })

  it('is in doubt where only some of its records were refused, or where none of the reasons says that it was not written', async () => {
    const refused = { error_code: 40_301, message: 'Not authorized' }
    const written = { error_code: 200, partition_id: 0, offset: 4 }
    const failed = { error_code: 50_002, message: 'Kafka error' }
    const outcome = (...given: object[]) => byV3(() => reports(...given)).failed()
    expect(await outcome(refused, refused)).toMatchObject({ code: 'ERR_AUTH', retryable: false })
    for (const doubtful of [[refused, written], [refused, failed], [refused]])
      expect(await outcome(...doubtful)).toMatchObject({ code: 'ERR_PUBLISH' })
  })
})
