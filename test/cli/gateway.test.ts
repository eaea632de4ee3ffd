import { createHmac } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { selfSigned } from '../services/gateway/self-signed.ts'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { createCache } from '../../src/index.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { cluster, kedge } from './harness.ts'
import type { Ran, Surroundings } from './harness.ts'
import { hashToken } from '../../services/gateway/secret-hash.ts'
import type { KafkaOptions } from '../../services/gateway/kafka/index.ts'

interface Serving {
  readonly ran: Promise<Ran>
  readonly url: string
  readonly stop: () => void
}

/** A gateway on a free port. */
async function serving(args: string[], around: Surroundings = {}): Promise<Serving> {
  const stop = new AbortController()
  let ran!: Promise<Ran>
  const url = await new Promise<string>((resolve, reject) => {
    ran = kedge(['gateway', '--port', '0', ...args], {
      ...around,
      stop: stop.signal,
      onOut: (text) => {
        const found = /https?:\/\/\S+/.exec(text)
        if (found) resolve(found[0])
      },
    })
    void ran.then(({ err }) => reject(new Error(err)))
  })
  return { ran, url, stop: () => stop.abort() }
}

describe('kedge gateway', () => {
  it('stands on a log in memory when nothing is said, until it is asked to end', async () => {
    const { url, ran, stop } = await serving([])
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(await (await fetch(url)).json()).toMatchObject({ name: 'kedge gateway', cluster: 'kedge-memory' })
    stop()
    const { code, out, err } = await ran
    expect([code, err]).toEqual([0, ''])
    expect(out).toBe(
      [
        `kedge gateway listening on ${url} (log: memory)`,
        '  access   this machine alone, without credentials; KEDGE_GATEWAY_TOKEN asks for one',
        '  log      in memory: it ends with this process; --brokers puts it on a Kafka cluster',
        `  caches   gateway({ url: '${url}' })`,
        `  look     kedge doctor --url ${url}`,
        `  follow   kedge tail --follow --url ${url}`,
        `  watch    ${url}/ui`,
        '',
      ].join('\n'),
    )
    await expect(fetch(url)).rejects.toThrow()
  })

  it('makes topics, and no others when it may not', async () => {
    const { url, ran, stop } = await serving(['--topic', 'a', '--topic', 'b:2', '--no-auto-create'], {
      env: { KEDGE_GATEWAY_TOPICS: 'c', KEDGE_GATEWAY_AUTO_CREATE: 'true' },
    })
    expect(await (await fetch(`${url}/topics`)).json()).toEqual(['a', 'b'])
    expect((await fetch(`${url}/topics/c/partitions/0/offsets`)).status).toBe(404)
    stop()
    await ran
  })

  it('lets in clients with credentials from the environment, the file or flags', async () => {
    const { url, ran, stop } = await serving(['--token', 'x', '--token', 'y'], {
      env: { KEDGE_GATEWAY_USER: 'ann:p:w,d' },
    })
    const status = async (authorization: string) =>
      (await fetch(`${url}/topics`, { headers: { authorization } })).status
    expect((await fetch(`${url}/topics`)).status).toBe(401)
    expect(await status('Bearer x')).toBe(200)
    expect(await status('Bearer y')).toBe(200)
    expect(await status(`Basic ${btoa('ann:p:w,d')}`)).toBe(200)
    stop()
    const { out, err } = await ran
    expect(out + err).not.toContain('p:w,d')
  })

  it('gives credentials of the file their own roles and topics, and those of flags what --roles and --topics say', async () => {
    const credentials = [
      { name: 'edge', token: hashToken('edge-token'), roles: ['read'], topics: ['cache-*'] },
    ]
    const { url, ran, stop } = await serving(
      ['--token', 'flag-token', '--roles', 'write', '--topics', 'cache-*,jobs', '--topic', 'payroll'],
      { files: { 'kedge.config.json': { gateway: { credentials } } } },
    )
    const status = async (token: string, topic: string, body?: string) => {
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/vnd.kafka.json.v2+json',
      }
      const what = body === undefined ? { headers } : { method: 'POST', headers, body }
      return (await fetch(`${url}/topics/${topic}`, what)).status
    }
    const record = '{"records":[{"value":1}]}'
    expect(await status('edge-token', 'cache-a')).toBe(200)
    expect(await status('edge-token', 'cache-a', record)).toBe(403)
    expect(await status('edge-token', 'payroll')).toBe(403)
    expect(await status('flag-token', 'jobs', record)).toBe(200)
    expect(await status('flag-token', 'payroll', record)).toBe(403)
    stop()
    await ran
  })

  it('creates and deletes topics of a cluster for none but an admin', async () => {
    const fake = cluster()
    fake.log.createTopic('t')
    const env = {
      KEDGE_GATEWAY_CREDENTIALS: '[{"token":"boss","roles":["admin"]}]',
      KEDGE_GATEWAY_TOKEN: 'edge',
    }
    const { url, ran, stop } = await serving(['--brokers', 'kafka:9092'], { connect: () => fake, env })
    const ask = async (token: string, method: string, path: string) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const body = method === 'POST' ? { body: '{"topic_name":"new"}' } : {}
      return (await fetch(`${url}/v3/clusters/the-cluster/topics${path}`, { method, headers, ...body }))
        .status
    }
    expect(await ask('edge', 'POST', '')).toBe(403)
    expect(await ask('edge', 'DELETE', '/t')).toBe(403)
    expect(await ask('boss', 'POST', '')).toBe(201)
    expect(await ask('boss', 'DELETE', '/t')).toBe(204)
    stop()
    await ran
  })

  it('leaves topics of a cluster alone also with --open', async () => {
    const fake = cluster()
    fake.log.createTopic('t')
    const { url, ran, stop } = await serving(['--brokers', 'kafka:9092', '--open'], { connect: () => fake })
    const gone = await fetch(`${url}/v3/clusters/the-cluster/topics/t`, { method: 'DELETE' })
    expect([gone.status, fake.log.describe('t')?.partitions]).toEqual([403, 1])
    stop()
    await ran
  })

  it.each([
    ['[{"token":"top-secret","topic":["a"]}]', /CREDENTIALS must each be an object/],
    ['[{"token":"top-secret","roles":["owner"]}]', /must have roles of read, write, admin/],
    ['top-secret', /must be a list of credentials, in JSON/],
    ['[{"token":"top-secret","user":"u","password":"p"}]', /`credentials` must each have a `token`, or/],
  ])('refuses the credentials %s without quoting them', async (json, sentence) => {
    const { code, err } = await kedge(['gateway', '--port', '0'], {
      env: { KEDGE_GATEWAY_CREDENTIALS: json },
    })
    expect(err).toMatch(sentence)
    expect([code, err]).toEqual([2, expect.not.stringContaining('top-secret')])
    const files = {
      'kedge.config.json': { gateway: { credentials: json.startsWith('[') ? JSON.parse(json) : json } },
    }
    const file = await kedge(['gateway', '--port', '0'], { files })
    expect([file.code, file.err]).toEqual([2, expect.not.stringContaining('top-secret')])
  })

  it('writes a line for each request under --access-log', async () => {
    const { url, ran, stop } = await serving(['--access-log'])
    await fetch(`${url}/topics`)
    stop()
    const line = (await ran).out.split('\n').find((each) => each.startsWith('{'))
    expect(JSON.parse(line!)).toMatchObject({ method: 'GET', path: '/topics', status: 200 })
  })

  it('stands on the cluster that is named, and disconnects from it at its end', async () => {
    const fake = cluster()
    fake.log.createTopic('of-the-cluster')
    const { url, ran, stop } = await serving(['--brokers', 'kafka:9092', '--open'], { connect: () => fake })
    expect(await (await fetch(`${url}/topics`)).json()).toEqual(['of-the-cluster'])
    expect(await (await fetch(url)).json()).toMatchObject({ cluster: 'the-cluster' })
    stop()
    const { out } = await ran
    expect(out).toContain('(log: kafka)')
    expect(out).toContain('stands on the cluster the-cluster of 1 broker')
    expect(fake.closed).toBeGreaterThan(0)
  })

  it('knows the session timeout of the cluster, and reports a batch that cannot be read', async () => {
    let given: KafkaOptions | undefined
    const args = ['--brokers', 'kafka:9092', '--open', '--session-timeout', '6s']
    const { ran, stop } = await serving(args, { connect: (options) => ((given = options), cluster()) })
    expect(given).toMatchObject({ sessionTimeoutMs: 6000 })
    given?.onUnreadable?.({ topic: 't', partition: 2, from: 3, offset: 7, reason: 'its CRC is wrong' })
    stop()
    expect((await ran).err).toContain('a batch of t/2 before 7 cannot be read (its CRC is wrong)')
  })

  it('listens although the cluster cannot be reached, and says so', async () => {
    const away = {
      ...cluster(),
      brokers: () => Promise.reject(new Error('The cluster cannot be reached.')),
    }
    const { url, ran, stop } = await serving(['--brokers', 'kafka:9092'], {
      connect: () => away,
      env: { KEDGE_GATEWAY_TOKEN: 't0ken' },
    })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    stop()
    expect((await ran).err).toBe(
      'kedge gateway: The cluster cannot be reached; it serves as soon as that has changed\n',
    )
  })

  it('leaves out the brokers of the file under --log memory', async () => {
    const files = { 'kedge.config.json': { brokers: ['kafka:9092'] } }
    const { ran, stop } = await serving(['--log', 'memory'], { files })
    stop()
    expect((await ran).out).toContain('(log: memory)')
  })

  it.each([
    [['--port', '70000'], {}, /--port .*0 to 65535, got "70000"/],
    [['--port', '-1'], {}, /--port/],
    [['--partitions', '1.5'], {}, /--partitions.*whole number/],
    [[], { KEDGE_GATEWAY_MAX_WAIT: 'soon' }, /KEDGE_GATEWAY_MAX_WAIT/],
    [['--log', 'disk'], {}, /--log.*memory/],
    [['--topic', 'a:0'], {}, /--topic/],
    [['--user', 'secret'], {}, /--user(?!.*: secret|"secret")/],
    [[], { KEDGE_GATEWAY_ACCESS_LOG: 'perhaps' }, /KEDGE_GATEWAY_ACCESS_LOG must be true or false/],
  ])('refuses %j %j with a sentence and 2', async (args, env, sentence) => {
    const { code, err } = await kedge(['gateway', ...args], { env })
    expect(err).toMatch(sentence)
    expect(err).toMatch(/^kedge: [^\n]+\n$/)
    expect(code).toBe(2)
  })

  it.each([
    [['--host', '0.0.0.0'], /everybody who reaches 0\.0\.0\.0 could read and write: set KEDGE_GATEWAY_TOKEN/],
    [['--host', 'gateway.example'], /could read and write.*--open/],
    [['--brokers', 'kafka:9092'], /every process of this machine could read and write the cluster.*--open/],
    [['--brokers', 'kafka:9092', '--host', '::'], /everybody who reaches :: could/],
    [['--open', '--token', 't0ken'], /--open lets every client in: leave it out, or the credentials/],
  ])('does not start with %j without credentials', async (args, sentence) => {
    const { code, err, out } = await kedge(['gateway', '--port', '0', ...args])
    expect(err).toMatch(sentence)
    expect([code, out]).toEqual([2, ''])
  })

  it.each([['--host', '0.0.0.0'], ['--brokers', 'kafka:9092'], []])(
    'says that it is open with --open %s %s',
    async (...args) => {
      const { ran, stop } = await serving(['--open', ...args], { connect: () => cluster() })
      stop()
      const { err, out } = await ran
      expect(err).toMatch(/^kedge gateway: open: everybody who reaches http:\S+ may read and write\n$/)
      expect(out).not.toContain('this machine alone')
    },
  )

  it('says that its port is taken', async () => {
    const { url, ran, stop } = await serving([])
    const { code, err } = await kedge(['gateway', '--port', new URL(url).port])
    const { port } = new URL(url)
    expect(err).toBe(`kedge: port ${port} is taken (another gateway?): --port ${Number(port) + 1}\n`)
    expect(code).toBe(1)
    stop()
    await ran
  })
})

describe('the audit of kedge gateway', () => {
  const HEADERS = { 'content-type': 'application/vnd.kafka.json.v2+json', 'x-request-id': 'r-1' }
  const write = async (url: string, headers: Record<string, string> = {}) => {
    const body = '{"records":[{"key":"a-key","value":"a-value"}]}'
    return fetch(`${url}/topics/t`, { method: 'POST', headers: { ...HEADERS, ...headers }, body })
  }

  it('adds a line for each write to a file, which only its owner may read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kedge-audit-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'audit.jsonl')
    for (let run = 0; run < 2; run++) {
      const { url, ran, stop } = await serving(['--audit', file])
      await write(url)
      stop()
      await ran
    }
    const text = await readFile(file, 'utf8')
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    const entry = {
      time: '2023-11-14T22:13:20.000Z',
      act: 'write',
      topic: 't',
      partition: 0,
      offsets: [0, 0],
      count: 1,
      outcome: 'ok',
      principal: '',
      roles: ['read', 'write', 'admin'],
      remote: '127.0.0.1',
      requestId: 'r-1',
    }
    expect(lines).toEqual([entry, entry])
    expect(text).not.toMatch(/a-key|a-value/)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('prints its lines with --audit stdout', async () => {
    const { url, ran, stop } = await serving(['--audit', 'stdout'], {
      env: { KEDGE_GATEWAY_TOKEN: 'right-token' },
    })
    await write(url, { authorization: 'Bearer wrong-token' })
    stop()
    const { out } = await ran
    const line = out.split('\n').find((each) => each.startsWith('{'))!
    expect(JSON.parse(line)).toMatchObject({
      act: 'show-credential',
      outcome: 'wrong-credential',
      remote: '127.0.0.1',
    })
    expect(out).not.toMatch(/wrong-token|right-token/)
  })

  it('shows keys as hashes by the secret of a file, and no key', async () => {
    const around = { files: { 'keys.secret': 'sixteen-letters!sixteen-letters!\n' } }
    const { url, ran, stop } = await serving(
      ['--audit', 'stdout', '--audit-keys-hash', 'keys.secret'],
      around,
    )
    await write(url)
    await fetch(`${url}/topics/t`, {
      method: 'POST',
      headers: { ...HEADERS, 'content-type': 'application/vnd.kafka.binary.v2+json' },
      body: JSON.stringify({
        records: [
          { value: 'AA==' },
          ...Array.from({ length: 150 }, (_, at) => ({ key: btoa(`k${at}`), value: 'AA==' })),
        ],
      }),
    })
    stop()
    const { out } = await ran
    const [one, many] = out
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { count: number; keys: string[] })
    const hash = createHmac('sha256', 'sixteen-letters!sixteen-letters!').update('"a-key"').digest('hex')
    expect(one?.keys).toEqual([hash.slice(0, 32)])
    expect([many?.count, many?.keys.length]).toEqual([151, 99])
    expect(out).not.toMatch(/a-key|sixteen-letters|a-value/)
  })

  it('writes its lines to a topic of the cluster, which `kedge audit verify` reads', async () => {
    const lines: string[] = []
    const fake = Object.assign(cluster(), {
      append: async (topic: string, records: readonly { value: Uint8Array | null }[]) => {
        if (topic !== 't')
          lines.push(...records.map(({ value }) => `${topic} ${Buffer.from(value!).toString()}`))
        return records.map((_, offset) => ({ partition: 0, offset, timestamp: 0 }))
      },
    })
    const env = { KEDGE_GATEWAY_AUDIT_KEY: 'sixteen-letters!sixteen-letters!' }
    const { url, ran, stop } = await serving(['--open', '--brokers', 'kafka:9092', '--audit', 'topic'], {
      env,
      runtime: systemRuntime(),
      connect: () => fake,
    })
    for (let nth = 0; nth < 3; nth++) await write(url)
    stop()
    expect((await ran).err).not.toContain('lost')
    expect(lines).toHaveLength(3)
    for (const line of lines)
      expect(line).toMatch(
        /^cache-audit \{"time":"[^"]+","act":"write","topic":"t",.*"writer":"[\w-]+","seq":\d,"chain":"[0-9a-f]{64}"\}$/,
      )
    const texts = lines.map((line) => line.slice('cache-audit '.length))
    const verify = async (given: readonly string[]) => {
      const { code, out } = await kedge(['audit', 'verify', 'a.jsonl'], {
        env,
        files: { 'a.jsonl': given.join('\n') },
      })
      return [code, out]
    }
    expect(await verify([texts[2]!, texts[0]!, texts[1]!, texts[1]!])).toEqual([
      0,
      'all 4 lines are as they were written\n',
    ])
    expect(await verify([texts[0]!, texts[2]!])).toEqual([
      1,
      'all 2 lines are as they were written; 1 line is gone from between them\n',
    ])
    expect(await verify([texts[0]!.replace('"count":1', '"count":2')])).toEqual([
      1,
      expect.stringMatching(/^a\.jsonl:1 has not the link that this key makes/),
    ])
    expect(await verify([texts[0]!.replace('"seq":0', '"seq":1')])).toEqual([
      1,
      expect.stringMatching(/^a\.jsonl:1 has not the link that this key makes/),
    ])
  })

  it('serves on while its topic takes nothing, and counts what is lost', async () => {
    const fake = Object.assign(cluster(), {
      append: async (topic: string, records: readonly unknown[]) => {
        if (topic !== 't') throw new Error('no such topic')
        return records.map((_, offset) => ({ partition: 0, offset, timestamp: 0 }))
      },
    })
    const { url, ran, stop } = await serving(['--open', '--brokers', 'kafka:9092', '--audit', 'topic:a.b'], {
      runtime: systemRuntime(),
      connect: () => fake,
    })
    expect((await write(url)).status).toBe(200)
    stop()
    const { code, err } = await ran
    expect(code).toBe(0)
    expect(err).toContain('kedge gateway: the audit cannot be written to the topic a.b: no such topic\n')
    expect(err).toContain('kedge gateway: 1 entries of the audit were lost\n')
  })

  it.each([
    [['--audit', 'topic'], {}, /--audit topic needs a cluster: give --brokers/],
    [['--audit-keys-hash', 'keys'], {}, /--audit-keys-hash needs --audit/],
    [
      ['--audit', 'stdout', '--audit-keys-hash', 'none'],
      {},
      /the file none cannot be read \(there is no such file or folder\)/,
    ],
    [['--audit', 'stdout', '--audit-keys-hash', 'keys'], {}, /must have 32 to 4096 characters/],
    [
      ['--audit', 'stdout'],
      { KEDGE_GATEWAY_AUDIT_KEY: 'k'.repeat(32) },
      /chains the lines of a file or a topic/,
    ],
    [
      ['--open', '--brokers', 'k:1', '--audit', 'topic'],
      { KEDGE_GATEWAY_AUDIT_KEY: 'k'.repeat(31) },
      /^kedge: KEDGE_GATEWAY_AUDIT_KEY must be a secret of at least 32 characters, as of `openssl/,
    ],
    [['--audit', 'audit.jsonl'], { KEDGE_GATEWAY_AUDIT_KEY: 'k'.repeat(31) }, /at least 32 characters/],
  ])('does not start with %j', async (args, env, sentence) => {
    const around = { env, files: { keys: 'short' }, connect: () => cluster() }
    const { code, err } = await kedge(['gateway', '--port', '0', ...args], around)
    expect([code, err]).toEqual([2, expect.stringMatching(sentence)])
  })

  it('does not start with a file that it cannot write', async () => {
    const { code, err } = await kedge(['gateway', '--port', '0', '--audit', 'nowhere/audit.jsonl'])
    expect([code, err]).toEqual([
      2,
      'kedge: --audit: the file nowhere/audit.jsonl cannot be written (there is no such file or folder)\n',
    ])
  })
})

describe('kedge gateway over TLS', () => {
  it('serves with a certificate, and takes that of a client for a credential', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kedge-cli-tls-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const { cert, key } = await selfSigned(folder, 'gateway')
    const args = ['--certificate', cert, '--certificate-key', key]
    const { url, ran, stop } = await serving(args)
    expect(url).toMatch(/^https:/)
    stop()
    expect((await ran).out).toContain(`gateway({ url: '${url}' })`)
    const closed = await kedge(['gateway', '--port', '0', '--host', '0.0.0.0', ...args])
    expect(closed.err).toContain('could read and write')
    const mutual = await serving(['--host', '0.0.0.0', '--client-ca', cert, ...args])
    mutual.stop()
    expect((await mutual.ran).code).toBe(0)
  })

  it.each([
    [['--certificate', 'a.pem'], /--certificate and --certificate-key go together/],
    [['--client-ca', 'a.pem'], /--client-ca needs both/],
    [
      ['--certificate', 'a.pem', '--certificate-key', 'a.key'],
      /^kedge: --certificate: the file .*a\.pem cannot be read \(there is no such file or folder\)$/m,
    ],
  ])('refuses %j', async (args, sentence) => {
    const { code, err } = await kedge(['gateway', '--port', '0', ...args])
    expect([code, err]).toEqual([2, expect.stringMatching(sentence)])
  })
})

describe('kedge gateway credentials', () => {
  it('prints the least that an isolate needs: a hash for the gateway, and once the secret', async () => {
    const { code, out, err } = await kedge(['gateway', 'credentials'])
    expect([code, err]).toEqual([0, ''])
    const [, list, , given] = out.split('\n')
    const secret = /^KAFKA_TOKEN=([\w-]{43})$/.exec(given!)![1]!
    expect(JSON.parse(list!)).toEqual([
      {
        name: 'isolates',
        token: hashToken(secret),
        roles: ['read', 'write'],
        topics: ['cache-evictions', 'cache-updates'],
        groups: [],
      },
    ])
    expect((await kedge(['gateway', 'credentials'])).out).not.toContain(secret)
  })

  it('prints what a gateway takes, with which a cache does its work and nothing else', async () => {
    const { out: text } = await kedge(['gateway', 'credentials', '--json', '--user', 'edge'])
    const { credential, secret } = JSON.parse(text) as { credential: object; secret: string }
    expect(JSON.stringify(credential)).not.toContain(secret)
    const env = { KEDGE_GATEWAY_CREDENTIALS: JSON.stringify([credential]) }
    const args = ['--topic', 'cache-evictions', '--topic', 'cache-updates', '--topic', 'payroll']
    const { url, ran, stop } = await serving(args, { env })
    const cache = createCache({
      kafka: gateway({ url, auth: { username: 'edge', password: secret } }),
      ttl: '1m',
    })
    const users = cache.namespace<string>('users')
    expect(await users.getOrSet('7', () => 'Ada')).toBe('Ada')
    await users.delete('7')
    expect(await users.getOrSet('7', () => 'Grace')).toBe('Grace')
    await cache.close()
    const headers = { authorization: `Basic ${btoa(`edge:${secret}`)}` }
    expect((await fetch(`${url}/topics/payroll`, { headers })).status).toBe(403)
    stop()
    expect((await ran).out).not.toContain(secret)
  })

  it('takes other names, roles, topics and groups', async () => {
    const args = ['--name', 'ops', '--roles', 'admin', '--topics', 'a-*, b', '--groups', 'g', '--json']
    const { out } = await kedge(['gateway', 'credentials', ...args])
    expect(JSON.parse(out)).toMatchObject({
      credential: { name: 'ops', roles: ['admin'], topics: ['a-*', 'b'], groups: ['g'] },
    })
    const env = { KEDGE_TOPICS_EVICTIONS: 'e', KEDGE_TOPICS_UPDATES: 'u' }
    const named = await kedge(['gateway', 'credentials', '--json'], { env })
    expect(JSON.parse(named.out)).toMatchObject({ credential: { topics: ['e', 'u'] } })
  })

  it.each([
    [['--roles', 'owner'], /`roles`/],
    [['--topics', 'a b'], /`topics`/],
    [['--user', 'a:b'], /--user must have no colon/],
  ])('refuses %j', async (args, sentence) => {
    const { code, err } = await kedge(['gateway', 'credentials', ...args])
    expect([code, err]).toEqual([2, expect.stringMatching(sentence)])
  })
})
