import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { upstash, type UpstashOptions } from '../../../adapters/kafka/upstash.ts'
import { fromText, toText } from '../../../adapters/kafka/upstash/text.ts'
import {
  AT_ONCE,
  html,
  json,
  on,
  rejection,
  type Script,
  scriptedFetch,
  silence,
  textOf,
  utf8,
} from './scripted-fetch.ts'

const url = 'https://kafka.example'
const at = (partition: number, offset: number) => ({ partition, offset })
const message = (partition: number, offset: number, value = `v${offset}`, key = 'k') => ({
  topic: 't',
  partition,
  offset,
  timestamp: 7,
  key,
  value,
  headers: [],
})

function bench(scripts: Script[], options: Partial<UpstashOptions> = {}) {
  const { fetch, seen, lines } = scriptedFetch(...scripts)
  return { log: upstash({ url, username: 'jö', password: 'sup3r', fetch, ...options }), seen, lines }
}

const bounds = (beginning: number, end: number): Script[] => [
  on('POST /offsets/earliest', ({ body }) =>
    json((body as object[]).map((one) => ({ ...one, offset: beginning }))),
  ),
  on('POST /offsets/latest', ({ body }) => json((body as object[]).map((one) => ({ ...one, offset: end })))),
]

describe('upstash()', () => {
  it('produces as the package would, by our transport', async () => {
    const { log, seen, lines } = bench([() => json([{ topic: 't', partition: 1, offset: 4, timestamp: 7 }])])
    const record = { key: utf8('k'), value: utf8('{"v":1}'), partition: 1, headers: { trace: 'ü' } }
    expect(await log.produce('t', [record])).toEqual([at(1, 4)])
    expect(lines()).toEqual(['POST /produce'])
    expect(seen[0]?.body).toEqual([
      { topic: 't', key: 'k', value: '{"v":1}', partition: 1, headers: [{ key: 'trace', value: 'ü' }] },
    ])
    expect(seen[0]?.headers.get('content-type')).toBe('application/json')
    // In UTF-8, which the package itself would spoil.
    expect(seen[0]?.headers.get('authorization')).toBe(`Basic ${btoa('jÃ¶:sup3r')}`)
    expect(seen[0]?.init.signal).toBeInstanceOf(AbortSignal)
  })

  it.each([
    [
      'tells headers',
      [
        { key: 'a', value: 'ü' },
        { key: 'b', value: '' },
      ],
      [
        ['a', 'ü'],
        ['b', ''],
      ],
    ],
    ['tells none where there are none', [], undefined],
    ['passes over headers that are none', { trace: 'a' }, undefined],
    ['passes over a header that is none', [null, 'a', { key: 7, value: 'a' }, { key: 'a' }], undefined],
    [
      'bounds them',
      [
        { key: 'a', value: 'x'.repeat(4097) },
        { key: 'b', value: 'x' },
      ],
      [['b', 'x']],
    ],
  ])('%s', async (_, headers, told) => {
    const { log } = bench([() => json([{ ...message(0, 0), headers }])])
    const { records } = await log.read('t', [at(0, 0)], AT_ONCE)
    expect(records[0]?.headers?.map(([name, value]) => [name, textOf(value)])).toEqual(told)
  })

  it.each([
    [401, 'ERR_AUTH'],
    [429, 'ERR_RATE_LIMITED'],
    [500, 'ERR_PUBLISH'],
    [503, 'ERR_PUBLISH'],
  ])('sends a request once, also when the answer is %i', async (status, code) => {
    const { log, seen } = bench([() => html(status)])
    expect(await rejection(log.produce('t', [{ key: null, value: null }]))).toMatchObject({ code })
    expect(await rejection(log.read('t', [at(0, 0)], AT_ONCE))).toMatchObject({ name: 'KedgeError' })
    expect(seen).toHaveLength(2)
  })

  it.each([
    ['an offset is missing', [{ topic: 't', partition: 0 }]],
    ['an offset is -1', [{ topic: 't', partition: 0, offset: -1 }]],
    ['there are too few', []],
    ['it is something else', { error: 'no' }],
    ['it has a field of another API, and no text in it', [{ error_code: 2, message: {} }]],
  ])('does not take an answer for an acknowledgement where %s', async (_, answer) => {
    const { log } = bench([() => json(answer)])
    expect(await rejection(log.produce('t', [{ key: null, value: null }]))).toMatchObject({
      code: 'ERR_PUBLISH',
    })
  })

  it('rejects with the reason of an abort, although the package knows none', async () => {
    const controller = new AbortController()
    const { log, seen } = bench([silence])
    const reading = rejection(log.read('t', [at(0, 0)], { ...AT_ONCE, signal: controller.signal }))
    await vi.waitFor(() => expect(seen).toHaveLength(1))
    controller.abort('enough')
    expect(await reading).toBe('enough')
    expect(seen[0]?.init.signal?.aborted).toBe(true)
  })

  it('encodes what the package would put into a path as it is', async () => {
    const { log } = bench([() => json({ error: 'x', status: 404 }, 404)])
    expect(await rejection(log.offsets('../admin'))).toMatchObject({ code: 'ERR_HTTP' })
  })

  it('reads all partitions with one request', async () => {
    const { log, seen, lines } = bench([
      on('POST /fetch', () => json([message(0, 3), message(1, 8), message(1, 9)])),
    ])
    const found = await log.read('t', [at(0, 3), at(1, 8)], { ...AT_ONCE, waitMs: 20.5 })
    expect(lines()).toEqual(['POST /fetch'])
    expect(seen[0]?.body).toEqual({
      topicPartitionOffsets: [
        { topic: 't', partition: 0, offset: 3 },
        { topic: 't', partition: 1, offset: 8 },
      ],
      timeout: 21,
    })
    expect(found.next).toEqual([at(0, 4), at(1, 10)])
    expect(found.records[0]).toEqual({
      partition: 0,
      offset: 3,
      key: utf8('k'),
      value: utf8('v3'),
      timestamp: 7,
    })
  })

  it('takes an empty key for none', async () => {
    const { log } = bench([on('POST /fetch', () => json([message(0, 0, 'v', '')]))])
    expect((await log.read('t', [at(0, 0)], AT_ONCE)).records[0]?.key).toBe(null)
  })

  it('looks silence up in the bounds: the position may lie outside of the log', async () => {
    const silent = on('POST /fetch', () => json([]))
    const outside = { records: [], outOfRange: [0] }
    expect(await bench([silent, ...bounds(5, 9)]).log.read('t', [at(0, 4)], AT_ONCE)).toMatchObject(outside)
    expect(await bench([silent, ...bounds(5, 9)]).log.read('t', [at(0, 10)], AT_ONCE)).toMatchObject(outside)
    const inside = await bench([silent, ...bounds(5, 9)]).log.read('t', [at(0, 9)], AT_ONCE)
    expect(inside).toEqual({ records: [], next: [at(0, 9)], outOfRange: [] })
  })

  it('looks a jump up in the bounds: records may be lost', async () => {
    const jumps = on('POST /fetch', () => json([message(0, 5), message(0, 6)]))
    const lost = await bench([jumps, ...bounds(5, 7)]).log.read('t', [at(0, 2)], AT_ONCE)
    expect(lost).toEqual({ records: [], next: [at(0, 2)], outOfRange: [0] })
    const compacted = await bench([jumps, ...bounds(0, 7)]).log.read('t', [at(0, 2)], AT_ONCE)
    expect(compacted).toMatchObject({ records: [{ offset: 5 }, { offset: 6 }], outOfRange: [] })
  })

  it('understands an error that says so', async () => {
    const says = on('POST /fetch', () => json({ error: 'Offset out of range', status: 400 }, 400))
    const { log } = bench([says, ...bounds(5, 9)])
    expect(await log.read('t', [at(0, 1)], AT_ONCE)).toMatchObject({ records: [], outOfRange: [0] })
  })

  it('cuts what is more than was asked for, and reads on from there', async () => {
    const { log } = bench([on('POST /fetch', () => json([message(0, 0), message(0, 1), message(0, 2)]))])
    expect(await log.read('t', [at(0, 0)], { ...AT_ONCE, maxBytes: 6 })).toMatchObject({
      records: [{ offset: 0 }, { offset: 1 }],
      next: [at(0, 2)],
    })
    expect((await log.read('t', [at(0, 0)], { ...AT_ONCE, maxBytes: 1 })).next).toEqual([at(0, 1)])
  })

  it.each([
    ['of another topic', [{ ...message(0, 0), topic: 'other' }]],
    ['of another partition', [message(3, 0)]],
    ['without an offset', [{ ...message(0, 0), offset: null }]],
    ['with a value that is no text', [{ ...message(0, 0), value: { a: 1 } }]],
    ['that are no list', { messages: [] }],
  ])('refuses records %s', async (_, answer) => {
    const { log } = bench([on('POST /fetch', () => json(answer))])
    expect(await rejection(log.read('t', [at(0, 0)], AT_ONCE))).toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it('refuses a page in place of JSON', async () => {
    const { log } = bench([() => html(200)])
    expect(await rejection(log.read('t', [at(0, 0)], AT_ONCE))).toMatchObject({
      code: 'ERR_PROTOCOL',
      retryable: true,
    })
  })

  it('asks for the number of partitions only where none are named', async () => {
    const { log, lines } = bench([on('GET /topics', () => json({ t: 2, other: 9 })), ...bounds(1, 4)])
    expect(await log.offsets('t')).toEqual([
      { partition: 0, beginning: 1, end: 4 },
      { partition: 1, beginning: 1, end: 4 },
    ])
    expect(await log.offsets('t', { partitions: [1] })).toEqual([{ partition: 1, beginning: 1, end: 4 }])
    expect(lines()).toEqual([
      'GET /topics',
      'POST /offsets/earliest',
      'POST /offsets/latest',
      'POST /offsets/earliest',
      'POST /offsets/latest',
    ])
  })

  it.each(['absent', 'toString', '__proto__'])('knows no topic called %s', async (topic) => {
    const { log } = bench([on('GET /topics', () => new Response('{"t":1,"__proto__":1}'))])
    expect(await rejection(log.offsets(topic))).toMatchObject({ code: 'ERR_UNKNOWN_TOPIC', retryable: false })
  })

  it('never ends before it begins, although the two are sampled one after the other', async () => {
    const { log } = bench(bounds(6, 4))
    expect(await log.offsets('t', { partitions: [0] })).toEqual([{ partition: 0, beginning: 6, end: 6 }])
  })

  it('refuses offsets that leave a partition out', async () => {
    const { log } = bench([on(/^POST \/offsets/, () => json([{ topic: 'other', partition: 0, offset: 1 }]))])
    expect(await rejection(log.offsets('t', { partitions: [0] }))).toMatchObject({ code: 'ERR_PROTOCOL' })
  })
})

describe('the package that upstash() stands on', () => {
  afterEach(() => {
    vi.doUnmock('@upstash/kafka')
    vi.resetModules()
  })

  const used = async () => {
    const { upstash: fresh } = await import('../../../adapters/kafka/upstash.ts')
    return rejection(fresh({ url, username: 'me', password: 'x' }).offsets('t', { partitions: [0] }))
  }

  it('is refused where its parts are elsewhere: nothing would be sent by our transport', async () => {
    vi.resetModules()
    vi.doMock('@upstash/kafka', () => ({
      Kafka: class {
        transport = 'elsewhere'
      },
    }))
    expect(await used()).toMatchObject({
      code: 'ERR_UNSUPPORTED',
      retryable: false,
      message: 'this version of `@upstash/kafka` is not supported: install 1.3.5',
    })
  })

  it('is asked for when it is used: where it is not installed, the error names it', async () => {
    vi.resetModules()
    vi.doMock('@upstash/kafka', () => {
      throw new Error('Cannot find package')
    })
    expect(await used()).toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message: '`@upstash/kafka` cannot be imported: npm install @upstash/kafka',
    })
  })
})

describe('a deadline of upstash()', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('comes after the wait of a long poll', async () => {
    const { log } = bench([silence], { requestTimeout: '1s' })
    const reading = rejection(log.read('t', [at(0, 0)], { ...AT_ONCE, waitMs: 500 }))
    await vi.advanceTimersByTimeAsync(1499)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await reading).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
    // The caller hears of it some microtasks before the call has tidied up.
    for (let turn = 0; turn < 20 && vi.getTimerCount() > 0; turn++) await Promise.resolve()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('bytes as text', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect([...fromText(toText(bytes))]).toEqual([...bytes])
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect([...fromText(toText(utf8(text)))]).toEqual([...utf8(text)])
      }),
    )
  })

  it('are readable where they are text', () => {
    expect(toText(utf8('{"op":"evict","keys":["ü"]}'))).toBe('{"op":"evict","keys":["ü"]}')
    expect(toText(new Uint8Array([0x1f, 0x8b]))).toBe('kedge-base64:H4s=')
  })

  it('that look like the mark are marked', () => {
    const tricky = utf8('kedge-base64:H4s=')
    expect(fromText(toText(tricky))).toEqual(tricky)
    expect(textOf(fromText('kedge-base64:***'))).toBe('kedge-base64:***')
  })
})
