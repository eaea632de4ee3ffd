/** `kedge doctor` before every proxy: whichever flavor it is given, and however slow the proxy is. */
import { describe, expect, it } from 'vitest'
import { createGateway, memoryCluster } from '../../services/gateway/index.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { MemoryLog } from '../../src/testing/memory-log.ts'
import { FakeKarapace } from '../adapters/kafka/replay/fake-karapace.ts'
import type { KarapaceOptions } from '../adapters/kafka/replay/fake-karapace.ts'
import { asFetch } from '../adapters/kafka/replay/fake-proxy.ts'
import { cluster, Clock, kedge } from './harness.ts'
import { filled, SERVERS } from './proxies.ts'

const URL_OF_IT = 'http://proxy.example'

const NAMES: Record<string, RegExp> = {
  gateway: /^this is the kedge gateway/,
  confluent: /^this is Confluent's REST Proxy/,
  redpanda: /^this is Redpanda's HTTP Proxy/,
  strimzi: /^this is Strimzi's bridge/,
  karapace: /^this is Karapace/,
  warpstream: /^this is a WarpStream agent/,
}
const GIVEN = ['auto', ...Object.keys(SERVERS)]
const PAIRS = Object.keys(SERVERS).flatMap((server) => GIVEN.map((given) => [server, given] as const))

interface Found {
  readonly check: string
  readonly status: string
  readonly says: string
  readonly advice?: string
}

async function findings(fetch: typeof globalThis.fetch, args: string[], runtime?: Runtime): Promise<Found[]> {
  const around = { fetch, runtime: runtime ?? new Clock().runtime }
  const { out, err } = await kedge(['doctor', '--json', '--url', URL_OF_IT, ...args], around)
  expect(err).toBe('')
  return (JSON.parse(out) as { findings: Found[] }).findings
}

/** Words that a sentence repeats, if any. */
const repeated = (says: string): string | undefined => /(.{12,}).*\1/.exec(says)?.[1]

/** The report without the proxy's name and without times. */
const rest = (found: readonly Found[]): Pick<Found, 'check' | 'status'>[] =>
  found
    .filter(({ check }) => check !== 'flavor' && !check.endsWith('poll') && check !== 'latency')
    .map(({ check, status }) => ({ check, status }))

describe.each(PAIRS)('before %s, under --flavor %s, kedge doctor', (server, given) => {
  it('names the proxy that answers, and goes on as with the right flavor', async () => {
    const found = await findings(SERVERS[server]!(), ['--flavor', given])
    for (const { says } of found) expect(repeated(says)).toBeUndefined()
    const flavor = found.find(({ check }) => check === 'flavor')
    expect(flavor?.says).toMatch(NAMES[server]!)
    if (given === server || given === 'auto') {
      expect(flavor?.status).toBe('ok')
    } else {
      const spoken = server === 'gateway' && (given === 'confluent' || given === 'redpanda')
      expect(flavor?.status).toBe(spoken ? 'warning' : 'problem')
      expect(flavor?.advice).toContain(`use \`--flavor ${server}\``)
      if (spoken) {
        expect(found.filter(({ status }) => status === 'problem')).toEqual([])
        return
      }
    }
    const right = await findings(SERVERS[server]!(), ['--flavor', server])
    expect(rest(found)).toEqual(rest(right))
    // An agent takes no records over HTTP.
    const problems = rest(right).filter(({ status }) => status === 'problem')
    expect(problems).toEqual(server === 'warpstream' ? [{ check: 'write', status: 'problem' }] : [])
  })
})

/** Karapace, and a clock that its polls move. */
function slow(options: KarapaceOptions) {
  const proxy: FakeKarapace = new FakeKarapace({ ...options, now: () => proxy.waitedMs }, filled())
  let slept = 0
  const now = () => proxy.waitedMs + slept
  const runtime = systemRuntime({
    now,
    monotonic: now,
    sleep: async (ms) => {
      slept += ms
      await Promise.resolve()
    },
  })
  return { fetch: asFetch(proxy.handle), runtime }
}

const of = (found: readonly Found[], name: string) => found.find(({ check }) => check === name)

describe('before a proxy that is slow, kedge doctor', () => {
  it('finds a poll that opens a consumer too long, and says which option to change to what', async () => {
    const { fetch, runtime } = slow({ placesAfterMs: 3000 })
    const found = await findings(fetch, ['--flavor', 'karapace'], runtime)
    const first = of(found, 'first poll')
    expect(first?.status).toBe('problem')
    expect(first?.says).toMatch(/takes 3s.*, longer than `pollTimeout` \(500 ms\), and than four times that/)
    expect(first?.advice).toMatch(/give the caches `pollTimeout: '5s'`/)
    expect(of(found, 'poll')?.status).toBe('ok')
    expect(of(found, 'latency')?.status).toBe('ok')
  })

  it('warns where only the first poll is late, as before Karapace 5.0.3 at defaults', async () => {
    const { fetch, runtime } = slow({})
    const found = await findings(fetch, ['--flavor', 'karapace'], runtime)
    expect(of(found, 'first poll')).toMatchObject({ status: 'warning' })
    expect(of(found, 'first poll')?.says).toMatch(/longer than `pollTimeout` \(500 ms\)/)
  })

  it('finds nothing wrong with the options that it has advised', async () => {
    const { fetch, runtime } = slow({ placesAfterMs: 3000 })
    const found = await findings(fetch, ['--flavor', 'karapace', '--poll-timeout', '5s'], runtime)
    expect(of(found, 'first poll')?.status).toBe('ok')
  })

  it.each([
    [300, [], 'warning', /close to `pollTimeout`/, "`pollTimeout: '750ms'`"],
    [400, [], 'warning', /close to `pollTimeout`/, "`pollTimeout: '1s'`"],
    [800, [], 'problem', /longer than `pollTimeout` \(500 ms\)/, "`pollTimeout: '2s'`"],
    [
      1500,
      [],
      'problem',
      /for `pollTimeout` \(500 ms\) and for `maxStaleness` \(2s\)/,
      "`pollTimeout: '3s'` and `maxStaleness: '5s'`",
    ],
    [
      1500,
      ['--poll-timeout', '4s'],
      'problem',
      /longer than half of `maxStaleness` \(2s\)/,
      "`maxStaleness: '5s'`",
    ],
    [1500, ['--poll-timeout', '4s', '--max-staleness', '5s'], 'ok', /takes 1s|takes 2s/, undefined],
    [1500, ['--poll-timeout', '4s', '--max-staleness', '0'], 'ok', /takes/, undefined],
  ])('judges polls of %d ms with %j', async (ms, args, status, says, advice) => {
    let passed = 0
    const now = () => passed
    const ours = SERVERS.gateway!()
    const late: typeof fetch = async (input, init) => {
      if (new Request(input, init).url.includes('/records')) passed += ms
      return ours(input, init)
    }
    const runtime = systemRuntime({ now, monotonic: now, sleep: async (pause) => void (passed += pause) })
    const found = of(await findings(late, ['--read-only', ...args], runtime), 'poll')
    expect(found?.status).toBe(status)
    expect(found?.says).toMatch(says)
    if (advice === undefined) expect(found?.advice).toBeUndefined()
    else expect(found?.advice).toContain(advice)
  })

  it('times no poll where there is nothing to find', async () => {
    const app = createGateway({ cluster: memoryCluster(new MemoryLog()) })
    const empty: typeof fetch = async (input, init) => app.fetch(new Request(input, init))
    expect(of(await findings(empty, ['--read-only']), 'poll')).toMatchObject({ status: 'skipped' })
  })
})

describe('kedge doctor says nothing twice', () => {
  const refusing: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    if (request.method !== 'POST') return GATEWAY(request)
    const message = 'Validation error on: Schema validation error'
    return Response.json({ error_code: 400, message }, { status: 400 })
  }
  const GATEWAY = SERVERS.gateway!()

  it('in a sentence that quotes why a write was refused', async () => {
    const write = of(await findings(refusing, []), 'write')
    expect(write?.says).toBe(
      'a heartbeat cannot be written to cache-evictions: the proxy did not acknowledge the records: publishing: HTTP 400: Validation error on: Schema validation error',
    )
    const evict = await kedge(['evict', 'users', '--all'], { fetch: refusing, runtime: systemRuntime() })
    expect(evict.err).toBe(
      'kedge: Kafka did not acknowledge the write: it may or may not be in the log: publishing: HTTP 400: Validation error on: Schema validation error\n',
    )
  })

  it('of what several findings have for a remedy', async () => {
    const { out } = await kedge(['doctor', '--brokers', 'a:1'], { connect: () => cluster() })
    expect(out.match(/→ kedge topics create/g)).toHaveLength(1)
    expect(out.match(/the topic is not there/g)).toHaveLength(3)
  })
})
