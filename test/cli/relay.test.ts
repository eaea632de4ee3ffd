/** `kedge gateway --upstream`: in front of a gateway that stands for the REST backend. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { kedge, proxy } from './harness.ts'
import type { Surroundings } from './harness.ts'

const UPSTREAM = 'http://kafka-rest.test:8082'
const TOPIC = '/topics/cache-evictions'

/** A relay on a free port, and what it has said so far. */
async function relay(args: readonly string[], around: Surroundings) {
  const stop = new AbortController()
  const said = { text: '' }
  const hear = (text: string) => void (said.text += text)
  const runtime = systemRuntime()
  const ran = kedge(['gateway', '--port', '0', '--upstream', UPSTREAM, ...args], {
    runtime,
    ...around,
    stop: stop.signal,
    onOut: hear,
    onErr: hear,
  })
  onTestFinished(async () => {
    stop.abort()
    await ran
  })
  await expect.poll(() => said.text).toMatch(/https?:\/\/\S+ \(log/)
  const [url] = /http:\/\/127\S+/.exec(said.text)!
  const get = (path: string) => fetch(`${url}${path}`)
  return { get, ran, said, stop, url }
}

describe('kedge gateway --upstream', () => {
  it('serves what its upstream has, and tells which that is', async () => {
    const upstream = proxy({ topics: { 'cache-evictions': 1 } })
    const { get, ran, said, stop, url } = await relay(['--open'], { fetch: upstream.fetch })
    expect(await (await get('/')).json()).toMatchObject({ cluster: 'kedge-upstream' })
    const written = await fetch(`${url}${TOPIC}`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
      body: '{"records":[{"value":1}]}',
    })
    expect(await written.json()).toMatchObject({ offsets: [{ partition: 0, offset: 0 }] })
    expect(upstream.log.offsets('cache-evictions', 0).end).toBe(1)
    await expect.poll(async () => (await get('/readyz')).status).toBe(200)
    stop.abort()
    expect((await ran).code).toBe(0)
    expect(said.text).toContain(`kedge gateway listening on ${url} (log: upstream)\n`)
    expect(said.text).toContain(`kedge gateway: the upstream ${UPSTREAM} answers\n`)
    expect(said.text).toContain(`  watch    ${url}/ui\n`)
  })

  it('shows the log on its live page', async () => {
    const upstream = proxy({ topics: { 'cache-evictions': 1 } })
    const { get } = await relay(['--open'], { fetch: upstream.fetch })
    const state = async () => (await get('/ui/state')).json()
    await expect.poll(state).toMatchObject({
      verdict: { mood: 'good' },
      topic: { topic: 'cache-evictions' },
      gateway: { log: 'upstream', tails: expect.any(Number) },
    })
  })

  it('shows the credentials for its upstream to that alone, and never prints them', async () => {
    const seen = new Set<string | null>()
    const upstream = proxy({ topics: { 'cache-evictions': 1 } }, { auth: { tokens: ['behind'] } })
    const { get, said, url } = await relay(['--token', 'before'], {
      env: { KEDGE_AUTH_TOKEN: 'behind' },
      fetch: (input, init) => {
        seen.add(new Headers(init?.headers).get('authorization'))
        return upstream.fetch(input, init)
      },
    })
    expect((await get(`${TOPIC}/partitions/0/offsets`)).status).toBe(401)
    const ask = (token: string) =>
      fetch(`${url}${TOPIC}/partitions/0/offsets`, { headers: { authorization: `Bearer ${token}` } })
    expect((await ask('behind')).status).toBe(401)
    expect((await ask('before')).status).toBe(200)
    expect([...seen]).toEqual(['Bearer behind'])
    expect(said.text).not.toMatch(/behind|before/)
  })

  it.each([
    ['does not answer', () => Promise.reject(new Error('ECONNREFUSED')), 'the upstream does not answer', 503],
    [
      'refuses the credentials',
      async () => Response.json({ error_code: 40101, message: 'who?' }, { status: 401 }),
      'the upstream refuses the credentials of the gateway',
      403,
    ],
    [
      'is something else',
      async () => new Response('<html>hello</html>'),
      'the upstream does not answer in its protocol',
      503,
    ],
  ])(
    'says so where its upstream %s, and serves once that has changed',
    async (_, answer, problem, status) => {
      const upstream = proxy({ topics: { 'cache-evictions': 1 } })
      let isBroken = true
      const { get, said } = await relay(['--open', '--flavor', 'gateway'], {
        fetch: (...asked) => (isBroken ? answer() : upstream.fetch(...asked)),
      })
      expect((await get(`${TOPIC}/partitions/0/offsets`)).status).toBe(status)
      expect(await (await get('/readyz')).json()).toEqual({ status: 'waiting', problem })
      expect(said.text).toContain('it serves as soon as that has changed\n')
      isBroken = false
      expect((await get(`${TOPIC}/partitions/0/offsets`)).status).toBe(200)
      expect((await get('/readyz')).status).toBe(200)
    },
  )

  it('finds out what its upstream is, unless --flavor says it', async () => {
    const upstream = proxy({ topics: { 'cache-evictions': 1 } })
    const { get } = await relay(['--open'], { fetch: upstream.fetch })
    await get(`${TOPIC}/partitions/0/offsets`)
    expect(upstream.requests).toContain('GET /')
    const other = proxy({ topics: { 'cache-evictions': 1 } })
    const told = await relay(['--open', '--flavor', 'confluent'], { fetch: other.fetch })
    await told.get(`${TOPIC}/partitions/0/offsets`)
    expect(other.requests).not.toContain('GET /')
    expect((await told.get(`${TOPIC}/partitions/0/records?offset=0&timeout=0&max_bytes=9`)).status).toBe(406)
  })
})

describe('wrong settings of a relay', () => {
  const failing = async (args: readonly string[], env: Record<string, string> = {}) => {
    const { code, err } = await kedge(['gateway', '--port', '0', ...args], { env })
    return [code, err]
  }

  it.each([
    [['--brokers', 'kafka:9092'], '--upstream and --brokers exclude each other: leave out one'],
    [['--log', 'memory'], '--upstream and --log exclude each other: leave out one'],
    [['--topic', 'a'], '--topic needs --log memory'],
    [
      [],
      'no credentials are configured, and every process of this machine could read and write the upstream',
    ],
  ])('are refused: %j', async (args, says) => {
    const [code, err] = await failing(['--upstream', UPSTREAM, ...args])
    expect([code, err]).toEqual([2, expect.stringContaining(says)])
  })

  it.each([
    ['kafka-1:9092', 'this is the address of a broker'],
    ['https://me:secret@kafka-rest.test', 'must have no credentials in it'],
    ['kafka-rest.test', 'did you mean http://kafka-rest.test?'],
  ])('are refused: the address %s', async (address, says) => {
    const [code, err] = await failing(['--upstream', address, '--open'])
    expect([code, err]).toEqual([2, expect.stringMatching(/--upstream/)])
    expect(err).toContain(says)
    expect(err).not.toContain('secret')
  })

  it('names the variable where that is what is wrong', async () => {
    const [, err] = await failing(['--log', 'memory'], { KEDGE_GATEWAY_UPSTREAM: UPSTREAM })
    expect(err).toContain('KEDGE_GATEWAY_UPSTREAM and --log exclude each other')
  })

  it('leaves brokers alone that are there for other commands', async () => {
    const upstream = proxy({ topics: { 'cache-evictions': 1 } })
    const { said } = await relay(['--open'], { fetch: upstream.fetch, env: { KEDGE_BROKERS: 'kafka:9092' } })
    expect(said.text).toContain('(log: upstream)')
  })
})
