/** What long-lived commands report: as lines of JSON, at a level, and without a key, a value or a secret. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SyncReport } from '../../cli/sync-report.ts'
import { Terminal } from '../../cli/terminal.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { startGateway } from '../../services/gateway/index.ts'
import { memorySink } from '../../src/testing/index.ts'
import { append, Clock, kedge, NOW, proxy } from './harness.ts'
import type { Ran, Surroundings } from './harness.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`
const JSON_FORMAT = ['--log-format', 'json']
const LONG_LIVED = ['gateway', 'serve', 'sync', 'loader', 'persister']

type Line = Record<string, unknown>

/** Every line, of which each must be one of a log. */
function linesOf(text: string): Line[] {
  const lines = text.split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => {
    const parsed = JSON.parse(line) as Line
    expect(line.length).toBeLessThanOrEqual(4096)
    expect(parsed).toMatchObject({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: expect.stringMatching(/^(error|warn|info|debug)$/),
      event: expect.stringMatching(/^[a-z_]+$/),
      command: expect.any(String),
      version: expect.any(String),
    })
    return parsed
  })
}

interface Serving {
  readonly ran: Promise<Ran>
  readonly url: string
  readonly stop: () => void
}

/** Until it listens for its clients. */
async function serving(args: string[], around: Surroundings = {}): Promise<Serving> {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  let ran!: Promise<Ran>
  const url = await new Promise<string>((resolve, reject) => {
    ran = kedge(args, {
      ...around,
      stop: stop.signal,
      onOut: (text) => {
        const line = text.startsWith('{') ? (JSON.parse(text) as Line) : {}
        if (line['event'] === 'listening') resolve(String(line['url']))
      },
    })
    void ran.then(({ out, err }) => reject(new Error(out + err)))
  })
  return { ran, url, stop: () => stop.abort() }
}

const serve = (args: string[], around: Surroundings = {}): Promise<Serving> =>
  serving(['serve', '--port', '0', '--open', '--transport', 'fetch', ...JSON_FORMAT, ...args], {
    fetch: proxy().fetch,
    runtime: systemRuntime(),
    ...around,
  })

describe('a log of JSON', () => {
  it('has what a gateway reports, each with its name and its fields, and no steps for people', async () => {
    const { url, ran, stop } = await serving(['gateway', '--port', '0', '--listen', '0', ...JSON_FORMAT])
    stop()
    const { code, out, err } = await ran
    expect([code, err]).toEqual([0, ''])
    const time = new Date(NOW).toISOString()
    const head = { time, level: 'info', command: 'gateway', version: '1.2.3' }
    expect(linesOf(out)).toEqual([
      expect.objectContaining({ ...head, event: 'health' }),
      {
        ...head,
        event: 'listening',
        message: `kedge gateway listening on ${url} (log: memory)`,
        url,
        log: 'memory',
      },
    ])
    expect(out).toMatch(/^\{"time":"[^"]+","level":"info","event":"health","message":"/)
  })

  it('has the requests of a gateway, with their id and the trace that they belong to', async () => {
    const { url, ran, stop } = await serving(['gateway', '--port', '0', '--access-log', ...JSON_FORMAT])
    const headers = { 'x-request-id': 'req-7', traceparent: TRACEPARENT }
    await fetch(`${url}/topics`, { headers })
    await fetch(`${url}/topics`, { headers: { traceparent: `ff-${TRACE}-00f067aa0ba902b7-01` } })
    await fetch(`${url}/topics/t/partitions/0/records?offset=0&timeout=1&max_bytes=1000`, {
      headers: { ...headers, accept: 'application/vnd.kafka.binary.v2+json' },
    })
    stop()
    const requests = linesOf((await ran).out).filter(({ event }) => event === 'request')
    expect(requests[0]).toMatchObject({
      level: 'info',
      method: 'GET',
      path: '/topics',
      status: 200,
      requestId: 'req-7',
      traceId: TRACE,
      ms: expect.any(Number),
    })
    expect(requests[1]).toMatchObject({ requestId: expect.stringMatching(/^[\da-f-]{36}$/) })
    expect(requests[1]).not.toHaveProperty('traceId')
    expect(requests[2]).toMatchObject({ status: 200, requestId: 'req-7', traceId: TRACE })
  })

  it('has the requests of a sidecar by their route and namespace, and never their keys', async () => {
    const { url, ran, stop } = await serve(['--access-log', '--log-level', 'debug'])
    const at = `${url}/cache/users/secret-key`
    const body = JSON.stringify({ value: 'secret-value' })
    const headers = { 'content-type': 'application/json', traceparent: TRACEPARENT }
    await fetch(at, { method: 'PUT', headers, body })
    await fetch(at)
    await fetch(at, { method: 'DELETE' })
    await fetch(at)
    await fetch(`${url}/secret-path`)
    await fetch(`${url}/cache/${encodeURIComponent('secret namespace')}/k`)
    stop()
    const { out, err } = await ran
    const requests = linesOf(out).filter(({ event }) => event === 'request')
    const route = '/cache/:namespace/:key'
    expect(requests).toMatchObject([
      { method: 'PUT', route, namespace: 'users', status: 200, traceId: TRACE },
      { method: 'GET', route, namespace: 'users', status: 200, cache: 'hit' },
      { method: 'DELETE', route, namespace: 'users', status: 200 },
      { method: 'GET', route, namespace: 'users', status: 404 },
      { method: 'GET', route: 'other', status: 404 },
      { method: 'GET', status: expect.any(Number) },
    ])
    for (const { requestId } of requests) expect(requestId).toMatch(/^[\da-f-]{36}$/)
    const debug = linesOf(out).filter(({ level }) => level === 'debug')
    expect(debug.map(({ event }) => event)).toEqual(expect.arrayContaining(['poll', 'publish']))
    expect(out + err).not.toContain('secret')
  })

  it('has the entries of an audit on the standard output, at every level', async () => {
    const args = ['gateway', '--port', '0', '--audit', 'stdout', '--topic', 't', ...JSON_FORMAT]
    const stop = new AbortController()
    onTestFinished(() => stop.abort())
    const { port } = await freePort()
    const ran = kedge([...args, '--port', String(port), '--log-level', 'error'], { stop: stop.signal })
    const url = `http://127.0.0.1:${port}`
    await expect
      .poll(() =>
        fetch(url).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200)
    await fetch(`${url}/topics/t`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
      body: '{"records":[{"value":1}]}',
    })
    stop.abort()
    const { out, err } = await ran
    expect(err).toBe('')
    expect(linesOf(out)).toMatchObject([{ event: 'audit', act: 'write', topic: 't', outcome: 'ok' }])
  })

  it('has what a loader, a persister and a sync report', async () => {
    const files = {
      'm.mjs': 'export default { users: async () => new Map() }',
      's.mjs': 'export default { users: async () => undefined }',
    }
    const ended = async (args: string[], around: Surroundings = {}) => {
      const stop = new AbortController()
      return kedge([...args, ...JSON_FORMAT], {
        files,
        fetch: proxy().fetch,
        runtime: systemRuntime(),
        stop: stop.signal,
        onOut: (text) => text.includes('"event":"begins"') && setTimeout(() => stop.abort(), 20),
        ...around,
      })
    }
    const eventsOf = ({ out }: Ran) =>
      linesOf(out).map(({ event, command }) => `${String(command)} ${String(event)}`)
    expect(eventsOf(await ended(['loader', '--module', 'm.mjs']))).toEqual(['loader begins', 'loader ended'])
    expect(eventsOf(await ended(['persister', '--module', 's.mjs']))).toEqual([
      'persister begins',
      'persister ended',
    ])
    const gateway = proxy()
    append(gateway.log, 'orders', { n: 1 }, 'secret-key')
    append(gateway.log, 'orders', 'kumquat is no JSON', 'secret-key')
    const args = [
      'sync',
      '--topic',
      'orders',
      '--to',
      'redis://:hunter2@127.0.0.1',
      '--key',
      '{key}',
      '--format',
      'json',
      '--once',
    ]
    const openStore = async () => ({ sink: memorySink(), close: async () => undefined })
    const synced = await ended(args, {
      fetch: gateway.fetch,
      openStore: openStore as never,
      runtime: new Clock().runtime,
      onOut: () => {},
    })
    expect(eventsOf(synced)).toEqual(['sync begins', 'sync begin', 'sync caught_up'])
    expect(linesOf(synced.err)).toMatchObject([
      { level: 'warn', event: 'unusable', reason: 'undecodable', offset: 1 },
    ])
    expect(synced.out + synced.err).not.toMatch(/hunter2|secret-key|kumq/)
  })

  it.each(LONG_LIVED)(
    'has what is wrong with the settings of %s, in one line, with the exit code of text',
    async (name) => {
      const cases: [string[], Surroundings][] = [
        [['--log-format=json', '--log-level', 'loud'], {}],
        [['--log-format', 'json', '--no-such-flag'], {}],
        [['--no-such-flag'], { env: { KEDGE_LOG_FORMAT: 'json' } }],
        [['--log-level', 'loud'], { files: { 'kedge.config.json': { logFormat: 'json' } } }],
        [[], { files: { 'kedge.config.json': { logFormat: 'json', colour: 'red' } } }],
        [['--config', 'none.json', ...JSON_FORMAT], {}],
      ]
      for (const [args, around] of cases) {
        const { code, out, err } = await kedge([name, ...args], around)
        expect([args, code, out]).toEqual([args, 2, ''])
        expect(linesOf(err)).toMatchObject([{ level: 'error', event: 'failed', command: name, exitCode: 2 }])
      }
    },
  )

  it('has the format that is asked for nearest: a flag, the environment, the file', async () => {
    const files = { 'kedge.config.json': { logFormat: 'json', colour: 'red' } }
    const isJson = async (args: string[], env: Record<string, string>) =>
      (await kedge(['gateway', ...args], { env, files })).err.startsWith('{')
    expect(await isJson([], {})).toBe(true)
    expect(await isJson([], { KEDGE_LOG_FORMAT: 'text' })).toBe(false)
    expect(await isJson(['--log-format', 'json'], { KEDGE_LOG_FORMAT: 'text' })).toBe(true)
    expect(await isJson(['--log-format', 'text', '--log-format', 'json'], {})).toBe(true)
    expect(await isJson(['--log-format', 'yaml'], {})).toBe(false)
  })

  it('has a variable that is no setting, and what ends the command, with its code', async () => {
    const { code, err } = await kedge(['serve', '--open', '--transport', 'fetch', '--port', '0'], {
      env: { KEDGE_LOG_FORMAT: 'json', KEDGE_GATEWAY_TOKENS: 's3cret', KEDGE_AUTH_TOKEN: 'hunter2' },
      fetch: async () =>
        new Response('{"error_code":401,"message":"hunter2 is \\u009b2J\\nwrong"}', { status: 401 }),
    })
    expect(code).toBe(1)
    expect(linesOf(err)).toMatchObject([
      {
        level: 'warn',
        event: 'unknown_setting',
        message: expect.stringContaining('KEDGE_GATEWAY_TOKENS is not a setting'),
      },
      { level: 'error', event: 'failed', code: 'ERR_AUTH', exitCode: 1 },
    ])
    expect(err).not.toMatch(/s3cret|hunter2|kedge: /)
  })

  it.each(['json', 'text'])(
    'never leaks a secret in %s: one that JSON would escape, one that a stranger quotes, one that was cut',
    async (format) => {
      const secret = `p"w\\${'x'.repeat(400)}`
      const answers: (typeof fetch)[] = [
        async () => Response.json({ error_code: 50001, message: `refused: ${secret}` }, { status: 500 }),
        async () => Response.json({ error_code: 40301, message: `refused: ${secret}` }, { status: 403 }),
        async () => {
          throw new Error(`refused: ${secret}`)
        },
      ]
      for (const answer of answers) {
        const stop = new AbortController()
        const args = ['--open', '--transport', 'fetch', '--port', '0', '--log-format', format]
        const { out, err } = await kedge(['serve', ...args], {
          env: { KEDGE_AUTH_TOKEN: secret },
          fetch: answer,
          runtime: systemRuntime(),
          stop: stop.signal,
          onErr: () => stop.abort(),
        })
        if (format === 'json') expect(linesOf(err).length).toBeGreaterThan(0)
        expect(err).not.toBe('')
        expect(out + err).not.toMatch(/p\\*"w|xxx/)
      }
      // What a client of a store says is cut at 300 characters: here within the secret.
      const said = `${'the store refuses it, '.repeat(13)}${secret}`
      const to = ['--topic', 'orders', '--to', 'redis://127.0.0.1', '--key', '{key}']
      const { err } = await kedge(['sync', ...to, '--log-format', format], {
        env: { KEDGE_SYNC_PASSWORD: secret, KEDGE_AUTH_TOKEN: secret },
        files: { 'kedge.config.json': { sync: { password: secret } } },
        openStore: async () => {
          throw new Error(said)
        },
      })
      expect(err).toContain('the store refuses it')
      expect(err).not.toMatch(/p\\*"w|xxx/)
    },
  )

  it('is not asked for by commands whose output is a result', async () => {
    const env = { KEDGE_LOG_FORMAT: 'json', KEDGE_LOG_LEVEL: 'error' }
    expect(await kedge(['--version'], { env })).toEqual({ code: 0, out: '1.2.3\n', err: '' })
    expect((await kedge(['gateway', '--help'], { env })).out).toContain('Usage: kedge gateway')
    for (const before of [[], ['--port', '8083']]) {
      const { out } = await kedge(['gateway', ...before, 'credentials', '--json'], { env })
      expect(JSON.parse(out)).toHaveProperty('secret')
    }
    const evicted = await kedge(['evict', 'users', '--key', '7'], { env, fetch: proxy().fetch })
    expect(evicted).toEqual({ code: 0, out: 'k1.0-1\n', err: '' })
  })
})

describe('the report of a sync', () => {
  it('quotes neither keys nor what a parser has quoted, where it is of JSON', () => {
    let err = ''
    const sink = { colours: false, write: (text: string) => void (err += text) }
    const terminal = new Terminal(sink, sink)
    terminal.logs({ format: 'json', level: 'info', command: 'sync', version: '1.2.3', now: () => NOW })
    const report = new SyncReport(terminal, new Clock().runtime, { byOffset: true, store: 's', log: 'l' })
    const place = { topic: 'orders', partition: 0, offset: 7 }
    report.take({ type: 'unusable', reason: 'undecodable', says: 'Unexpected token in "secret…"', ...place })
    report.take({ type: 'key_moved', key: 'secret', from: 0, to: 1, offset: 7, usual: 1, partitions: 2 })
    expect(linesOf(err)).toMatchObject([
      { event: 'unusable', reason: 'undecodable', ...place },
      { event: 'key_moved', from: 0, to: 1, offset: 7 },
    ])
    expect(err).not.toContain('secret')
  })
})

describe('a level', () => {
  it('leaves out what matters less, in text too', async () => {
    const stop = new AbortController()
    const { port } = await freePort()
    const ran = kedge(['gateway', '--port', String(port), '--log-level', 'warn', '--access-log'], {
      stop: stop.signal,
    })
    const url = `http://127.0.0.1:${port}`
    await expect
      .poll(() =>
        fetch(url).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200)
    stop.abort()
    expect(await ran).toEqual({ code: 0, out: '', err: '' })
  })

  it('of debug has every event of a cache, in text as in JSON', async () => {
    const stop = new AbortController()
    const args = ['--port', '0', '--open', '--transport', 'fetch', '--log-level', 'debug']
    const { out } = await kedge(['serve', ...args], {
      fetch: proxy().fetch,
      runtime: systemRuntime(),
      stop: stop.signal,
      onOut: (text) => text.includes('serve: poll ') && stop.abort(),
    })
    expect(out).toMatch(
      /^kedge serve: poll \{"durationMs":[\d.]+,"records":\d+,"verified":(true|false),"ageMs":\d+\}$/m,
    )
  })
})

/** A free port: what listens on it says nothing at these levels. */
async function freePort(): Promise<{ port: number }> {
  const probe = await startGateway()
  await probe.close()
  return { port: probe.port }
}

describe('the process', () => {
  /** A loader whose module does this after its start. */
  async function loader(does: string) {
    const gateway = await startGateway({
      memory: { topics: { 'cache-evictions': 1, 'cache-updates': 1, 'cache-requests': 1 } },
    })
    onTestFinished(() => gateway.close())
    const folder = await mkdtemp(join(tmpdir(), 'kedge-logging-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await writeFile(join(folder, 'm.mjs'), `${does}\nexport default { users: async () => new Map() }`)
    const child = spawn(
      process.execPath,
      [MAIN, 'loader', '--module', 'm.mjs', '--url', gateway.url, ...JSON_FORMAT],
      {
        cwd: folder,
        env: { PATH: process.env.PATH, KEDGE_AUTH_TOKEN: 'hunter2' },
      },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
    return { code, out, err }
  }

  it.each([
    [
      'an error that nothing catches',
      "setTimeout(() => { throw new Error('it broke: hunter2\\nbadly') }, 1500)",
    ],
    [
      'a promise that nothing awaits',
      "setTimeout(() => void Promise.reject(new Error('it broke: hunter2')), 1500)",
    ],
    ['what is thrown and is no error', "setTimeout(() => { throw 'it broke' }, 1500)"],
  ])('writes %s as a line of the log, and ends with 1 as before', async (_, does) => {
    const { code, out, err } = await loader(does)
    expect(code).toBe(1)
    linesOf(out)
    expect(linesOf(err)).toMatchObject([
      {
        level: 'error',
        event: 'uncaught',
        command: 'loader',
        message: expect.stringContaining('it broke'),
        stack: expect.stringContaining('Error: it broke'),
        exitCode: 1,
      },
    ])
    expect(err).not.toContain('hunter2')
  })

  it('writes a warning of Node as a line of the log', async () => {
    const { err } = await loader(
      "process.emitWarning('old', 'DeprecationWarning'); setTimeout(() => process.exit(0), 1500)",
    )
    expect(linesOf(err)).toMatchObject([
      { level: 'warn', event: 'warning', message: 'DeprecationWarning: old' },
    ])
  })
})
