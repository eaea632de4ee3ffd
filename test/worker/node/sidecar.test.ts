/** `kedge serve`: as a process, against a gateway in another one; and what it refuses. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startGateway } from '../../../services/gateway/index.ts'
import { kedge as command } from '../../cli/harness.ts'
import { gateway, kedge } from './program.ts'

const JSON_BODY = { 'content-type': 'application/json' }

async function sidecar(args: readonly string[], env: Record<string, string> = {}) {
  const program = kedge(['serve', '--port', '0', ...args], env)
  return { ...program, server: (await program.says(/listening on (http:\S+)/))[1]! }
}

async function until(address: string, status: number): Promise<void> {
  for (;;) {
    const response = await fetch(address)
    await response.text()
    if (response.status === status) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** All that it writes on standard error. */
const OPEN = /^kedge serve: open: everybody who reaches http:\S+ may read, write and evict\n$/

describe('the process of `kedge serve`', () => {
  it.each(['undici', 'fetch'])(
    'serves over %s, drops what another process evicts, and ends with 0 on SIGTERM',
    async (transport) => {
      const url = await gateway()
      const { server, child, ended, says } = await sidecar(['--url', url, '--open', '--transport', transport])
      await says(new RegExp(`over ${transport}`))
      await until(`${server}/readyz`, 200)
      const address = `${server}/cache/users/7`
      const put = await fetch(address, { method: 'PUT', body: '{"value":"Ada"}', headers: JSON_BODY })
      expect(put.status).toBe(200)
      expect(await (await fetch(address)).json()).toMatchObject({ value: 'Ada' })
      expect((await kedge(['evict', 'users', '--key', '7'], { KEDGE_URL: url }).ended).code).toBe(0)
      await until(address, 404)
      // It waits for an eviction that never comes, and still gets an answer.
      const reading = fetch(address, { headers: { 'kedge-token': 'k1.0-1000' } })
      await fetch(`${server}/healthz`)
      child.kill('SIGTERM')
      expect((await reading).status).toBe(404)
      const { code, out, err } = await ended
      expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(OPEN) })
      expect(out).toMatch(/kedge serve has ended: \d+ hits, \d+ misses, 0 loads\n$/)
    },
  )

  it('loads from the origin, each value once, and evicts after it has written there', async () => {
    const rows = new Map([['/users/7', 'Ada']])
    const asked: string[] = []
    const origin = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => {
        if (request.method === 'PUT') rows.set(request.url!, JSON.parse(body) as string)
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(rows.get(request.url!)))
      })
    })
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => origin.close().closeAllConnections())
    const at = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
    const url = await gateway()
    const { server, child, ended } = await sidecar(
      ['--url', url, '--origin', at, '--namespaces', 'users', '--listen', '0'],
      {
        KEDGE_SERVE_ORIGIN_TOKEN: 'of-the-origin',
        KEDGE_SERVE_READ_TOKENS: 'reader,writer',
        KEDGE_SERVE_WRITE_TOKENS: 'writer',
      },
    )
    await until(`${server}/readyz`, 200)
    const address = `${server}/cache/users/7`
    const as = (token: string) => ({ ...JSON_BODY, authorization: `Bearer ${token}` })
    expect((await fetch(address)).status).toBe(401)
    const put = { method: 'PUT', body: '{"value":"Grace"}' }
    expect((await fetch(address, { ...put, headers: as('reader') })).status).toBe(403)
    for (let n = 0; n < 3; n++)
      expect(await (await fetch(address, { headers: as('reader') })).json()).toMatchObject({ value: 'Ada' })
    expect((await fetch(address, { ...put, headers: as('writer') })).status).toBe(200)
    expect(await (await fetch(address, { headers: as('reader') })).json()).toMatchObject({ value: 'Grace' })
    const bearer = 'Bearer of-the-origin'
    // At its start it has looked whether anything answers there.
    expect(asked.filter((each) => each.startsWith('HEAD'))).toEqual(['HEAD / undefined'])
    expect(asked.filter((each) => !each.startsWith('HEAD'))).toEqual([
      `GET /users/7 ${bearer}`,
      `PUT /users/7 ${bearer}`,
      `GET /users/7 ${bearer}`,
    ])
    expect((await fetch(`${server}/cache/others/7`, { headers: as('reader') })).status).toBe(404)
    child.kill('SIGINT')
    expect((await ended).code).toBe(0)
  })

  it('answers its health, its lag and its figures on the port for health', async () => {
    const url = await gateway()
    const { server, says, child, ended } = await sidecar(['--url', url, '--open', '--listen', '0'])
    const health = (await says(/health on (http:\S+)/))[1]!
    await until(`${health}/readyz`, 200)
    await fetch(`${server}/cache/users/7`)
    expect(await (await fetch(`${health}/lag`)).json()).toMatchObject({
      proved: true,
      lag: 0,
      stats: { misses: 1 },
    })
    const metrics = await (await fetch(`${health}/metrics`)).text()
    expect(metrics).toContain('\nkedge_serve_misses_total 1\n')
    expect(metrics).toContain('\nkedge_serve_ready 1\n')
    expect(metrics).toMatch(/\nkedge_serve_fresh_age_seconds \d/)
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })

  it('lives through an outage of the log, and says so once', async () => {
    const { url, pause, resume, close } = await startGateway()
    onTestFinished(close)
    const { server, child, ended } = await sidecar(
      ['--url', url, '--open', '--max-staleness', '50ms', '--max-outage', '100ms'],
      {},
    )
    await until(`${server}/readyz`, 200)
    await pause()
    await until(`${server}/readyz`, 503)
    await resume()
    await until(`${server}/readyz`, 200)
    child.kill('SIGTERM')
    const { code, err } = await ended
    expect(code).toBe(0)
    expect(err).toMatch(
      /^kedge serve: open: .*\n(?:kedge serve: polls take .*\n)?kedge serve: .*; trying again\nkedge serve: the log is reached again\n/,
    )
  })

  it('ends with 1 and a sentence where its port is taken', async () => {
    const { url, port, close } = await startGateway()
    onTestFinished(close)
    const { code, err } = await kedge(['serve', '--url', url, '--open', '--port', String(port)]).ended
    expect(code).toBe(1)
    expect(err).toMatch(/^kedge: .*\n$/)
  })
})

describe('`kedge serve` refuses', () => {
  it.each([
    ['to serve without tokens and without --open', [], {}, 'no access is configured'],
    [
      'tokens beside --open',
      ['--open'],
      { KEDGE_SERVE_READ_TOKENS: 'hunter2' },
      '--open lets every client do everything',
    ],
    ['a token on the command line', ['--read-tokens', 'hunter2'], {}, 'KEDGE_SERVE_READ_TOKENS'],
    ['a token that is none', [], { KEDGE_SERVE_READ_TOKENS: 'hunter 2' }, 'cannot be sent in a header'],
    ['an origin without namespaces', ['--open', '--origin', 'http://o.test'], {}, '--namespaces'],
    [
      'tags of an envelope',
      [
        '--open',
        '--origin',
        'http://o.test',
        '--namespaces',
        'a',
        '--origin-format',
        'envelope',
        '--origin-tags',
        'a',
      ],
      {},
      '--origin-format',
    ],
    [
      'a template that is none',
      ['--open', '--origin', 'http://o.test', '--namespaces', 'a', '--origin-tags', '{a}'],
      {},
      'tags',
    ],
    ['a token without an origin', ['--open'], { KEDGE_SERVE_ORIGIN_TOKEN: 'hunter2' }, '--origin'],
    ['a namespace that is none', ['--open', '--namespaces', 'a b'], {}, 'namespace'],
    ['an unknown mode', ['--open', '--mode', 'sync'], {}, '--mode must be one of invalidate, replicate'],
    ['a wrong TTL', ['--open', '--ttl', 'soon'], {}, '--ttl'],
    ['a health place that is none', ['--open', '--listen', 'x'], {}, '--listen'],
  ])('%s', async (_, args, env, says) => {
    const all = ['serve', '--transport', 'fetch', '--eviction-partitions', '1', '--port', '0', ...args]
    const { code, out, err } = await command(all, { env })
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(says)
    expect(err).not.toContain('hunter')
  })
})
