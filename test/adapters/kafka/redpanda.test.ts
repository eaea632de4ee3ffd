import { describe, expect, it } from 'vitest'
import { redpanda, type RedpandaOptions } from '../../../adapters/kafka/redpanda.ts'
import { asFetch } from './replay/fake-proxy.ts'
import { FakeRedpanda } from './replay/fake-redpanda.ts'
import { AT_ONCE, json, on, rejection, scriptedFetch, textOf, utf8 } from './scripted-fetch.ts'

const url = 'https://proxy.test'
const record = (value: string, partition?: number) => ({
  key: utf8('k'),
  value: utf8(value),
  ...(partition === undefined ? {} : { partition }),
})

function bench(options: Partial<RedpandaOptions> = {}) {
  const proxy = new FakeRedpanda()
  proxy.log.createTopic('t', { partitions: 3 })
  const lines: string[] = []
  const connect = () => redpanda({ url, fetch: asFetch(proxy.handle, lines), ...options })
  return { proxy, lines, connect, log: connect() }
}

describe('redpanda()', () => {
  it('works out the position of each record from the first of its partition', async () => {
    const { log } = bench()
    await log.produce('t', [record('a', 1)])
    const positions = await log.produce('t', [record('b', 1), record('c', 0), record('d', 1)])
    expect(positions).toEqual([
      { partition: 1, offset: 1 },
      { partition: 0, offset: 0 },
      { partition: 1, offset: 2 },
    ])
  })

  it('sends records that name no partition one by one, in order', async () => {
    const { proxy, log, lines } = bench()
    const positions = await log.produce('t', [
      record('a', 0),
      record('b', 0),
      record('c'),
      record('d'),
      record('e', 0),
    ])
    expect(lines).toHaveLength(4)
    for (const [at, { partition, offset }] of positions.entries()) {
      const found = proxy.log.read('t', { partition, offset }, { maxBytes: 1 })?.records[0]
      expect(textOf(found?.value)).toBe('abcde'[at])
    }
  })

  it('leaves out what is null, and sends nothing that the proxy does not know', async () => {
    const { fetch, seen } = scriptedFetch(
      on('POST /topics/t', () => json({ offsets: [{ partition: 0, offset: 4 }] })),
    )
    await redpanda({ url, fetch }).produce('t', [
      { key: null, value: null, partition: 0, headers: { a: 'b' } },
    ])
    expect(seen[0]?.body).toEqual({ records: [{ partition: 0 }] })
  })

  it.each([
    [3, 'ERR_UNKNOWN_TOPIC', false],
    [6, 'ERR_HTTP', true],
    [10, 'ERR_TOO_LARGE', false],
    [19, 'ERR_HTTP', true],
    [29, 'ERR_AUTH', false],
    [30, 'ERR_AUTH', false],
    [31, 'ERR_AUTH', false],
    [53, 'ERR_AUTH', false],
    [58, 'ERR_AUTH', false],
    [65, 'ERR_AUTH', false],
    [-1, 'ERR_HTTP', false],
  ])("knows Kafka's code %i inside of a 200", async (code, cause, retryable) => {
    const { fetch } = scriptedFetch(
      on('POST /topics/t', () => json({ offsets: [{ partition: 0, error_code: code, offset: -1 }] })),
    )
    const error = await rejection(redpanda({ url, fetch }).produce('t', [record('a', 0)]))
    const known = cause === 'ERR_HTTP' ? { code: 'ERR_PUBLISH', cause: { code: cause } } : { code: cause }
    expect(error).toMatchObject({ ...known, retryable })
  })

  it('is in doubt where it refused the records of one partition, or of a later request, alone', async () => {
    const refused = { partition: 1, error_code: 29, offset: -1 }
    const answers = [[{ partition: 0, offset: 4 }, refused], [{ partition: 0, offset: 4 }], [refused]]
    const { fetch, seen } = scriptedFetch(
      on('POST /topics/t', () => json({ offsets: answers[seen.length - 1] })),
    )
    const log = redpanda({ url, fetch })
    const doubt = { code: 'ERR_PUBLISH', retryable: false, cause: { code: 'ERR_AUTH' } }
    expect(await rejection(log.produce('t', [record('a', 0), record('b', 1)]))).toMatchObject(doubt)
    expect(await rejection(log.produce('t', [record('a'), record('b')]))).toMatchObject(doubt)
    expect(seen).toHaveLength(3)
  })

  it.each([
    [{ offsets: [] }],
    [{ offsets: [{ partition: 0, offset: -1 }] }],
    [{ offsets: [{ partition: 1, offset: 5 }] }],
    [{ offsets: [{ partition: 0 }] }],
    [{ offsets: [3, 4].map((offset) => ({ partition: 0, offset })) }],
  ])('takes %j for no acknowledgement', async (answer) => {
    const { fetch } = scriptedFetch(on('POST /topics/t', () => json(answer)))
    const error = await rejection(redpanda({ url, fetch }).produce('t', [record('a', 0)]))
    expect(error).toMatchObject({ code: 'ERR_PUBLISH' })
  })

  it('proves the end by the refusal behind it, before it asks for the end itself', async () => {
    const { log, lines } = bench()
    await log.produce('t', [record('a', 0), record('b', 0)])
    await log.offsets('t', { partitions: [0] })
    lines.length = 0
    expect(await log.offsets('t', { partitions: [0] })).toEqual([{ partition: 0, beginning: 0, end: 2 }])
    const at = (offset: number) => `GET /topics/t/partitions/0/records?offset=${offset}&timeout=0&max_bytes=1`
    expect(lines).toEqual([at(3), at(2), at(0)])
  })

  it('does not take an empty answer for the end', async () => {
    // A consumer that warms up: nothing is returned, although offsets up to 5 are there.
    const { fetch } = scriptedFetch((request) => {
      const offset = Number(new URL(request.path, url).searchParams.get('offset'))
      return offset > 5 ? json({ error_code: 40_002, message: 'offset_out_of_range' }, 400) : json([])
    })
    const log = redpanda({ url, fetch })
    expect(await log.offsets('t', { partitions: [0] })).toEqual([{ partition: 0, beginning: 0, end: 5 }])
  })

  it('finds a log that no longer begins at 0 by a heartbeat', async () => {
    const { proxy, connect } = bench()
    for (let n = 0; n < 50; n++) proxy.log.append('t', { key: null, value: utf8('x'), partition: 0 })
    proxy.log.truncate('t', 0, 30)
    const found = await connect().offsets('t', { partitions: [0] })
    expect(found).toEqual([{ partition: 0, beginning: 30, end: 51 }])
    const beat = proxy.log.read('t', { partition: 0, offset: 50 }, { maxBytes: 1 })?.records[0]
    expect(JSON.parse(textOf(beat?.value) ?? '')).toMatchObject({ v: 1, op: 'beat' })
  })

  it('writes nothing where that is not allowed, and says so', async () => {
    const { proxy, log } = bench({ marker: false })
    for (let n = 0; n < 50; n++) proxy.log.append('t', { key: null, value: utf8('x'), partition: 0 })
    proxy.log.truncate('t', 0, 30)
    const error = await rejection(log.offsets('t', { partitions: [0] }))
    expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED', message: expect.stringContaining('`marker`') })
    expect(proxy.log.offsets('t', 0).end).toBe(50)
  })

  it('follows a topic that was recreated', async () => {
    const { proxy, log } = bench()
    await log.produce(
      't',
      Array.from({ length: 9 }, () => record('a', 0)),
    )
    await log.offsets('t', { partitions: [0] })
    proxy.log.recreateTopic('t')
    expect(await log.offsets('t', { partitions: [0] })).toEqual([{ partition: 0, beginning: 0, end: 0 }])
  })

  it.each([1, 2, 3, 5, 8, 13])('counts %i partitions', async (partitions) => {
    const { proxy, log } = bench()
    proxy.log.createTopic('many', { partitions })
    expect(await log.offsets('many')).toHaveLength(partitions)
  })

  it('takes no end from a page of HTML that an intermediary answers with', async () => {
    const { proxy } = bench()
    for (let n = 0; n < 5; n++) proxy.log.append('t', { ...record('v'), partition: 0 })
    let asked = 0
    const page: typeof proxy.handle = (request) =>
      request.method === 'GET' && ++asked % 3 === 0
        ? { status: 200, type: 'text/html', body: '<html>one moment</html>' }
        : proxy.handle(request)
    const log = redpanda({ url, fetch: asFetch(page) })
    expect(await rejection(log.offsets('t', { partitions: [0] }))).toMatchObject({
      code: 'ERR_PROTOCOL',
      retryable: true,
    })
  })

  it('refuses offsets that a cache on the way has kept', async () => {
    const { fetch } = scriptedFetch(on(/records/, () => json([], 200, { age: '3' })))
    const error = await rejection(redpanda({ url, fetch }).offsets('t', { partitions: [0] }))
    expect(error).toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it('drops the records of a batch that lie before the position', async () => {
    const { log } = bench()
    await log.produce('t', [record('a', 0), record('b', 0), record('c', 0)])
    const { records, next } = await log.read('t', [{ partition: 0, offset: 2 }], AT_ONCE)
    expect(records.map(({ value }) => textOf(value))).toEqual(['c'])
    expect(next).toEqual([{ partition: 0, offset: 3 }])
  })

  it('reads uncommitted, and does not ask for anything else', async () => {
    const { log, lines } = bench()
    await log.read('t', [{ partition: 0, offset: 0 }], { ...AT_ONCE, isolation: 'committed' })
    expect(lines).toEqual(['GET /topics/t/partitions/0/records?offset=0&timeout=0&max_bytes=1000000'])
  })

  it('asks to be tried again when the proxy is overloaded', async () => {
    const { fetch } = scriptedFetch(
      on(/records/, () => new Response(null, { status: 429, headers: { 'retry-after': '0' } })),
    )
    const error = await rejection(redpanda({ url, fetch }).offsets('t', { partitions: [0] }))
    expect(error).toMatchObject({ code: 'ERR_RATE_LIMITED', retryable: true, retryAfterMs: 0 })
  })

  it('refuses options that it does not have', () => {
    expect(() => redpanda({ url, group: 'g' } as unknown as RedpandaOptions)).toThrow(
      '`group` is not an option',
    )
    expect(() => redpanda({ url, marker: 1 } as unknown as RedpandaOptions)).toThrow('`marker`')
  })
})
