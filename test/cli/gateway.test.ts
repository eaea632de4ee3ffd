import { describe, expect, it } from 'vitest'
import { cluster, kedge } from './harness.ts'
import type { Ran, Surroundings } from './harness.ts'
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
        const found = /http:\/\/\S+/.exec(text)
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
