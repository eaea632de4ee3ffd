import { describe, expect, it } from 'vitest'
import { type Flavor, kafkaRest, type KafkaRestOptions } from '../../../adapters/kafka/kafka-rest.ts'
import { createGateway, memoryCluster } from '../../../services/gateway/index.ts'
import { MemoryLog } from '../../../src/testing/memory-log.ts'
import { FakeKarapace } from './replay/fake-karapace.ts'
import { asFetch, type FakeProxy } from './replay/fake-proxy.ts'
import { FakeRedpanda } from './replay/fake-redpanda.ts'
import { FakeStrimzi } from './replay/fake-strimzi.ts'
import { FakeWarpstream } from './replay/fake-warpstream.ts'
import { html, json, on, rejection, scriptedFetch, silence, utf8 } from './scripted-fetch.ts'

const url = 'https://proxy.test'

const fake = (proxy: FakeProxy) => {
  proxy.log.createTopic('t')
  return asFetch(proxy.handle)
}

const gateway = (): typeof fetch => {
  const app = createGateway({ cluster: memoryCluster(new MemoryLog({ topics: { t: 1 } })) })
  return async (input, init) => app.request(input instanceof Request ? input.url : input, init)
}

/** kafka-rest: `GET /` is an empty object, and v3 may be switched off. */
const confluentScripts = [
  on('GET /', () => json({})),
  on('GET /brokers', () => json({ brokers: [1, 2] })),
  on('GET /topics/t', () => json({ name: 't', configs: {}, partitions: [{ partition: 0 }] })),
  on('GET /topics/t/partitions/0/offsets', () => json({ beginning_offset: 0, end_offset: 0 })),
]

const PROXIES: Record<Flavor, () => typeof fetch> = {
  confluent: () => scriptedFetch(...confluentScripts).fetch,
  gateway,
  karapace: () => fake(new FakeKarapace()),
  redpanda: () => fake(new FakeRedpanda()),
  strimzi: () => fake(new FakeStrimzi(false)),
  warpstream: () => fake(new FakeWarpstream({ logStart: true, endOutside: true })),
}

const CAPABILITIES: Record<Flavor, readonly [identity: boolean, longPoll: boolean, readCommitted: boolean]> =
  {
    confluent: [false, false, false],
    gateway: [true, true, true],
    karapace: [false, false, false],
    redpanda: [false, true, false],
    strimzi: [false, true, true],
    warpstream: [false, false, false],
  }

const FLAVORS = Object.keys(PROXIES) as Flavor[]

/** Remembers the lines of what was asked. */
function watched(transport: typeof fetch): { fetch: typeof fetch; lines: string[] } {
  const lines: string[] = []
  return {
    lines,
    fetch: (input, init) => {
      const { pathname, search } = new URL(input instanceof Request ? input.url : input)
      lines.push(`${init?.method ?? 'GET'} ${pathname}${search}`)
      return transport(input, init)
    },
  }
}

describe('kafkaRest()', () => {
  it.each(FLAVORS)('recognises %s, and speaks to it', async (flavor) => {
    const log = kafkaRest({ url, fetch: PROXIES[flavor]() })
    expect(await log.offsets('t')).toMatchObject([{ partition: 0, beginning: 0, end: 0 }])
    const [identity, longPoll, readCommitted] = CAPABILITIES[flavor]
    expect(log.capabilities).toEqual({ identity, longPoll, readCommitted })
  })

  it.each(FLAVORS)('does not ask when %s is named', async (flavor) => {
    const { fetch, lines } = watched(PROXIES[flavor]())
    const log = kafkaRest({ url, fetch, flavor })
    const [identity, longPoll, readCommitted] = CAPABILITIES[flavor]
    expect(log.capabilities).toEqual({ identity, longPoll, readCommitted })
    await log.offsets('t', { partitions: [0] })
    expect(lines).not.toContain('GET /')
  })

  it.each(FLAVORS)('changes nothing in %s by asking', async (flavor) => {
    const { fetch, lines } = watched(PROXIES[flavor]())
    await kafkaRest({ url, fetch }).offsets('t', { partitions: [0] })
    const writing = lines.filter((line) => !line.startsWith('GET') && line !== 'POST /v1/kafka/fetch')
    expect(writing).toEqual([])
  })

  it('sends nothing before it is used, and asks once', async () => {
    const { fetch, lines } = watched(PROXIES.strimzi())
    const log = kafkaRest({ url, fetch })
    expect(lines).toEqual([])
    expect(log.capabilities).toEqual({ identity: false, longPoll: false, readCommitted: false })
    await log.offsets('t')
    await log.offsets('t')
    expect(lines.filter((line) => line === 'GET /')).toHaveLength(1)
  })

  it('recognises Confluent by v3 where v2 does not answer', async () => {
    const { fetch } = scriptedFetch(
      on('GET /v3/clusters', () => json({ kind: 'KafkaClusterList', data: [] })),
      ...confluentScripts.slice(2),
    )
    expect(await kafkaRest({ url, fetch }).offsets('t')).toHaveLength(1)
  })

  it('shares no promise: a call that hangs keeps no other from asking for itself', async () => {
    let first = true
    const proxy = PROXIES.strimzi()
    const fetch: typeof globalThis.fetch = (input, init) => {
      if (!first) return proxy(input, init)
      first = false
      return silence()
    }
    const log = kafkaRest({ url, fetch })
    const controller = new AbortController()
    const hanging = rejection(log.offsets('t', { signal: controller.signal }))
    expect(await log.offsets('t')).toHaveLength(1)
    controller.abort('enough')
    expect(await hanging).toBe('enough')
  })

  it('says so when no known proxy answers, and asks again the next time', async () => {
    const { fetch, lines } = scriptedFetch()
    const log = kafkaRest({ url, fetch })
    expect(await rejection(log.offsets('t'))).toMatchObject({
      code: 'ERR_UNSUPPORTED',
      retryable: false,
      message: expect.stringContaining('`flavor`'),
    })
    expect(lines()).toHaveLength(5)
    await rejection(log.offsets('t'))
    expect(lines()).toHaveLength(10)
  })

  it('does not take a proxy that is down for another one', async () => {
    const { fetch } = scriptedFetch(
      on('GET /', () => html(503)),
      ...confluentScripts,
    )
    expect(await rejection(kafkaRest({ url, fetch }).offsets('t'))).toMatchObject({
      code: 'ERR_HTTP',
      retryable: true,
    })
  })

  it('rejects where credentials are missing', async () => {
    const { fetch } = scriptedFetch(() => json({ error_code: 40_101, message: 'Unauthorized' }, 401))
    expect(await rejection(kafkaRest({ url, fetch }).offsets('t'))).toMatchObject({ code: 'ERR_AUTH' })
  })

  it('goes on where only the root is forbidden', async () => {
    const { fetch } = scriptedFetch(
      on('GET /', () => html(403)),
      ...confluentScripts,
    )
    expect(await kafkaRest({ url, fetch }).offsets('t')).toHaveLength(1)
  })

  it.each([
    '[]',
    'null',
    '"x"',
    '{"brokers":1}',
    '{"bridge_version":1}',
    '{"__proto__":{"kind":"KafkaClusterList"}}',
  ])('recognises no proxy in %s', async (body) => {
    const { fetch } = scriptedFetch(() => new Response(body))
    expect(await rejection(kafkaRest({ url, fetch }).offsets('t'))).toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })

  it('rejects a publish with its own code while it does not know the proxy', async () => {
    const { fetch } = scriptedFetch()
    const log = kafkaRest({ url, fetch })
    const error = await rejection(log.produce('t', [{ key: null, value: utf8('v') }]))
    expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED' })
    expect(await log.produce('t', [])).toEqual([])
    await log.close?.()
  })

  it.each([
    [{ url, flavor: 'zilla' }, '`flavor`'],
    [{ url, marker: true }, '`marker` is not an option of kafkaRest()'],
    [{ flavor: 'strimzi' }, '`url`'],
    [{ url, group: '?' }, '`group`'],
    [{ url, requestTimeout: 'soon' }, '`requestTimeout`'],
  ])('refuses %j', (options, named) => {
    expect(() => kafkaRest(options as KafkaRestOptions)).toThrow(TypeError)
    expect(() => kafkaRest(options as KafkaRestOptions)).toThrow(named)
  })
})
