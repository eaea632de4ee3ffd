import { describe, expect, it } from 'vitest'
import { gateway, type GatewayOptions } from '../../../adapters/kafka/gateway.ts'
import {
  AT_ONCE,
  html,
  json,
  on,
  rejection,
  type Script,
  scriptedFetch,
  type Seen,
  silence,
  textOf,
} from './scripted-fetch.ts'
import { recordAt } from './instance-proxy.ts'

const url = 'https://gateway.example'

function bench(scripts: Script[], options: Partial<GatewayOptions> = {}) {
  const { fetch, seen, lines } = scriptedFetch(...scripts)
  return { log: gateway({ url, fetch, ...options }), seen, lines }
}

const records = (partition: number, ...offsets: number[]) =>
  json(offsets.map((offset) => recordAt(offset, partition)))
const at = (partition: number, offset: number) => ({ partition, offset })
const partition = (number: number) => new RegExp(`/partitions/${number}/records`)
const outOfRange = () => json({ error_code: 40_002, message: 'offset_out_of_range' }, 400)

describe('a stateless read', () => {
  it('names offset, timeout and bound, and the format it accepts', async () => {
    const { log, lines, seen } = bench([on(partition(0), () => records(0, 5, 6))])
    const { next } = await log.read('t', [at(0, 5)], { ...AT_ONCE, maxBytes: 1000, waitMs: 250.2 })
    expect(next).toEqual([at(0, 7)])
    expect(lines()).toEqual(['GET /topics/t/partitions/0/records?offset=5&timeout=251&max_bytes=1000'])
    expect(seen[0]?.headers.get('accept')).toBe('application/vnd.kafka.binary.v2+json')
    expect(seen[0]?.headers.has('content-type')).toBe(false)
  })

  it('drops what lies before the position: whole batches are answered', async () => {
    const { log } = bench([on(partition(0), () => records(0, 3, 4, 5, 6))])
    const found = await log.read('t', [at(0, 5)], AT_ONCE)
    expect(found.records.map(({ value }) => textOf(value))).toEqual(['v5', 'v6'])
  })

  it('drops repetitions: offsets ascend', async () => {
    const { log } = bench([on(partition(0), () => records(0, 5, 6, 6, 5, 7))])
    const found = await log.read('t', [at(0, 5)], AT_ONCE)
    expect(found.records.map(({ offset }) => offset)).toEqual([5, 6, 7])
  })

  it('takes null and missing keys and values for none', async () => {
    const { log } = bench([
      on(partition(0), () =>
        json([
          { partition: 0, offset: 0, key: null, value: null, timestamp: 5 },
          { partition: 0, offset: 1 },
        ]),
      ),
    ])
    expect((await log.read('t', [at(0, 0)], AT_ONCE)).records).toEqual([
      { partition: 0, offset: 0, key: null, value: null, timestamp: 5 },
      { partition: 0, offset: 1, key: null, value: null },
    ])
  })

  it('goes on where the gateway says, past markers of transactions', async () => {
    const { log } = bench([on(partition(0), () => json([], 200, { 'kedge-next-offset': '9' }))])
    expect((await log.read('t', [at(0, 5)], AT_ONCE)).next).toEqual([at(0, 9)])
  })

  it.each(['4', 'x', '-1', '1e99'])('goes nowhere because of a next offset of %s', async (next) => {
    const { log } = bench([on(partition(0), () => json([], 200, { 'kedge-next-offset': next }))])
    expect((await log.read('t', [at(0, 5)], AT_ONCE)).next).toEqual([at(0, 5)])
  })

  it('distinguishes a position outside of the log from an unreadable request with the same code', async () => {
    const { log } = bench([on(partition(0), outOfRange)])
    expect(await log.read('t', [at(0, 5)], AT_ONCE)).toEqual({
      records: [],
      next: [at(0, 5)],
      outOfRange: [0],
    })
    const wrong = bench([
      on(partition(0), () =>
        json({ error_code: 40_002, message: "Missing mandatory parameter 'offset'" }, 400),
      ),
    ])
    expect(await rejection(wrong.log.read('t', [at(0, 5)], AT_ONCE))).toMatchObject({ code: 'ERR_HTTP' })
  })

  it('reads each of several partitions, also when one is out of range', async () => {
    const { log, lines } = bench([on(partition(0), () => records(0, 1)), on(partition(1), outOfRange)])
    const found = await log.read('t', [at(1, 4), at(0, 1)], { ...AT_ONCE, maxBytes: 1000 })
    expect(found).toMatchObject({
      records: [{ partition: 0, offset: 1 }],
      next: [at(1, 4), at(0, 2)],
      outOfRange: [1],
    })
    expect(lines().every((line) => line.endsWith('max_bytes=500'))).toBe(true)
  })

  it('over several partitions waits for the first that has something, and gives the others up', async () => {
    let aborted = 0
    const untilAborted = ({ init: { signal } }: Seen): Promise<Response> =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          aborted++
          reject(new DOMException('aborted', 'AbortError'))
        })
      })
    const { log } = bench([
      on(/partitions\/1\/.*timeout=9000/, () => records(1, 0)),
      on(/timeout=9000/, untilAborted),
      on(/timeout=0/, () => json([])),
    ])
    const found = await log.read('t', [at(0, 0), at(1, 0)], { ...AT_ONCE, waitMs: 9000 })
    expect(found).toMatchObject({ records: [{ partition: 1, offset: 0 }], next: [at(0, 0), at(1, 1)] })
    expect(aborted).toBe(1)
  })

  it('over several partitions fails when one of them fails', async () => {
    const { log } = bench([
      on(/partitions\/1\/.*timeout=9000/, () => html(502)),
      on(/timeout=9000/, silence),
      on(/./, () => json([])),
    ])
    const failing = log.read('t', [at(0, 0), at(1, 0)], { ...AT_ONCE, waitMs: 9000 })
    expect(await rejection(failing)).toMatchObject({ code: 'ERR_HTTP', retryable: true })
  })

  it('asks for less, once, when the answer outgrows its bound', async () => {
    const big = on(/max_bytes=800$/, () => new Response(`[${' '.repeat(3000)}]`))
    const { log, lines } = bench([big, on(partition(0), () => records(0, 0))], { maxResponseBytes: 2000 })
    expect((await log.read('t', [at(0, 0)], { ...AT_ONCE, maxBytes: 800 })).next).toEqual([at(0, 1)])
    expect(lines().map((line) => line.split('max_bytes=')[1])).toEqual(['800', '50'])
    const always = bench([() => new Response(`[${' '.repeat(3000)}]`)], { maxResponseBytes: 2000 })
    expect(await rejection(always.log.read('t', [at(0, 0)], AT_ONCE))).toMatchObject({
      code: 'ERR_TOO_LARGE',
    })
    expect(always.seen).toHaveLength(2)
  })

  it.each([
    [
      '429 without a body',
      () => new Response('', { status: 429, headers: { 'retry-after': '0' } }),
      'ERR_RATE_LIMITED',
    ],
    ['an object in place of a list', () => json({ records: [] }), 'ERR_PROTOCOL'],
    ['an offset that is no number', () => json([{ ...recordAt(0), offset: '0' }]), 'ERR_PROTOCOL'],
    [
      'an unknown topic',
      () => json({ error_code: 40_402, message: 'unknown_topic_or_partition' }, 404),
      'ERR_UNKNOWN_TOPIC',
    ],
  ])('with %s is an error of its kind', async (_, answer, code) => {
    const { log } = bench([answer])
    expect(await rejection(log.read('t', [at(0, 0)], AT_ONCE))).toMatchObject({ code })
  })
})

describe('a read of the gateway', () => {
  const offsets = (id: string) =>
    on(/\/offsets$/, () => json({ beginning_offset: 0, end_offset: 9 }, 200, { 'kedge-log-id': id }))
  const gone = () => json({ error_code: 41_201, message: 'another log' }, 412)
  const queries = (lines: readonly string[]) =>
    lines.filter((line) => line.includes('/records')).map((line) => /&log=(.*)$/.exec(line)?.[1])

  it('names the log once its offsets have named it, of that topic alone', async () => {
    const { log, lines } = bench([
      offsets('a/b'),
      on(/topics\/u/, () => json([])),
      on(partition(0), () => records(0, 5)),
    ])
    await log.read('t', [at(0, 5)], AT_ONCE)
    await log.offsets('t', { partitions: [0] })
    await log.read('t', [at(0, 5)], { ...AT_ONCE, isolation: 'committed' })
    await log.read('u', [at(0, 5)], AT_ONCE)
    expect(queries(lines())).toEqual([undefined, 'a%2Fb', undefined])
    expect(lines()[2]).toContain('&isolation_level=read_committed&log=')
  })

  it('is out of range in another log, and names none until it knows it', async () => {
    let id = 'old'
    const script = on(/records/, ({ path: asked }) =>
      /log=(\w+)/.test(asked) && !asked.endsWith(`log=${id}`) ? gone() : records(0, 5),
    )
    const told = on(/offsets$/, () =>
      json({ beginning_offset: 0, end_offset: 9 }, 200, { 'kedge-log-id': id }),
    )
    const { log, lines } = bench([told, script])
    await log.offsets('t', { partitions: [0] })
    id = 'new'
    expect(await log.read('t', [at(0, 5)], AT_ONCE)).toEqual({
      records: [],
      next: [at(0, 5)],
      outOfRange: [0],
    })
    expect((await log.read('t', [at(0, 5)], AT_ONCE)).outOfRange).toEqual([])
    await log.offsets('t', { partitions: [0] })
    expect((await log.read('t', [at(0, 5)], AT_ONCE)).outOfRange).toEqual([])
    expect(queries(lines())).toEqual(['old', undefined, 'new'])
  })

  it('is out of range where an intermediary answers with the records of another log', async () => {
    const stale = on(partition(0), () => json([recordAt(5)], 200, { 'kedge-log-id': 'old' }))
    const { log } = bench([offsets('new'), stale])
    await log.offsets('t', { partitions: [0] })
    expect(await log.read('t', [at(0, 5)], AT_ONCE)).toMatchObject({ records: [], outOfRange: [0] })
  })

  it('does not take 412 for that where it has named no log', async () => {
    const { log } = bench([gone])
    expect(await rejection(log.read('t', [at(0, 5)], AT_ONCE))).toMatchObject({ code: 'ERR_HTTP' })
  })

  it('names no log while the partitions of a topic are of two', async () => {
    const each = (number: number, id: string) =>
      on(new RegExp(`partitions/${number}/offsets`), () =>
        json({ beginning_offset: 0, end_offset: 9 }, 200, { 'kedge-log-id': id }),
      )
    const { log, lines } = bench([each(0, 'old'), each(1, 'new'), on(partition(0), () => records(0, 5))])
    await log.offsets('t', { partitions: [0, 1] })
    await log.read('t', [at(0, 5)], AT_ONCE)
    expect(queries(lines())).toEqual([undefined])
  })
})

describe('what a long poll of the gateway has brought', () => {
  const named = (id: string) => [
    on(/\/offsets$/, () => json({ beginning_offset: 0, end_offset: 9 }, 200, { 'kedge-log-id': id })),
    on(/partitions\/1\/records/, () => json([recordAt(5, 1)])),
    on(partition(0), ({ path }) => records(0, ...(path.includes('offset=5&') ? [5] : [6, 7]))),
  ]
  const WAIT = { ...AT_ONCE, maxBytes: 100, waitMs: 9000 }
  const reads = (lines: readonly string[]) => lines.filter((line) => line.includes('/records')).length

  it('is not asked for again by the read that follows it, once', async () => {
    const { log, lines } = bench(named('a'))
    await log.offsets('t', { partitions: [0] })
    const rung = await log.read('t', [at(0, 5)], WAIT)
    await log.offsets('t', { partitions: [0] })
    const found = await log.read('t', [at(0, 5)], AT_ONCE)
    expect(found).toEqual(rung)
    expect(reads(lines())).toBe(1)
    expect((await log.read('t', [at(0, 6)], AT_ONCE)).next).toEqual([at(0, 8)])
    await log.read('t', [at(0, 5)], AT_ONCE)
    expect(reads(lines())).toBe(3)
  })

  it.each([
    ['another offset', () => ['t', at(0, 6), AT_ONCE] as const],
    ['another partition', () => ['t', at(1, 5), AT_ONCE] as const],
    ['another isolation', () => ['t', at(0, 5), { ...AT_ONCE, isolation: 'committed' }] as const],
    ['fewer bytes', () => ['t', at(0, 5), { ...AT_ONCE, maxBytes: 99 }] as const],
  ])('is of no use for %s', async (_, asked) => {
    const { log, lines } = bench(named('a'))
    await log.offsets('t', { partitions: [0] })
    await log.read('t', [at(0, 5)], WAIT)
    const [topic, position, how] = asked()
    await log.read(topic, [position], how)
    expect(reads(lines())).toBe(2)
  })

  it('is of no use once the topic is another log, or where the log has no name', async () => {
    let id: string | undefined = 'old'
    const told = on(/\/offsets$/, () =>
      json({ beginning_offset: 0, end_offset: 9 }, 200, id === undefined ? {} : { 'kedge-log-id': id }),
    )
    const { log, lines } = bench([told, on(partition(0), () => records(0, 5))])
    await log.offsets('t', { partitions: [0] })
    await log.read('t', [at(0, 5)], WAIT)
    id = 'new'
    await log.offsets('t', { partitions: [0] })
    await log.read('t', [at(0, 5)], AT_ONCE)
    expect(reads(lines())).toBe(2)
    id = undefined
    const other = bench([told, on(partition(0), () => records(0, 5))])
    await other.log.offsets('t', { partitions: [0] })
    for (const how of [WAIT, AT_ONCE]) await other.log.read('t', [at(0, 5)], how)
    expect(reads(other.lines())).toBe(2)
  })

  it('is not given to a caller that has aborted', async () => {
    const { log } = bench(named('a'))
    await log.offsets('t', { partitions: [0] })
    await log.read('t', [at(0, 5)], WAIT)
    const gone = { ...AT_ONCE, signal: AbortSignal.abort('gone') }
    await expect(log.read('t', [at(0, 5)], gone)).rejects.toBe('gone')
  })
})

describe('offsets from the gateway', () => {
  it('carry the identity of the log', async () => {
    const { log } = bench([
      () => json({ beginning_offset: 1, end_offset: 2 }, 200, { 'kedge-log-id': 'abc' }),
    ])
    expect(await log.offsets('t', { partitions: [3] })).toEqual([
      { partition: 3, beginning: 1, end: 2, logId: 'abc' },
    ])
  })
})

describe('a gateway that another log writes for', () => {
  it('sends its records there, and none to the gateway', async () => {
    const written: unknown[] = []
    let closed = 0
    const produce = {
      produce: async (...call: unknown[]) => {
        written.push(call)
        return [at(0, 7)]
      },
      close: async () => void closed++,
    }
    const { log, lines } = bench([], { produce })
    const { signal } = new AbortController()
    const sent = [{ key: null, value: new Uint8Array([1]) }]
    expect(await log.produce('t', sent, { signal })).toEqual([at(0, 7)])
    expect(written).toEqual([['t', sent, { signal }]])
    expect(lines()).toEqual([])
    await log.close?.()
    expect(closed).toBe(1)
  })
})
