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
    [{ gateway: { colour: 'red' } }, 'gateway.colour is not a setting'],
    [{ gateway: 3 }, 'gateway must be an object'],
    [[], 'must be an object'],
    ['{"password": hunter2}', 'is not JSON'],
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
