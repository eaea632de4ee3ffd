import { describe, expect, it } from 'vitest'
import { warpstream, type WarpstreamOptions } from '../../../adapters/kafka/warpstream.ts'
import { memory } from '../../../src/testing/memory.ts'
import { asFetch } from './replay/fake-proxy.ts'
import { FakeWarpstream, type WarpstreamTold } from './replay/fake-warpstream.ts'
import { AT_ONCE, json, on, rejection, scriptedFetch, utf8 } from './scripted-fetch.ts'

const url = 'https://agent.test:8080'

function bench(tells: Partial<WarpstreamTold> = {}, options: Partial<WarpstreamOptions> = {}) {
  const proxy = new FakeWarpstream({ logStart: false, endOutside: false, ...tells })
  proxy.log.createTopic('t', { partitions: 2 })
  const lines: string[] = []
  const log = warpstream({
    url,
    fetch: asFetch(proxy.handle, lines),
    produce: memory({ on: proxy.log }),
    ...options,
  })
  const fill = (count: number, beginning: number) => {
    for (let n = 0; n < count; n++) proxy.log.append('t', { key: null, value: utf8('x'), partition: 0 })
    proxy.log.truncate('t', 0, beginning)
  }
  return { proxy, lines, log, fill }
}

const answer = (partition: object) =>
  on(/fetch$/, () => json({ topics: [{ topic: 't', partitions: [partition] }] }))

describe('warpstream()', () => {
  it('asks for all partitions in one request', async () => {
    const { log, lines } = bench({ logStart: true })
    expect(await log.offsets('t', { partitions: [0, 1] })).toHaveLength(2)
    await log.read(
      't',
      [0, 1].map((partition) => ({ partition, offset: 0 })),
      AT_ONCE,
    )
    expect(lines).toEqual(['POST /v1/kafka/fetch', 'POST /v1/kafka/fetch'])
  })

  it('speaks as the clients of agents do', async () => {
    const { fetch, seen } = scriptedFetch(answer({ partition: 0, error_code: 0, records: [] }))
    const auth = { username: 'ccun_1', password: 'ccp_1' }
    await warpstream({ url, fetch, auth }).read('t', [{ partition: 0, offset: 5 }], AT_ONCE)
    expect(seen[0]).toMatchObject({ method: 'POST', path: '/v1/kafka/fetch' })
    expect(seen[0]?.headers.get('authorization')).toBe(`Basic ${btoa('ccun_1:ccp_1')}`)
    expect(seen[0]?.body).toEqual({
      max_bytes: 1_000_000,
      topics: [
        { topic: 't', partitions: [{ partition: 0, fetch_offset: 5, partition_max_bytes: 1_000_000 }] },
      ],
    })
  })

  it.each([[{ logStart: true, endOutside: true }], [{ endOutside: true }]])(
    'finds a log that no longer begins at 0 where the agent names ends: %j',
    async (tells) => {
      const { log, fill, proxy } = bench(tells)
      fill(50, 30)
      expect(await log.offsets('t', { partitions: [0] })).toEqual([{ partition: 0, beginning: 30, end: 50 }])
      expect(proxy.log.offsets('t', 0).end).toBe(50)
    },
  )

  it('finds it by a heartbeat where the agent does not', async () => {
    const { log, fill } = bench()
    fill(50, 30)
    expect(await log.offsets('t', { partitions: [0] })).toEqual([{ partition: 0, beginning: 30, end: 51 }])
  })

  it.each([[{ marker: false }], [{ produce: undefined }]])(
    'says so where it may not write: %j',
    async (options) => {
      const { log, fill, proxy } = bench({}, options as Partial<WarpstreamOptions>)
      fill(50, 30)
      const error = await rejection(log.offsets('t', { partitions: [0] }))
      expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED' })
      expect(proxy.log.offsets('t', 0).end).toBe(50)
    },
  )

  it('rejects records when it has no log to give them to', async () => {
    const { log } = bench({}, { produce: undefined } as unknown as WarpstreamOptions)
    const error = await rejection(log.produce('t', [{ key: null, value: utf8('v') }]))
    expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })

  it.each([
    [3, 'ERR_UNKNOWN_TOPIC', false],
    [29, 'ERR_AUTH', false],
    [5, 'ERR_HTTP', true],
  ])("knows Kafka's code %i", async (code, named, retryable) => {
    const { fetch } = scriptedFetch(answer({ partition: 0, error_code: code }))
    const reading = warpstream({ url, fetch }).read('t', [{ partition: 0, offset: 0 }], AT_ONCE)
    expect(await rejection(reading)).toMatchObject({ code: named, retryable })
  })

  it.each([
    ['another partition', { partition: 1, error_code: 0, records: [] }],
    ['a negative offset', { partition: 0, records: [{ offset: -1, value: 'eA==' }] }],
    ['what is no base64', { partition: 0, records: [{ offset: 0, value: '***' }] }],
  ])('refuses an answer with %s', async (_, partition) => {
    const { fetch } = scriptedFetch(answer(partition))
    const reading = warpstream({ url, fetch }).read('t', [{ partition: 0, offset: 0 }], AT_ONCE)
    expect(await rejection(reading)).toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it('drops records that lie before the position, and takes null for none', async () => {
    const records = [
      { offset: 4, value: 'eA==' },
      { offset: 5, key: null, value: null },
    ]
    const { fetch } = scriptedFetch(answer({ partition: 0, high_watermark: 6, records }))
    const found = await warpstream({ url, fetch }).read('t', [{ partition: 0, offset: 5 }], AT_ONCE)
    expect(found).toEqual({
      records: [{ partition: 0, offset: 5, key: null, value: null }],
      next: [{ partition: 0, offset: 6 }],
      outOfRange: [],
    })
  })

  it('closes the log that it was given', async () => {
    let closed = 0
    const produce = { produce: async () => [], close: async () => void closed++ }
    await warpstream({ url, produce }).close?.()
    expect(closed).toBe(1)
  })

  it.each([
    [{ url, produce: {} }, '`produce`'],
    [{ url, produce: null }, '`produce`'],
    [{ url, gateway: true }, '`gateway` is not an option'],
  ])('refuses %j', (options, named) => {
    expect(() => warpstream(options as unknown as WarpstreamOptions)).toThrow(named)
  })
})
