import { describe, expect, it } from 'vitest'
import { kedge } from './harness.ts'
import type { Ran, Surroundings } from './harness.ts'

/** The URL at which the doctor looks: that of its error. */
async function asked(args: string[], around: Surroundings = {}): Promise<string> {
  const { out, err } = await kedge(['doctor', ...args], {
    ...around,
    fetch: () => Promise.reject(new Error('no')),
  })
  return /http:\S+?(?= cannot)/.exec(out)?.[0] ?? err
}

const FILE = { 'kedge.config.json': { url: 'http://file.example' } }

describe('a setting', () => {
  it('is taken from the flag before the environment before the file before its default', async () => {
    const env = { KEDGE_URL: 'http://environment.example' }
    expect(await asked([])).toBe('http://127.0.0.1:8082')
    expect(await asked([], { files: FILE })).toBe('http://file.example')
    expect(await asked([], { files: FILE, env })).toBe('http://environment.example')
    expect(await asked(['--url', 'http://flag.example'], { files: FILE, env })).toBe('http://flag.example')
  })

  it('counts as not given when its variable is empty', async () => {
    expect(await asked([], { files: FILE, env: { KEDGE_URL: '' } })).toBe('http://file.example')
  })

  it('names where it stands when it is wrong', async () => {
    expect((await kedge(['doctor'], { env: { KEDGE_REQUEST_TIMEOUT: 'soon' } })).err).toBe(
      "kedge: KEDGE_REQUEST_TIMEOUT must be a duration such as '500ms', '10s' or '5m', got \"soon\"\n",
    )
    const files = { 'kedge.config.json': { gateway: { port: 'x' } } }
    expect((await kedge(['doctor'], { files })).err).toBe(
      'kedge: kedge.config.json: gateway.port must be a whole number from 0 to 65535\n',
    )
  })
})

describe('a variable of the environment', () => {
  const warned = async (env: Record<string, string>, args: string[]): Promise<string> =>
    (await kedge(args, { env, files: { a: '' } })).err

  it.each([
    ['KEDGE_GATEWAY_TOKENS', ['gateway', '--port', 'x'], '; did you mean KEDGE_GATEWAY_TOKEN?'],
    ['KEDGE_GATEWAY_TOKENS', ['doctor', '--url', 'ftp'], '; did you mean KEDGE_GATEWAY_TOKEN?'],
    ['KEDGE_BROKER', ['topics', 'check'], '; did you mean KEDGE_BROKERS?'],
    ['KEDGE_TOKEN', ['tail', '--url', 'ftp'], '; did you mean KEDGE_AUTH_TOKEN?'],
    ['KEDGE_ORIGIN', ['serve'], '; did you mean KEDGE_SERVE_ORIGIN?'],
    ['KEDGE_GATEWAY_AUDIT_KEYS', ['audit', 'verify', 'a'], '; did you mean KEDGE_GATEWAY_AUDIT_KEY?'],
    ['KEDGE_COLOUR', ['get', 'users', '7'], ''],
    ['KEDGE_PORT', ['sync'], ''],
  ])('%s is named as no setting by %j', async (name, args, hint) => {
    const err = await warned({ [name]: 's3cret' }, args)
    expect(err.split('\n')[0]).toBe(`kedge: ${name} is not a setting, and does nothing${hint}`)
    expect(err).not.toContain('s3cret')
  })

  it('of another command is no mistake, nor is one that Kubernetes sets for a Service', async () => {
    const env = {
      KEDGE_SYNC_TO: 'redis://store',
      KEDGE_CONFIG: '',
      KEDGE_GATEWAY_AUDIT_KEY: 'k',
      KEDGE_PORT: 'tcp://10.0.0.1:8080',
      KEDGE_SERVICE_HOST: '10.0.0.1',
      KEDGE_SERVICE_PORT: '8080',
      KEDGE_SERVICE_PORT_HTTP: '8080',
      KEDGE_SERVE_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      KEDGE_SERVE_PORT_8080_TCP_ADDR: '10.0.0.1',
    }
    expect(await warned(env, ['topics', 'check'])).not.toContain('is not a setting')
  })

  it('that Kubernetes has set in place of ours is said to be so', async () => {
    expect(await warned({ KEDGE_GATEWAY_PORT: 'tcp://10.0.0.1:8082' }, ['gateway'])).toBe(
      'kedge: KEDGE_GATEWAY_PORT must be a whole number from 0 to 65535, got "tcp://10.0.0.1:8082"; Kubernetes sets it for a Service of that name: give the Service another name, or the pod `enableServiceLinks: false`\n',
    )
  })

  it('is named ten times at most', async () => {
    const env = Object.fromEntries(Array.from({ length: 12 }, (_, nth) => [`KEDGE_X${nth}\u001b[2J`, '']))
    const lines = (await warned(env, ['topics', 'check'])).split('\n')
    expect(lines.slice(0, 12)).toEqual([
      ...Array.from({ length: 10 }, () => expect.stringMatching(/^kedge: KEDGE_X\d \[2J is not a setting/)),
      'kedge: 2 more KEDGE_ variables are not settings',
      expect.stringContaining('--brokers is missing'),
    ])
  })
})

describe('the configuration file', () => {
  const refused = async (content: string | object): Promise<Ran> =>
    kedge(['doctor'], { files: { 'kedge.config.json': content } })

  it('is the one that is named, before the one in the folder', async () => {
    const files = { ...FILE, 'other.json': { url: 'http://other.example' } }
    expect(await asked(['--config', 'other.json'], { files })).toBe('http://other.example')
    expect(await asked([], { files, env: { KEDGE_CONFIG: 'other.json' } })).toBe('http://other.example')
  })

  it.each([
    [{ colour: 'red' }, 'colour is not a setting'],
    [{ broker: 'a:1' }, 'broker is not a setting; did you mean brokers?'],
    [{ gateway: { prot: 1 } }, 'gateway.prot is not a setting; did you mean gateway.port?'],
    [{ gateway: { colour: 'red' } }, 'gateway.colour is not a setting'],
    [{ gateway: 3 }, 'gateway must be an object'],
    [[], 'must be an object'],
    ['{"password": hunter2}', ':1:14: it is not JSON from here on'],
    ['{\n  "url": "x",\n  "ttl": 3,,\n}', ':3:12: it is not JSON from here on'],
    [{ sasl: { mechanism: 'GSSAPI' } }, 'sasl.mechanism must be one of PLAIN'],
    [{ brokers: [3] }, 'brokers must be a list'],
  ])('%j is refused', async (content, says) => {
    const { code, err } = await refused(content)
    expect(err).toContain(`kedge: kedge.config.json`)
    expect(err).toContain(says)
    expect(err).not.toContain('hunter2')
    expect(err).toMatch(/^[^\n]+\n$/)
    expect(code).toBe(2)
  })

  it('is refused where it is larger than a megabyte', async () => {
    const content = JSON.stringify({ url: 'http://proxy.example' })
    expect(await refused(content.padEnd(1_000_001))).toMatchObject({
      code: 2,
      err: 'kedge: kedge.config.json is larger than 1000000 bytes\n',
    })
    expect((await refused(content.padEnd(1_000_000))).err).not.toContain('larger')
  })

  it('may hold credentials of the gateway, which no command shows', async () => {
    const { err } = await refused({ url: 'hunter2', gateway: { token: ['hunter2'], user: ['ann:hunter3'] } })
    expect(err).toContain('must begin with http://')
    expect(err).not.toContain('hunter2')
  })

  it('may hold secrets, which are not shown', async () => {
    const files = {
      'kedge.config.json': { url: 'http://proxy.example', username: 'ann', password: 'hunter2' },
    }
    let sent = ''
    const ran = await kedge(['doctor'], {
      files,
      fetch: async (input, init) => {
        sent = new Request(input, init).headers.get('authorization') ?? ''
        return Response.json({ message: 'no hunter2 here' }, { status: 403 })
      },
    })
    expect(sent).toBe(`Basic ${btoa('ann:hunter2')}`)
    expect(ran.out + ran.err).not.toContain('hunter2')
    expect(ran.code).toBe(1)
  })

  it('holds settings of other commands too', async () => {
    const files = {
      'kedge.config.json': {
        ...FILE['kedge.config.json'],
        topics: { evictions: 'shop.evictions' },
        evictionPartitions: 4,
        ttl: '1h',
        brokers: ['kafka-1:9092', 'kafka-2:9092'],
        tls: { enabled: true, servername: 'kafka' },
        sasl: { mechanism: 'SCRAM-SHA-512', username: 'me', password: 'secret' },
        gateway: { port: 8083, user: ['ann:p,w'], accessLog: true, topics: ['a:2'] },
      },
    }
    expect(await asked(['--url', 'http://flag.example'], { files })).toBe('http://flag.example')
  })
})
