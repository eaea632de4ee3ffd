import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { confluent, type ConfluentOptions } from '../../../adapters/kafka/confluent.ts'
import type { ReadOptions } from '../../../src/ports/kafka-log.ts'
import { InstanceProxy, recordAt } from './instance-proxy.ts'
import { AT_ONCE, html, json, rejection, scriptedFetch, silence, textOf } from './scripted-fetch.ts'

const url = 'https://proxy.example'

function bench(options: Partial<ConfluentOptions> = {}) {
  const proxy = new InstanceProxy()
  const { fetch, seen, lines } = scriptedFetch(proxy.script)
  const log = confluent({ url, fetch, ...options })
  const read = (offset: number, how: Partial<ReadOptions> = {}) =>
    log.read('t', [{ partition: 0, offset }], { ...AT_ONCE, ...how })
  /** The values found, and where to go on. */
  const values = async (offset: number, how: Partial<ReadOptions> = {}) => {
    const { records, next } = await read(offset, how)
    return [records.map(({ value }) => textOf(value)), next[0]?.offset]
  }
  /** What was asked since the last look, without base path. */
  let looked = 0
  const asked = () => {
    const now = lines().slice(looked)
    looked = lines().length
    return now
  }
  return { proxy, log, seen, read, values, asked }
}

const OFFSETS = 'GET /topics/t/partitions/0/offsets'
const instance = (id: number) => `/consumers/kedge/instances/i-${id}`
const poll = (id: number, maxBytes = 1_000_000) =>
  `GET ${instance(id)}/records?timeout=1000&max_bytes=${maxBytes}`
const opening = (id: number) => [
  'POST /consumers/kedge',
  `POST ${instance(id)}/assignments`,
  `POST ${instance(id)}/positions`,
]

describe('a read over consumer instances', () => {
  it('makes none while there is nothing to read', async () => {
    const { proxy, log, values, asked } = bench()
    proxy.end = 3
    expect(await log.offsets('t', { partitions: [0] })).toEqual([{ partition: 0, beginning: 0, end: 3 }])
    expect(await values(3)).toEqual([[], 3])
    expect(asked()).toEqual([OFFSETS, OFFSETS])
  })

  it('assigns and seeks: no subscription, no commit, the binary format', async () => {
    const { proxy, values, asked, seen } = bench()
    proxy.end = 3
    expect(await values(1)).toEqual([['v1', 'v2'], 3])
    expect(asked()).toEqual([OFFSETS, ...opening(1), poll(1)])
    expect(seen.slice(1, 4).map(({ body }) => body)).toEqual([
      {
        format: 'binary',
        'auto.offset.reset': 'none',
        'auto.commit.enable': 'false',
        'fetch.min.bytes': 0,
        'consumer.request.timeout.ms': 1000,
      },
      { partitions: [{ topic: 't', partition: 0 }] },
      { offsets: [{ topic: 't', partition: 0, offset: 1 }] },
    ])
    expect(seen.slice(1, 4).map(({ headers }) => headers.get('content-type'))).toEqual(
      Array(3).fill('application/vnd.kafka.v2+json'),
    )
  })

  it('goes on with one request after the offsets were asked for', async () => {
    const { proxy, log, values, asked } = bench()
    proxy.end = 2
    await values(0)
    proxy.end = 4
    asked()
    await log.offsets('t', { partitions: [0] })
    expect(await values(2)).toEqual([['v2', 'v3'], 4])
    expect(asked()).toEqual([OFFSETS, poll(1)])
  })

  it('does not skip records of a poll that an intermediary has repeated', async () => {
    const { proxy, values, asked } = bench()
    proxy.end = 3
    await values(0)
    asked()
    // The second of the two polls, whose answer gets lost.
    proxy.instances.get('i-1')!.position = 4
    proxy.end = 5
    expect(await values(3)).toEqual([['v3', 'v4'], 5])
    expect(asked()).toEqual([OFFSETS, poll(1), `DELETE ${instance(1)}`, ...opening(2), poll(2)])
    await vi.waitFor(() => expect([...proxy.instances.keys()]).toEqual(['i-2']))
  })

  it('from another place moves its instance there: three requests, and no new consumer', async () => {
    const { proxy, values, asked } = bench()
    proxy.end = 4
    await values(2)
    asked()
    expect(await values(0)).toEqual([['v0', 'v1', 'v2', 'v3'], 4])
    expect(asked()).toEqual([OFFSETS, `POST ${instance(1)}/positions`, poll(1)])
    expect([...proxy.instances.keys()]).toEqual(['i-1'])
  })

  it('takes another instance where a seek has left records of the old place in the queue', async () => {
    const { proxy, values, asked } = bench()
    proxy.end = 4
    await values(2)
    asked()
    proxy.fault(/records/, () => json([recordAt(3), recordAt(0), recordAt(1), recordAt(2), recordAt(3)]))
    expect(await values(0)).toEqual([['v0', 'v1', 'v2', 'v3'], 4])
    expect(asked()).toEqual([
      OFFSETS,
      `POST ${instance(1)}/positions`,
      poll(1),
      `DELETE ${instance(1)}`,
      ...opening(2),
      poll(2),
    ])
  })

  it('uses bounds that were sampled before once, and then asks again', async () => {
    const { proxy, log, values, asked } = bench()
    proxy.end = 4
    await log.offsets('t', { partitions: [0] })
    await values(2)
    asked()
    await values(1)
    expect(asked()[0]).toBe(OFFSETS)
  })

  it('lists the partitions where none are named', async () => {
    const { proxy, log, asked } = bench()
    proxy.end = 1
    expect(await log.offsets('t')).toEqual([{ partition: 0, beginning: 0, end: 1 }])
    expect(asked()).toEqual(['GET /topics/t', OFFSETS])
  })
})

describe('an instance that is gone', () => {
  it('is made again, where the caller stands', async () => {
    const { proxy, values, asked } = bench()
    proxy.end = 2
    await values(0)
    proxy.end = 3
    proxy.expireAll()
    asked()
    expect(await values(2)).toEqual([['v2'], 3])
    expect(asked()).toEqual([OFFSETS, poll(1), ...opening(2), poll(2)])
  })

  it('is made again only once: then the error says so', async () => {
    const { proxy, read, asked } = bench()
    proxy.end = 1
    const gone = () => json({ error_code: 40_403, message: 'Consumer instance not found.' }, 404)
    proxy.fault(/assignments/, gone, 5)
    expect(await rejection(read(0))).toMatchObject({ code: 'ERR_HTTP', retryable: true })
    expect(asked().filter((line) => line === 'POST /consumers/kedge')).toHaveLength(2)
  })

  it('differs from a partition that is not there, which has the same code', async () => {
    const { proxy, read, asked } = bench()
    proxy.end = 1
    const message = 'This server does not host this topic-partition.'
    proxy.fault(/records/, () => json({ error_code: 40_403, message }, 404))
    expect(await rejection(read(0))).toMatchObject({ code: 'ERR_UNKNOWN_TOPIC', retryable: false })
    expect(asked().filter((line) => line === 'POST /consumers/kedge')).toHaveLength(1)
  })

  it('is one that lost its assignment as well', async () => {
    const { proxy, values } = bench()
    proxy.end = 1
    const message = 'Illegal state: No current assignment for partition t-0'
    proxy.fault(/positions/, () => json({ error_code: 40_903, message }, 409))
    expect(await values(0)).toEqual([['v0'], 1])
  })
})

describe('after a failed poll', () => {
  it.each([
    ['an error', () => html(502), { code: 'ERR_HTTP', retryable: true }],
    ['a lost answer', () => Promise.reject(new TypeError('reset')), { code: 'ERR_NETWORK', retryable: true }],
    ['a page', () => html(200), { code: 'ERR_PROTOCOL', retryable: true }],
    ['another partition', () => json([recordAt(0, 5)]), { code: 'ERR_PROTOCOL' }],
    ['another topic', () => json([recordAt(0, 0, 'other')]), { code: 'ERR_PROTOCOL' }],
    ['what is not base64', () => json([{ ...recordAt(2), value: '***' }]), { code: 'ERR_PROTOCOL' }],
    ['an embedded value', () => json([{ ...recordAt(2), value: { a: 1 } }]), { code: 'ERR_PROTOCOL' }],
  ])('with %s the instance is given up, and the next read begins where it says', async (_, answer, error) => {
    const { proxy, read, values, asked } = bench()
    proxy.end = 2
    await values(0)
    proxy.end = 4
    // The instance moves on, whatever becomes of its answer.
    proxy.fault(/records/, (request) => {
      void proxy.script({ ...request })
      return answer()
    })
    expect(await rejection(read(2))).toMatchObject(error)
    asked()
    expect(await values(2)).toEqual([['v2', 'v3'], 4])
    expect(asked()).toEqual([OFFSETS, ...opening(2), poll(2)])
    expect([...proxy.instances.keys()]).toEqual(['i-2'])
  })

  it('that was aborted the next read begins where it says', async () => {
    const { proxy, read, values } = bench()
    proxy.end = 2
    await values(0)
    proxy.end = 4
    const controller = new AbortController()
    const reason = { enough: true }
    proxy.fault(/records/, () => {
      controller.abort(reason)
      return silence()
    })
    expect(await rejection(read(2, { signal: controller.signal }))).toBe(reason)
    expect(await values(2)).toEqual([['v2', 'v3'], 4])
  })

  it('that was aborted while it was opened, the next read opens it further', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const { proxy, read, values, asked } = bench()
    proxy.end = 2
    const controller = new AbortController()
    proxy.fault(/positions/, () => {
      controller.abort(new Error('too late'))
      return Promise.reject(controller.signal.reason as Error)
    })
    expect(await rejection(read(0, { signal: controller.signal }))).toBe(controller.signal.reason)
    expect(asked()).toEqual([OFFSETS, ...opening(1)])
    await new Promise((resolve) => setImmediate(resolve))
    vi.setSystemTime(Date.now() + 600)
    expect(await values(0)).toEqual([['v0', 'v1'], 2])
    expect(asked()).toEqual([OFFSETS, `POST ${instance(1)}/positions`, poll(1)])
  })

  it('that was aborted is not moved while the poll may go on in the proxy; after that it is', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const { proxy, read, values, asked } = bench()
    proxy.end = 2
    const controller = new AbortController()
    proxy.fault(/records/, () => {
      controller.abort(new Error('too late'))
      return Promise.reject(controller.signal.reason as Error)
    })
    expect(await rejection(read(0, { signal: controller.signal }))).toBe(controller.signal.reason)
    await new Promise((resolve) => setImmediate(resolve))
    asked()
    vi.setSystemTime(Date.now() + 1)
    expect(await values(0)).toEqual([['v0', 'v1'], 2])
    expect(asked()).toContain('POST /consumers/kedge')
    const second = new AbortController()
    proxy.end = 3
    proxy.fault(/records/, () => {
      second.abort(new Error('too late'))
      return Promise.reject(second.signal.reason as Error)
    })
    expect(await rejection(read(2, { signal: second.signal }))).toBe(second.signal.reason)
    await new Promise((resolve) => setImmediate(resolve))
    asked()
    vi.setSystemTime(Date.now() + 1501)
    expect(await values(2)).toEqual([['v2'], 3])
    expect(asked()).toEqual([OFFSETS, `POST ${instance(2)}/positions`, poll(2)])
  })
})

describe('an empty poll', () => {
  it('does not count while the bounds say otherwise', async () => {
    const { proxy, values } = bench()
    proxy.end = 2
    proxy.fault(/records/, () => json([]), 2)
    expect(await values(0)).toEqual([['v0', 'v1'], 2])
  })

  it('of a record as large as `max_bytes` is asked for again with more', async () => {
    const { proxy, values, asked } = bench()
    proxy.end = 2
    expect(await values(0, { maxBytes: 3 })).toEqual([['v0', 'v1'], 2])
    expect(asked().slice(-2)).toEqual([poll(1, 3), poll(1, 65_536)])
  })

  it('again and again is answered as it is: nothing was read', async () => {
    const { proxy, values, asked } = bench()
    proxy.end = 2
    proxy.fault(/records/, () => json([]), 100)
    expect(await values(0)).toEqual([[], 0])
    expect(asked().filter((line) => line.includes('records'))).toHaveLength(4)
  })

  it('never asks for more than an answer may hold', async () => {
    const { proxy, values, asked } = bench({ maxResponseBytes: 100_000 })
    proxy.end = 1
    proxy.fault(/records/, () => json([]), 100)
    await values(0)
    const sizes = asked().flatMap((line) => /max_bytes=(\d+)/.exec(line)?.[1] ?? [])
    expect(sizes).toEqual(['50000', '50000', '50000', '50000'])
  })
})

describe('a position outside of the log', () => {
  it('is reported without an instance', async () => {
    const { proxy, read, asked } = bench()
    Object.assign(proxy, { beginning: 5, end: 9 })
    const outside = { records: [], outOfRange: [0] }
    expect(await read(4)).toMatchObject(outside)
    expect(await read(10)).toMatchObject(outside)
    expect(asked()).toEqual([OFFSETS, OFFSETS])
  })

  it('is reported when retention takes it after the offsets were sampled', async () => {
    const { proxy, log, read } = bench()
    proxy.end = 9
    await log.offsets('t', { partitions: [0] })
    proxy.beginning = 5
    expect(await read(2)).toMatchObject({ records: [], next: [{ partition: 0, offset: 2 }], outOfRange: [0] })
  })

  it('is reported when the proxy jumps over what is lost', async () => {
    const { proxy, read } = bench()
    proxy.end = 9
    proxy.fault(/records/, () => {
      proxy.beginning = 5
      return json([recordAt(5), recordAt(6)])
    })
    expect(await read(2)).toMatchObject({ records: [], next: [{ partition: 0, offset: 2 }], outOfRange: [0] })
  })

  it('is not a gap that compaction left', async () => {
    const { proxy, values, asked } = bench()
    proxy.end = 6
    for (const offset of [0, 1, 3]) proxy.missing.add(offset)
    expect(await values(0)).toEqual([['v2', 'v4', 'v5'], 6])
    // The gap was looked into.
    expect(asked()).toEqual([OFFSETS, ...opening(1), poll(1), OFFSETS])
  })

  it('never brings records from below it, as a replay after a reset does', async () => {
    const { proxy, values } = bench()
    proxy.end = 6
    proxy.fault(/records/, () => json([0, 1, 2, 3, 4, 5].map((offset) => recordAt(offset))))
    expect(await values(4)).toEqual([['v4', 'v5'], 6])
    expect(await values(4)).toEqual([['v4', 'v5'], 6])
  })

  it('is noticed on proxies that only know how to reset', async () => {
    const { proxy, values, asked, seen } = bench()
    proxy.end = 1
    const message = "Invalid value bar for configuration auto.offset.reset: one of: {'earliest', 'latest'}"
    proxy.fault(/^POST \/consumers\/kedge$/, () => json({ error_code: 42_204, message }, 422))
    expect(await values(0)).toEqual([['v0'], 1])
    const resets = seen.flatMap(({ body, path }) =>
      path === '/consumers/kedge' ? [(body as Record<string, unknown>)['auto.offset.reset']] : [],
    )
    expect(resets).toEqual(['none', 'latest'])
    proxy.expireAll()
    proxy.end = 2
    asked()
    await values(1)
    expect(asked().filter((line) => line === 'POST /consumers/kedge')).toHaveLength(1)
  })
})

describe('`base_uri`', () => {
  const paths = async (baseUri: string | undefined, base = '') => {
    const { proxy, read, seen } = bench({ url: `${url}${base}` })
    proxy.path = base
    proxy.end = 1
    proxy.baseUri = () => baseUri
    await rejection(read(0))
    expect(new Set(seen.map(({ origin }) => origin))).toEqual(new Set([url]))
    return seen.find(({ path }) => path.endsWith('/assignments'))?.path
  }
  const own = '/consumers/kedge/instances/i-1'

  it.each([
    ['of the node behind the balancer', `http://10.0.0.7:8082${own}`, own],
    ['of another host', `https://evil.example${own}`, own],
    ['with credentials', `https://me:secret@evil.example${own}`, own],
    ['with a path for this node', `http://node-3:8082/node-3${own}`, `/node-3${own}`],
    ['that leads elsewhere', 'https://proxy.example/admin/everything', own],
    ['that climbs', `https://proxy.example/x/../..${own}`, own],
    ['without a host, as Karapace gives', own.slice(1), own],
    ['that is no address', 'http://[', own],
    ['that is missing', undefined, own],
  ])('%s is followed no further than the configured origin', async (_, baseUri, expected) => {
    expect(await paths(baseUri)).toBe(`${expected}/assignments`)
  })

  it('keeps the path that the proxy is configured under', async () => {
    expect(await paths(`http://10.0.0.7:8082${own}`, '/rest')).toBe(`/rest${own}/assignments`)
    expect(await paths(`http://10.0.0.7:8082/rest/node-3${own}`, '/rest')).toBe(
      `/rest/node-3${own}/assignments`,
    )
  })

  it.each(['../../admin', 'a/b', '', 'x'.repeat(300)])('with the instance %j is refused', async (id) => {
    const { proxy, read } = bench()
    proxy.end = 1
    proxy.fault(/^POST \/consumers\/kedge$/, () => json({ instance_id: id, base_uri: url }))
    expect(await rejection(read(0))).toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it("sends the balancer's cookies along", async () => {
    const { proxy, values, seen } = bench()
    proxy.end = 1
    proxy.createHeaders = () => {
      const headers = new Headers()
      headers.append('set-cookie', 'node=3; Path=/; HttpOnly')
      headers.append('set-cookie', 'lb=abc; Secure')
      return headers
    }
    await values(0)
    expect(seen.map(({ headers }) => headers.get('cookie'))).toEqual([
      null,
      null,
      ...Array(3).fill('node=3; lb=abc'),
    ])
  })
})

describe('reads at the same time', () => {
  it('take an instance each, and wait for none of the others', async () => {
    const { proxy, read, values } = bench()
    proxy.end = 2
    await values(0)
    proxy.end = 4
    let answer!: (response: Response) => void
    proxy.fault(/i-1\/records/, () => new Promise((resolve) => (answer = resolve)))
    const slow = read(2)
    expect(await values(2)).toEqual([['v2', 'v3'], 4])
    answer(json([recordAt(2), recordAt(3)]))
    expect((await slow).next).toEqual([{ partition: 0, offset: 4 }])
    // Two that stand at the same place: one is enough.
    await vi.waitFor(() => expect(proxy.instances.size).toBe(1))
  })

  it('are bounded in number', async () => {
    const { proxy, read } = bench({ maxInstances: 2 })
    proxy.end = 1
    const controller = new AbortController()
    const { signal } = controller
    proxy.fault(/records/, silence, 2)
    const stuck = [rejection(read(0, { signal })), rejection(read(0, { signal }))]
    await vi.waitFor(() => expect(proxy.faults).toEqual([]))
    expect(await rejection(read(0))).toMatchObject({ code: 'ERR_OVERLOADED', retryable: true })
    controller.abort()
    await Promise.all(stuck)
    expect((await read(0)).records).toHaveLength(1)
  })
})

describe('time', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('frees the place of a read that the platform killed', async () => {
    const { proxy, read } = bench({ maxInstances: 1, requestTimeout: '5s' })
    proxy.end = 1
    proxy.fault(/records/, silence)
    // Its timers never fire: the request that it belonged to has ended.
    void read(0)
    await vi.advanceTimersByTimeAsync(0)
    expect(await rejection(read(0))).toMatchObject({ code: 'ERR_OVERLOADED' })
    vi.setSystemTime(Date.now() + 10_001)
    expect((await read(0)).records).toHaveLength(1)
  })

  it('lets the next call remove an instance that no call used for a while', async () => {
    const { proxy, log, values, asked } = bench({ instanceIdle: '1m' })
    proxy.end = 1
    await values(0)
    vi.setSystemTime(Date.now() + 59_000)
    await log.offsets('t', { partitions: [0] })
    expect(proxy.instances.size).toBe(1)
    vi.setSystemTime(Date.now() + 1001)
    asked()
    await log.offsets('t', { partitions: [0] })
    expect(asked()).toEqual([OFFSETS, `DELETE ${instance(1)}`])
    expect(proxy.instances.size).toBe(0)
  })

  it('ends a read of many requests as one: by its deadline', async () => {
    const { proxy, read } = bench({ requestTimeout: '1s' })
    proxy.end = 1
    proxy.fault(/positions/, silence)
    const failing = rejection(read(0))
    await vi.advanceTimersByTimeAsync(1000)
    expect(await failing).toMatchObject({ code: 'ERR_TIMEOUT' })
    // What was made for it is removed.
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('close()', () => {
  it('removes the instances, and then nothing is read any more', async () => {
    const { proxy, log, values, read, seen } = bench()
    proxy.end = 1
    await values(0)
    await log.close?.()
    expect(proxy.instances.size).toBe(0)
    expect(seen.at(-1)).toMatchObject({ method: 'DELETE', path: instance(1) })
    expect(await rejection(read(0))).toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('does not fail because the proxy does', async () => {
    const { proxy, log, values } = bench()
    proxy.end = 1
    await values(0)
    proxy.fault(/DELETE/, () => Promise.reject(new TypeError('reset')))
    await expect(log.close?.()).resolves.toBeUndefined()
  })
})
