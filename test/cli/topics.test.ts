import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { KafkaOptions } from '../../services/gateway/kafka/index.ts'
import { cluster, kedge } from './harness.ts'
import type { FakeCluster, Surroundings } from './harness.ts'

const BROKERS = ['--brokers', 'kafka-1:9092,kafka-2:9092']
const on = (fake: FakeCluster) => ({ connect: () => fake })
const HOUR = 3_600_000

async function madeBy(brokers: number, args: string[] = []) {
  const fake = cluster(brokers)
  const ran = await kedge(['topics', 'create', ...BROKERS, ...args], on(fake))
  return { fake, ran, settings: (topic: string) => Object.fromEntries(fake.settings.get(topic) ?? []) }
}

describe('kedge topics create', () => {
  it('makes three topics with the settings that the promise rests on', async () => {
    const { fake, ran, settings } = await madeBy(5)
    expect(ran.err).toBe('asking kafka-1:9092, kafka-2:9092 …\n')
    expect(ran.code).toBe(0)
    expect(fake.made).toEqual(['cache-evictions x3', 'cache-updates x3', 'cache-requests x3'])
    expect(settings('cache-evictions')).toEqual({
      'cleanup.policy': 'delete',
      'retention.ms': String(24 * HOUR),
      'min.insync.replicas': '2',
      'unclean.leader.election.enable': 'false',
    })
    expect(settings('cache-updates')).toEqual({
      'cleanup.policy': 'compact',
      'min.compaction.lag.ms': String(HOUR),
      'min.insync.replicas': '2',
      'unclean.leader.election.enable': 'false',
    })
    expect(settings('cache-requests')).toEqual({ 'cleanup.policy': 'delete', 'retention.ms': '600000' })
    expect(fake.closed).toBe(1)
  })

  it('makes the topics of writes and of dead letters when they are asked for', async () => {
    const { fake, ran, settings } = await madeBy(3, [
      '--only=writes,dead-letters',
      '--write-partitions=4',
      '--writes-retention=3d',
      '--dead-letters-topic=orders.dead',
    ])
    expect(ran.code).toBe(0)
    expect(fake.made).toEqual(['cache-writes x3', 'orders.dead x3'])
    expect(fake.log.partitions('cache-writes')).toBe(4)
    const safe = {
      'cleanup.policy': 'delete',
      'retention.bytes': '-1',
      'min.insync.replicas': '2',
      'unclean.leader.election.enable': 'false',
    }
    expect(settings('cache-writes')).toEqual({ ...safe, 'retention.ms': String(72 * HOUR) })
    expect(settings('orders.dead')).toEqual({ ...safe, 'retention.ms': String(720 * HOUR) })
  })

  it('keeps writes for a week by default', async () => {
    const { settings } = await madeBy(3, ['--only=writes'])
    expect(settings('cache-writes')['retention.ms']).toBe(String(168 * HOUR))
  })

  it('keeps evictions for ten TTLs', async () => {
    const { settings } = await madeBy(3, ['--ttl', '10h'])
    expect(settings('cache-evictions')['retention.ms']).toBe(String(100 * HOUR))
  })

  it('makes do with one broker', async () => {
    const { fake, settings } = await madeBy(1)
    expect(fake.made[0]).toBe('cache-evictions x1')
    expect(settings('cache-evictions')['min.insync.replicas']).toBe('1')
  })

  it('takes names, partitions and a choice of topics', async () => {
    const { fake, ran } = await madeBy(3, [
      '--only=evictions,updates',
      '--evictions-topic=shop.evictions',
      '--eviction-partitions=4',
      '--replicas=2',
      '--min-insync-replicas=1',
    ])
    expect(ran.code).toBe(0)
    expect(fake.made).toEqual(['shop.evictions x2', 'cache-updates x2'])
    expect(fake.log.partitions('shop.evictions')).toBe(4)
  })

  it('leaves alone what is there, and what it is only asked about', async () => {
    const fake = cluster()
    fake.log.createTopic('cache-updates')
    const ran = await kedge(['topics', 'create', ...BROKERS, '--dry-run'], on(fake))
    expect(fake.made).toEqual([])
    expect(ran.out).toMatch(/cache-evictions {2}would be created: .*retention\.ms=86400000/)
    expect(ran.out).toMatch(/cache-updates {2}exists already/)
  })

  it.each([
    [['--replicas', '4'], /more than the 3 brokers/],
    [['--min-insync-replicas', '4'], /nothing could be written/],
    [['--replicas', 'all'], /--replicas must be a whole number/],
    [['--only', 'letters'], /--only must be some of evictions, updates, requests, writes, dead-letters/],
  ])('refuses %j', async (args, sentence) => {
    const { fake, ran } = await madeBy(3, args)
    expect(ran.err).toMatch(sentence)
    expect(ran.code).toBe(2)
    expect(fake.made).toEqual([])
  })
})

const check = (fake: FakeCluster, args: string[] = []) =>
  kedge(['topics', 'check', ...BROKERS, ...args], on(fake))

describe('kedge topics check', () => {
  it('finds nothing wrong with what create has made', async () => {
    const { fake } = await madeBy(3)
    const ran = await check(fake)
    expect(ran.code).toBe(0)
    expect(ran.out.match(/^ok /gm)).toHaveLength(3)
    expect(ran.out).toContain('no problems, no warnings')
  })

  it('says which topics are missing', async () => {
    const ran = await check(cluster())
    expect(ran.code).toBe(1)
    expect(ran.out).toMatch(/PROBLEM +cache-evictions +the topic is not there/)
    expect(ran.out).toContain('→ kedge topics create')
    expect(ran.out).toContain('3 problems, no warnings')
  })

  it.each([
    ['cache-evictions', { 'cleanup.policy': 'compact' }, 'PROBLEM', /compaction removes evictions/],
    ['cache-evictions', { 'cleanup.policy': 'compact,delete' }, 'PROBLEM', /compaction removes evictions/],
    ['cache-evictions', { 'retention.ms': '3600000' }, 'PROBLEM', /kept for 1h, and should be for 1d/],
    ['cache-evictions', { 'retention.bytes': '1000' }, 'warning', /burst of evictions/],
    ['cache-evictions', { 'min.insync.replicas': '1' }, 'PROBLEM', /on one broker only/],
    [
      'cache-evictions',
      { 'unclean.leader.election.enable': 'true' },
      'PROBLEM',
      /acknowledged records are then lost/,
    ],
    ['cache-updates', { 'cleanup.policy': 'delete' }, 'PROBLEM', /disappear by age/],
    ['cache-updates', { 'min.compaction.lag.ms': '0' }, 'warning', /compacted after 0 ms/],
    ['cache-updates', { 'max.message.bytes': '1000' }, 'warning', /larger than 1000 bytes/],
    ['cache-requests', { 'retention.ms': '-1' }, 'warning', /for ever/],
    ['cache-requests', { 'cleanup.policy': 'compact' }, 'PROBLEM', /requests that no isolate waits for/],
  ])('of %s says what is wrong with %j', async (topic, wrong, mark, says) => {
    const { fake } = await madeBy(3)
    for (const [name, value] of Object.entries(wrong)) fake.settings.get(topic)?.set(name, value)
    const ran = await check(fake)
    const line = ran.out.split('\n').find((each) => each.startsWith(mark))
    expect(line).toMatch(says)
    expect(line).toContain(topic)
    expect(ran.code).toBe(mark === 'PROBLEM' ? 1 : 0)
  })

  it.each([
    ['cache-writes', { 'cleanup.policy': 'compact' }, /writes that are not persisted yet/],
    ['cache-writes', { 'retention.ms': '3600000' }, /writes are kept for 1h, and should be for 7d/],
    ['cache-writes', { 'retention.bytes': '1000' }, /many writes push out others/],
    ['cache-writes', { 'min.insync.replicas': '1' }, /on one broker only/],
    ['cache-writes', { 'unclean.leader.election.enable': 'true' }, /acknowledged records are then lost/],
    ['cache-writes-dead', { 'cleanup.policy': 'compact,delete' }, /all letters of a key but the last/],
    ['cache-writes-dead', { 'retention.ms': '3600000' }, /dead letters are kept for 1h/],
    ['cache-audit', { 'retention.ms': '3600000' }, /audit lines are kept for 1h, and should be for 365d/],
    ['cache-audit', { 'cleanup.policy': 'compact' }, /lines have no key, so Kafka refuses them/],
  ])('of %s says, when it is asked, what is wrong with %j', async (topic, wrong, says) => {
    const further = ['--only', 'writes,dead-letters,audit']
    const { fake } = await madeBy(3, further)
    expect((await check(fake, further)).out).toContain('no problems, no warnings')
    for (const [name, value] of Object.entries(wrong)) fake.settings.get(topic)?.set(name, value)
    const ran = await check(fake, further)
    const line = ran.out.split('\n').find((each) => each.startsWith('PROBLEM'))
    expect(line).toMatch(says)
    expect(line).toContain(topic)
    expect(ran.code).toBe(1)
  })

  it('says how the topics that are not made of themselves are made, and what partitions of writes are for', async () => {
    const missing = await check(cluster(), ['--only', 'writes'])
    expect(missing.out).toMatch(/cache-writes +the topic is not there: writeBehind\(\) fails/)
    expect(missing.out).toContain('→ kedge topics create --only writes')
    const { fake } = await madeBy(3, ['--only', 'writes'])
    const ran = await check(fake, ['--only', 'writes', '--write-partitions', '4'])
    expect(ran.out).toContain('→ give every cache `writePartitions: 1`')
  })

  it('takes retention without limit, and one replica where there is one broker', async () => {
    const { fake } = await madeBy(1)
    fake.settings.get('cache-evictions')?.set('retention.ms', '-1')
    expect((await check(fake)).code).toBe(0)
  })

  it('compares partitions with those that the caches have', async () => {
    const { fake } = await madeBy(3)
    const ran = await check(fake, ['--eviction-partitions', '4', '--json'])
    expect(ran.code).toBe(1)
    const { ok, findings } = JSON.parse(ran.out) as {
      ok: boolean
      findings: { status: string; says: string }[]
    }
    expect(ok).toBe(false)
    expect(findings.find(({ status }) => status === 'problem')?.says).toMatch(
      /has 1 partitions, and 4 are configured/,
    )
  })

  it('looks at those it is asked about', async () => {
    const { fake } = await madeBy(1, ['--only', 'evictions'])
    expect((await check(fake, ['--only', 'evictions'])).code).toBe(0)
  })
})

const BEARER = ['--sasl-mechanism', 'OAUTHBEARER']

describe('the cluster', () => {
  /** What a command shows the brokers as its token. */
  async function shown(args: readonly string[], around: Surroundings): Promise<unknown> {
    let seen: KafkaOptions | undefined
    const connect = (options: KafkaOptions) => {
      seen = options
      return cluster()
    }
    await kedge(['topics', 'check', ...BROKERS, ...BEARER, ...args], { ...around, connect })
    const sasl = seen?.sasl
    if (sasl?.mechanism !== 'OAUTHBEARER') return sasl
    const { token, ...rest } = sasl
    return { ...rest, token: typeof token === 'function' ? await token() : token }
  }

  it('gets a bearer token of the environment, or of a file, with extensions', async () => {
    const mechanism = 'OAUTHBEARER'
    expect(await shown([], { env: { KEDGE_SASL_TOKEN: 'a.b' } })).toEqual({ mechanism, token: 'a.b' })
    const args = ['--sasl-token-file', 'token', '--sasl-extension', 'logicalCluster=lkc-1=2']
    const extensions = { logicalCluster: 'lkc-1=2' }
    const files = { token: 'c.d\n' }
    expect(await shown(args, { files })).toEqual({ mechanism, token: 'c.d', extensions })
  })

  it('gets a bearer token of a token endpoint', async () => {
    const server = createServer((_, response) =>
      response.end('{"access_token":"e.f","token_type":"Bearer","expires_in":60}'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const env = { KEDGE_SASL_CLIENT_SECRET: 's3cret' }
    const args = ['--sasl-token-url', url, '--sasl-client-id', 'kedge']
    expect(await shown(args, { env })).toMatchObject({ token: 'e.f' })
  })

  it('is reached as the settings say', async () => {
    let seen: KafkaOptions | undefined
    const pem = '-----BEGIN CERTIFICATE-----\n'
    await kedge(['topics', 'check', ...BROKERS, '--tls-ca', 'ca.pem', '--sasl-mechanism', 'SCRAM-SHA-256'], {
      files: { 'ca.pem': pem, 'kedge.config.json': { sasl: { username: 'me', password: 'secret' } } },
      env: { KEDGE_TLS_SERVERNAME: 'kafka' },
      connect: (options) => {
        seen = options
        return cluster()
      },
    })
    expect(seen).toEqual({
      brokers: ['kafka-1:9092', 'kafka-2:9092'],
      clientId: 'kedge',
      sessionTimeoutMs: 9000,
      onUnreadable: expect.any(Function),
      tls: { ca: pem, servername: 'kafka' },
      sasl: { mechanism: 'SCRAM-SHA-256', username: 'me', password: 'secret' },
    })
  })

  it.each([
    ['ECONNREFUSED', 'connect ECONNREFUSED', /connection refused/],
    ['PLT_KFK_NETWORK', 'Connection closed', /is a broker there.*URL of a proxy belongs to --url/],
    ['PLT_KFK_AUTHENTICATION', 'Cannot find a suitable SASL mechanism.', /the credentials are refused/],
    [
      'PLT_KFK_USER',
      'TLS handshake failed. Please verify the broker supports TLS.',
      /the TLS handshake failed/,
    ],
    [
      'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
      'ssl/tls alert bad certificate',
      /does not take the certificate/,
    ],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', 'sslv3 alert', /does not take the certificate/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tlsv13 alert', /asks for a certificate, and none/],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'ssl/tls alert', /may ask for a certificate/],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tlsv1 alert unknown ca', /does not know the authority/],
    ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'key values mismatch', /the key is not that of the certificate/],
  ])('that cannot be reached is reported in plain words: %s', async (code, message, words) => {
    const away = cluster()
    const cause = new Error('The broker cannot be reached.', {
      cause: Object.assign(new Error(message), { code }),
    })
    away.topics = () => Promise.reject(new Error('The cluster cannot be reached.', { cause }))
    const ran = await check(away)
    expect(ran.err).toMatch(
      /^asking [^\n]+\nkedge: The cluster cannot be reached \([^\n]+\)(?:; see --sasl[^\n]+)?\n$/,
    )
    expect(ran.err).toMatch(words)
    expect(ran.code).toBe(1)
  })

  it.each([
    [
      ['--tls-ca', 'missing.pem'],
      /--tls-ca: the file missing.pem cannot be read \(there is no such file or folder\)/,
    ],
    [['--tls-ca', 'not.pem'], /not.pem is not a PEM file/],
    [['--tls-cert', 'good.pem'], /go together/],
    [['--sasl-username', 'me'], /--sasl-username needs a password: set KEDGE_SASL_PASSWORD/],
    [['--sasl-mechanism', 'PLAIN'], /SASL needs a user: give --sasl-username/],
    [['--sasl-token-file', 'token'], /--sasl-token-file needs --sasl-mechanism OAUTHBEARER/],
    [['--sasl-mechanism', 'OAUTHBEARER'], /OAUTHBEARER needs a token: set KEDGE_SASL_TOKEN, or give/],
    [[...BEARER, '--sasl-username', 'me'], /--sasl-username and KEDGE_SASL_PASSWORD are not for OAUTHBEARER/],
    [[...BEARER, '--sasl-token-file', 'a', '--sasl-token-url', 'https://b.example'], /no two of them/],
    [[...BEARER, '--sasl-token-file', 'a', '--sasl-scope', 'b'], /--sasl-scope needs --sasl-token-url/],
    [
      [...BEARER, '--sasl-token-url', 'https://b.example', '--sasl-client-id', 'a'],
      /set KEDGE_SASL_CLIENT_SECRET/,
    ],
    [
      [...BEARER, '--sasl-token-file', 'a', '--sasl-extension', '=b'],
      /--sasl-extension must be a name and a value/,
    ],
  ])('is not reached with %j', async (args, sentence) => {
    const files = { 'not.pem': 'x', 'good.pem': '-----BEGIN X' }
    const ran = await kedge(['topics', 'check', ...BROKERS, ...args], { files, connect: () => cluster() })
    expect(ran.err).toMatch(sentence)
    expect(ran.code).toBe(2)
  })
})
