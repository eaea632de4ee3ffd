import { describe, expect, it } from 'vitest'
import { COMMANDS as LISTED } from '../../cli/commands.ts'
import { quoted, showsColours } from '../../cli/terminal.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { append, kedge, proxy } from './harness.ts'

const COMMANDS: string[][] = [
  ['gateway'],
  ['topics', 'create'],
  ['topics', 'check'],
  ['doctor'],
  ['tail'],
  ['get'],
  ['evict'],
]

describe('help', () => {
  it.each(COMMANDS.map((words) => words.join(' ')))(
    'is there for %s, with the variables of its settings',
    async (name) => {
      const { code, out, err } = await kedge([...name.split(' '), '--help'])
      expect(code).toBe(0)
      expect(out).toContain(`Usage: kedge ${name}`)
      expect(out).toContain('KEDGE_')
      expect(err).toBe('')
    },
  )

  it('lists every command and the exit codes', async () => {
    const { code, out } = await kedge(['--help'])
    expect(code).toBe(0)
    for (const [name] of COMMANDS) expect(out).toContain(`  ${name}`)
    expect(out).toContain('2 wrong usage')
  })

  it('is written to the standard error, with exit code 2, when no command is named', async () => {
    const { code, out, err } = await kedge([])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('Usage: kedge')
  })

  it('tells the version', async () => {
    expect(await kedge(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' })
  })
})

describe('wrong usage', () => {
  it.each([
    [['doctor', '--colour'], /unknown option '--colour'; see kedge doctor --help$/m],
    [['doctor', '--ulr', 'x'], /unknown option '--ulr'; did you mean --url\?$/m],
    [['doctor', '--pasword=hunter2'], /unknown option '--pasword=…'; /],
    [['stray'], /unknown command 'stray'; see kedge --help$/m],
    [['evct'], /unknown command 'evct'; did you mean evict\?$/m],
    [['topics', 'chek'], /unknown command 'chek'; did you mean check\?$/m],
    [['doctor', 'stray'], /too many arguments.*; see kedge doctor --help$/m],
    [['evict', 'users', '7'], /too many arguments.*; see kedge evict --help$/m],
    [['tail', 'cats'], /tail shows evictions or updates, not "cats"$/m],
    [['tail', 'eviction'], /not "eviction"; did you mean evictions\?/],
    [['tail', 'UPDATE'], /did you mean updates\?/],
    [['doctor', '--flavor', 'karapce'], /did you mean karapace\?, got "karapce"/],
    [
      ['doctor', '--url', 'localhost:8082'],
      /--url must begin with http.*did you mean http:\/\/localhost:8082\?/,
    ],
    [
      ['evict', 'u', '--all', '--url', 'kafka.example:443/rest'],
      /did you mean https:\/\/kafka.example:443\/rest\?/,
    ],
    [
      ['tail', '--url', 'ann:hunter2@host'],
      /--url must begin with http:\/\/ or https:\/\/: as in http:\/\/localhost:8082$/m,
    ],
    [
      ['topics', 'check', '--brokers', 'http://kafka:9092'],
      /--brokers must be host:port, without a scheme.*\(--url takes the URL of a proxy\)/,
    ],
    [['topics', 'create', '--brokers', 'a:1', '--only', 'update'], /did you mean updates\?/],
    [['gateway', '--max-wait', '30'], /--max-wait needs a unit: 30s/],
    [['tail', '--from', 'yesterday'], /--from must be -10, an offset, beginning or end/],
    [['get', 'users'], /missing required argument 'key'/],
    [['get', 'us ers', '7'], /a namespace is/],
    [['get', 'users', ''], /a key is/],
    [['get', 'users', '7', '--max-records', 'all'], /--max-records must be a whole number/],
    [['evict', 'users'], /say what to evict/],
    [['evict', 'users', '--all', '--key', '7'], /say what to evict/],
    [['evict', '--key', '7'], /name the namespace/],
    [['evict', 'users', '--everything'], /takes no namespace/],
    [['evict', 'users', '--tag', 't', '--version', '3'], /--version needs --key/],
    [['evict', 'users', '--key', '7', '--version', 'new'], /--version must be a whole number/],
    [['topics', 'check'], /--brokers is missing: give it, or set KEDGE_BROKERS/],
    [['topics', 'check', '--brokers', 'kafka'], /--brokers must be host:port such as localhost:9092/],
    [['topics', 'check', '--brokers', 'kafka:90000'], /port above 65535/],
    [['topics', 'create', '--brokers', 'a:1', '--only', 'cats'], /--only must be some of/],
    [['gateway', '--log', 'kafka'], /--log kafka needs --brokers/],
    [['gateway', '--log', 'memory', '--brokers', 'a:1'], /exclude each other: leave out one/],
    [['gateway', '--brokers', 'a:1', '--partitions', '3'], /--partitions needs --log memory/],
    [['doctor', '--url', 'ftp://here'], /--url must be an http:\/\/ or https:\/\/ URL: as in/],
    [['doctor', '--url', 'http://'], /--url must be an http:\/\/ or https:\/\/ URL: as in/],
    [
      ['doctor', '--url', 'http://ann:hunter2@h'],
      /no credentials in it.*give --username with KEDGE_PASSWORD, or/,
    ],
    [['doctor', '--url', 'http://h/?key=hunter2'], /--url must have neither query nor fragment/],
    [
      ['doctor', '--url', 'kafka://kafka:9092'],
      /the address of a broker: `kedge gateway --brokers …` serves HTTP/,
    ],
    [['tail', '--url', 'kafka:9092'], /the address of a broker/],
    [['evict', 'u', '--all', '--url', 'kafka-1:19092,kafka-2:19092'], /the address of a broker/],
    [
      [
        'serve',
        '--open',
        '--namespaces',
        'a',
        '--origin',
        'http://ann:hunter2@h',
        '--eviction-partitions',
        '1',
      ],
      /--origin must have no credentials in it.*set KEDGE_SERVE_ORIGIN_TOKEN/,
    ],
    [['doctor', '--flavor', 'vanilla'], /--flavor must be one of/],
    [['doctor', '--flavor', 'upstash'], /--flavor upstash needs/],
    [['doctor', '--username', 'ann'], /--username needs a password: set KEDGE_PASSWORD/],
    [['doctor', '--probe-topic', 'a b'], /--probe-topic/],
    [['doctor', '--config', 'nowhere.json'], /there is no file nowhere.json/],
    [['doctor', '--ttl', 'long'], /--ttl must be a duration such as/],
    [['doctor', '--request-timeout', '5'], /--request-timeout needs a unit: 5s for seconds, 5ms for/],
  ])('%j ends with 2 and one sentence', async (args, sentence) => {
    const { code, out, err } = await kedge(args)
    expect(err).toMatch(sentence)
    expect(err).toMatch(/^kedge: [^\n]+\n$/)
    expect(err).not.toContain('hunter2')
    expect([code, out]).toEqual([2, ''])
  })

  it('takes the version of a row for an option of its command, not for a question', async () => {
    const { fetch, log } = proxy()
    expect(
      (await kedge(['evict', 'users', '--key', '7', '--version', '3'], { fetch, runtime: systemRuntime() }))
        .out,
    ).toBe('k1.0-1\n')
    expect(log.offsets('cache-evictions', 0).end).toBe(1)
  })
})

describe('failures', () => {
  it.each([
    ['ECONNREFUSED', 'connection refused'],
    ['ENOTFOUND', 'the name of the host is not known'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed'],
  ])('by %s print one sentence in plain words and exit with code 1', async (code, words) => {
    const cause = Object.assign(new Error('deep\n    at somewhere (file.ts:1:1)'), { code })
    const ran = await kedge(['tail', '--url', 'http://proxy.example'], {
      fetch: () => Promise.reject(new TypeError('fetch failed', { cause })),
    })
    expect(ran.code).toBe(1)
    expect(ran.err).toMatch(/^kedge: no answer from http:\/\/proxy\.example \([^\n]+\)\n$/)
    expect(ran.err).toContain(words)
  })

  it('are one sentence even where another server’s page is the answer', async () => {
    const page = `<html>\u001b[31m\n${'x'.repeat(5000)}</html>`
    const ran = await kedge(['tail'], { fetch: async () => new Response(page, { status: 502 }) })
    expect(ran.code).toBe(1)
    expect(ran.err).toMatch(/^kedge: [^\n]{1,400}\n$/)
    expect(ran.err).not.toContain('\u001b')
  })

  it('by an interruption are reported as one', async () => {
    const stop = AbortSignal.abort()
    expect(await kedge(['get', 'users', '7'], { stop, fetch: proxy().fetch })).toEqual({
      code: 1,
      out: '',
      err: 'kedge: interrupted\n',
    })
  })
})

describe('secrets', () => {
  const SECRETS = ['KEDGE_PASSWORD', 'KEDGE_SASL_PASSWORD', 'KEDGE_AUTH_TOKEN']

  it.each(['--password', '--sasl-password', '--auth-token'])('are not taken from %s', async (flag) => {
    const given = await kedge(['doctor', '--brokers', 'a:1', flag, 'hunter2'])
    expect(given.code).toBe(2)
    expect(given.err).toMatch(/is not taken from the command line.*set KEDGE_/)
    expect(given.err).not.toContain('hunter2')
    expect((await kedge(['doctor', `${flag}=hunter2`])).err).not.toContain('hunter2')
  })

  it('are not quoted when their flag does not exist', async () => {
    const { code, err } = await kedge(['doctor', '--pasword=hunter2'])
    expect(code).toBe(2)
    expect(err).not.toContain('hunter2')
  })

  it.each(SECRETS)('of %s do not come back in what fails', async (name) => {
    const env = { [name]: 'hunter2', ...(name === 'KEDGE_PASSWORD' && { KEDGE_USERNAME: 'ann' }) }
    const args = ['doctor', '--url', 'http://proxy.example', '--brokers', 'a:1', '--sasl-username', 'me']
    const around = {
      env: { KEDGE_SASL_PASSWORD: 'hunter2', ...env },
      fetch: async () => Response.json({ error_code: 401, message: 'who is hunter2?' }, { status: 401 }),
      connect: () => {
        throw new Error('hunter2 is not welcome')
      },
    }
    for (const more of [[], ['--json']]) {
      const { code, out, err } = await kedge([...args, ...more], around)
      expect(code).toBe(1)
      expect(out).toContain('***')
      expect(out + err).not.toContain('hunter2')
    }
  })

  it('of clients of a gateway are not quoted when they are malformed', async () => {
    for (const env of [{ KEDGE_GATEWAY_USER: 'hunter2' }, { KEDGE_GATEWAY_USER: ':hunter2' }]) {
      const { code, err } = await kedge(['gateway', '--port', '0'], { env })
      expect(code).toBe(2)
      expect(err).toMatch(/KEDGE_GATEWAY_USER/)
      expect(err).not.toContain('hunter2')
    }
  })
})

describe('colours', () => {
  it('are printed to terminals that show them, unless NO_COLOR is set', () => {
    expect(showsColours(true, {})).toBe(true)
    expect(showsColours(true, { NO_COLOR: '' })).toBe(true)
    expect(showsColours(true, { NO_COLOR: '1' })).toBe(false)
    expect(showsColours(true, { TERM: 'dumb' })).toBe(false)
    expect(showsColours(false, {})).toBe(false)
  })

  it('appear only where they are shown', async () => {
    const { fetch, log } = proxy()
    append(log, 'cache-evictions', { v: 1, op: 'clear', ns: 'users' })
    expect((await kedge(['tail'], { fetch })).out).not.toContain('\u001b')
    expect((await kedge(['tail'], { fetch, colours: true })).out).toContain('\u001b[36mclear')
  })
})

describe('a key that another service wrote', () => {
  it.each([
    ['user:7/eu', 'user:7/eu'],
    ['a b', '"a b"'],
    ['a\u001b[2J\u009b\u202eb', '"a\\u001b[2J\\u{9b}\\u{202e}b"'],
    ['a\u2028b', '"a\\u{2028}b"'],
  ])('%j is shown so that it cannot move the cursor', (key, shown) => {
    expect(quoted(key)).toBe(shown)
  })
})

describe('the list of commands', () => {
  it.each(Object.entries(LISTED))('says of %s what the command says of itself', async (name, { says }) => {
    const flat = (text: string) => text.replaceAll(/\s+/g, ' ')
    expect(flat((await kedge([name, '--help'])).out)).toContain(` ${says} `)
    expect(flat((await kedge(['--help'])).out)).toContain(` ${name} ${says} `)
  })
})
