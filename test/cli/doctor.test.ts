import { describe, expect, it } from 'vitest'
import { append, Clock, cluster, kedge, proxy } from './harness.ts'
import type { Proxy, Surroundings } from './harness.ts'

/** What the doctor says of each thing, with its mark. */
function said(out: string): Record<string, string> {
  const lines = out.split('\n').flatMap((line) => {
    const [, mark, check, says] = /^(ok|warning|PROBLEM|skipped) +(.+?) {2,}(.+)$/.exec(line) ?? []
    return mark ? [[check!, `${mark}: ${says}`]] : []
  })
  return Object.fromEntries(lines) as Record<string, string>
}

const examine = async (args: string[], around: Surroundings) => {
  const ran = await kedge(['doctor', ...args], around)
  expect(ran.err).toBe(args.includes('--brokers') ? 'asking a:1 …\n' : '')
  return { code: ran.code, says: said(ran.out), out: ran.out }
}

/** A proxy in front of which something changes answers. */
const behind = (
  { fetch }: Proxy,
  change: (request: Request, answer: Response) => Response | Promise<Response>,
) =>
  (async (input, init) => {
    const request = new Request(input, init)
    return change(request.clone(), await fetch(request))
  }) as typeof globalThis.fetch

describe('kedge doctor, of a proxy', () => {
  it('finds nothing wrong with the gateway', async () => {
    const { code, says, out } = await examine([], proxy())
    expect(says).toEqual({
      reachable: 'ok: http://127.0.0.1:8082 answers',
      flavor: 'ok: this is the kedge gateway, as `--flavor` says',
      credentials: 'ok: accepted',
      offsets: 'ok: cache-evictions has 1 partition (0: 0 to 0)',
      identity: expect.stringMatching(/^ok/) as string,
      write: expect.stringMatching(/^ok: a heartbeat was acknowledged at 0@0/) as string,
      read: expect.stringMatching(/^ok: it came back/) as string,
      'long poll': expect.stringMatching(/^ok: a poll that waited was answered/) as string,
      updates: 'ok: cache-updates has 1 partition',
      clock: expect.stringMatching(/^ok/) as string,
      latency: 'ok: a poll that finds nothing takes 0 ms',
      'first poll': 'ok: the first poll that finds something takes 0 ms',
      poll: 'ok: a poll that finds something takes 0 ms',
    })
    expect(out).toContain('no problems, no warnings')
    expect(code).toBe(0)
  })

  it('writes nothing when it may not', async () => {
    const gateway = proxy()
    const { code, says } = await examine(['--read-only'], gateway)
    expect(says.write).toBe('skipped: nothing may be written')
    expect(gateway.log.offsets('cache-evictions', 0).end).toBe(0)
    expect(gateway.requests.filter((request) => request.startsWith('POST'))).toEqual([])
    expect(code).toBe(0)
  })

  it('writes heartbeats to the topic that --probe-topic names', async () => {
    const gateway = proxy()
    await examine(['--probe-topic', 'probe'], gateway)
    expect(gateway.log.offsets('cache-evictions', 0).end).toBe(0)
    expect(gateway.log.offsets('probe', 0).end).toBe(2)
  })

  it('answers scripts with JSON', async () => {
    const { code, out } = await kedge(['doctor', '--json'], proxy())
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      findings: [{ status: 'ok', check: 'reachable' }, ...Array.from({ length: 12 }, () => ({}))],
    })
  })

  it('recognises a REST proxy, and says what it lacks', async () => {
    const { code, says } = await examine(['--flavor', 'confluent'], proxy())
    expect(says['long poll']).toMatch(/^skipped/)
    expect(says.read).toMatch(/^ok/)
    expect(says.updates).toMatch(/updatesIsolation/)
    expect(code).toBe(0)
    expect((await examine(['--flavor', 'auto'], proxy())).says['long poll']).toMatch(/^ok/)
  })

  it.each([
    ['no answer', () => Promise.reject(new Error('nothing')), 'reachable', /cannot be reached/],
    ['wrong credentials', async () => new Response('{}', { status: 401 }), 'credentials', /refused.*401/],
    [
      'a right that Kafka does not give',
      async () =>
        Response.json(
          {
            error_code: 40301,
            message: 'Kafka refuses Describe on the topic cache-evictions: TOPIC_AUTHORIZATION_FAILED.',
          },
          { status: 403 },
        ),
      'rights',
      /Kafka refuses Describe on the topic cache-evictions/,
    ],
    ['a right by a status alone', async () => new Response('{}', { status: 403 }), 'rights', /HTTP 403/],
    ['another server', async () => new Response('<html>', { status: 200 }), 'protocol', /not JSON/],
    ['a redirect', async () => new Response(null, { status: 302 }), 'protocol', /redirect/],
    [
      'no cluster behind it',
      async () => Response.json({ error_code: 50302, message: 'away' }, { status: 503 }),
      'cluster',
      /what stands behind it does not work.*503.*away/,
    ],
    ['a limit', async () => new Response('{}', { status: 429 }), 'rate', /too many requests/],
    [
      'no such topic',
      async () => Response.json({ error_code: 40401, message: 'Topic not found.' }, { status: 404 }),
      'offsets',
      /there is no topic cache-evictions/,
    ],
  ] as const)('says what is wrong: %s', async (_, fetch, check, words) => {
    const { code, says } = await examine([], { fetch })
    expect(says[check]).toMatch(/^PROBLEM/)
    expect(says[check]).toMatch(words)
    expect(code).toBe(1)
  })

  it('names the role or the topic that a credential of the gateway lacks, and otherwise the right of Kafka', async () => {
    const auth = (more: object) => ({ auth: { tokens: ['zz9zz'], ...more } })
    const env = { KEDGE_AUTH_TOKEN: 'zz9zz' }
    const read = await examine([], { ...proxy({}, auth({ roles: ['write'] })), env })
    expect(read.says.credentials).toBe('ok: accepted')
    expect(read.says.read).toMatch(/^PROBLEM: reading fails.*has not the role read/)
    expect(read.out).toContain('give the credential the role read (read on cache-evictions)')
    const write = await examine([], { ...proxy({}, auth({ roles: ['read'] })), env })
    expect(write.out).toContain('give the credential the role write (write on cache-evictions)')
    const topic = await examine([], { ...proxy({}, auth({ topics: ['jobs'] })), env })
    expect(topic.says.rights).toMatch(/^PROBLEM: .*Not authorized to access the topic cache-evictions/)
    expect(topic.out).toContain('give the credential the topic cache-evictions')
    const bare = await examine([], { fetch: async () => new Response('{}', { status: 403 }) })
    expect(bare.out).toContain('--operation Describe --topic cache-evictions')
  })

  it('says that a proxy stays silent', async () => {
    const silent: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error))
      })
    const { code, says } = await examine(['--request-timeout', '5ms'], { fetch: silent })
    expect(says.reachable).toMatch(/^PROBLEM: .* does not answer in time/)
    expect(code).toBe(1)
  })

  it('notices that the id of the topic is lost on the way', async () => {
    const plain = behind(proxy(), (_, answer) => {
      const headers = new Headers(answer.headers)
      headers.delete('kedge-log-id')
      return new Response(answer.body, { status: answer.status, headers })
    })
    const { code, says } = await examine([], { fetch: plain })
    expect(says.identity).toMatch(
      /^PROBLEM: .*a proxy in between removes the gateway's header `kedge-log-id`/,
    )
    expect(code).toBe(1)
  })

  it('notices a number of partitions that caches do not have', async () => {
    const gateway = proxy({ topics: { 'cache-evictions': 3 } })
    expect((await examine(['--eviction-partitions', '3'], gateway)).says.offsets).toMatch(/^ok/)
    expect((await examine(['--eviction-partitions', '2'], gateway)).says.offsets).toMatch(
      /^PROBLEM.*3 partitions/,
    )
  })

  it('notices writes that are refused', async () => {
    const readOnly = behind(proxy(), (request, answer) =>
      request.method === 'POST'
        ? Response.json({ error_code: 403, message: 'not you' }, { status: 403 })
        : answer,
    )
    const { code, says } = await examine([], { fetch: readOnly })
    expect(says.write).toMatch(/^PROBLEM: .*cannot be written to cache-evictions.*403.*not you/)
    expect(says.read).toMatch(/^skipped/)
    expect(code).toBe(1)
  })

  it('notices that what was written does not come back', async () => {
    const forgetful = behind(proxy(), (request, answer) =>
      request.url.includes('/records') && request.method === 'GET'
        ? new Response('[]', { status: 200, headers: answer.headers })
        : answer,
    )
    const { code, says } = await examine([], { fetch: forgetful })
    expect(says.read).toMatch(/^PROBLEM: what was written at 0@0 does not come back/)
    expect(code).toBe(1)
  })

  it('notices writes and reads that go to different logs', async () => {
    const [here, there] = [proxy(), proxy()]
    append(here.log, 'cache-evictions', { v: 1, op: 'clear' })
    append(here.log, 'cache-evictions', { v: 1, op: 'clear' })
    const split = (async (input, init) => {
      const request = new Request(input, init)
      return (request.method === 'POST' ? there : here).fetch(request)
    }) as typeof fetch
    const { says } = await examine([], { fetch: split })
    expect(says.write).toMatch(/^PROBLEM: acknowledged at offset 0, although the log ended at 2/)
    expect(says.read).toMatch(/^PROBLEM: .*something else than was written/)
  })

  it('notices a topic of updates that is not there', async () => {
    const { code, says } = await examine([], proxy({ autoCreate: false, topics: { 'cache-evictions': 1 } }))
    expect(says.updates).toMatch(/^warning: .*replicate/)
    expect(code).toBe(0)
  })

  it.each([
    [0, /^ok/, 0],
    [4000, /^warning: the clock of the proxy is about [45]s ahead of/, 0],
    [-3_600_000, /^PROBLEM: the clock of the proxy is about (1h|59m 59s) behind/, 1],
  ])('compares the clocks: %d ms', async (offset, words, exit) => {
    const clock = new Clock()
    const gateway = proxy({}, { clock, date: () => clock.ms + offset })
    const { code, says } = await examine([], { fetch: gateway.fetch, runtime: clock.runtime })
    expect(says.clock).toMatch(words)
    expect(code).toBe(exit)
  })

  it.each([
    [20, /^ok: a poll that finds nothing takes 20 ms/],
    [300, /^warning: a poll that finds nothing takes 300 ms: close to `pollTimeout`/],
    [800, /^PROBLEM: a poll that finds nothing takes 800 ms, longer than `pollTimeout` \(500 ms\)/],
  ])('measures how long a poll takes: %d ms', async (ms, words) => {
    const clock = new Clock()
    const gateway = proxy({}, { clock })
    const slow = behind(gateway, (request, answer) => {
      if (request.url.endsWith('/offsets')) clock.ms += ms
      return answer
    })
    expect((await examine(['--read-only'], { fetch: slow, runtime: clock.runtime })).says.latency).toMatch(
      words,
    )
  })
})

describe('kedge doctor, of topics', () => {
  it('examines them where there are brokers, and leaves the proxy alone unless it is named', async () => {
    const fake = cluster()
    const around = { connect: () => fake, fetch: proxy().fetch }
    const alone = await examine(['--brokers', 'a:1'], around)
    expect(Object.keys(alone.says)).toEqual(['cache-evictions', 'cache-updates', 'cache-requests'])
    expect(alone.says['cache-evictions']).toMatch(/^PROBLEM/)
    expect(alone.says['cache-updates']).toMatch(/^warning/)
    expect(alone.code).toBe(1)
    const both = await examine(['--brokers', 'a:1', '--url', 'http://proxy.example'], around)
    expect(both.says).toMatchObject({
      reachable: 'ok: http://proxy.example answers',
      'cache-updates': /warning/,
    })
  })

  it('says that brokers cannot be reached', async () => {
    const away = cluster()
    away.topics = () => Promise.reject(new Error('The cluster cannot be reached.'))
    const { code, says } = await examine(['--brokers', 'a:1'], { connect: () => away })
    expect(says.brokers).toMatch(/^PROBLEM: .*cannot be reached/)
    expect(code).toBe(1)
    expect(away.closed).toBe(1)
  })
})

describe('kedge doctor, of a token', () => {
  const withTen = () => {
    const gateway = proxy()
    for (let n = 0; n < 10; n++) append(gateway.log, 'cache-evictions', { v: 1, op: 'clear' })
    return gateway
  }

  it.each([
    ['k1.0-10', /^ok: .*partition 0 up to 10.*the latest eviction/, 0],
    ['k1.0-4', /^ok: .*6 came after it/, 0],
    ['k1.0-11', /^PROBLEM: .*the log ends at 10/, 1],
    ['k1.3-4', /^PROBLEM: .*no such partition/, 1],
    ['k1.0', /^PROBLEM: this is not a token/, 1],
  ])('compares %s with the log', async (token, words, exit) => {
    const around = { fetch: withTen().fetch }
    const { code, says } = await examine(
      ['--token', token, '--url', 'http://proxy.example', '--read-only'],
      around,
    )
    expect(says.token).toMatch(words)
    expect(code).toBe(exit)
  })

  it('reads one without any log', async () => {
    const { code, says } = await examine(['--token', 'k1.0-4'], {})
    expect(says.token).toMatch(/^skipped: .*no log to compare it with/)
    expect(code).toBe(0)
  })

  it('compares it with the cluster, and says what retention has taken', async () => {
    const fake = cluster()
    fake.log.createTopic('cache-evictions')
    append(fake.log, 'cache-evictions', { v: 1, op: 'clear' })
    const { says } = await examine(['--token', 'k1.0-5', '--brokers', 'a:1'], { connect: () => fake })
    expect(says.token).toMatch(/^PROBLEM: .*the log ends at 1/)
    const gateway = proxy({ retentionRecords: 2 })
    for (let n = 0; n < 10; n++) append(gateway.log, 'cache-evictions', { v: 1, op: 'clear' })
    const old = await examine(['--token', 'k1.0-1', '--url', 'http://p.example', '--read-only'], gateway)
    expect(old.says.token).toMatch(/^warning: .*retention/)
  })
})
