/** What `kedge serve` says of an origin that is dead: at its start, and while it serves. */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemRuntime } from '../../src/ports/runtime.ts'
import { kedge, proxy } from './harness.ts'
import type { Ran } from './harness.ts'

/** Answers what `statusOf` says, and 404 to what it knows not. */
async function origin(statusOf: (path: string) => number, port = 0): Promise<Server & { port: number }> {
  const server = createServer((request, response) => {
    response.writeHead(statusOf(request.url!), { 'content-type': 'application/json' }).end('7')
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return Object.assign(server, { port: (server.address() as AddressInfo).port })
}

const closed = (server: Server): Promise<unknown> => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
}

interface Serving {
  readonly url: string
  readonly healthUrl: string
  /** Resolves when standard error has the text. */
  readonly says: (text: string) => Promise<void>
  readonly end: () => Promise<Ran>
}

async function serving(port: number, clock = { ms: 0 }): Promise<Serving> {
  const stop = new AbortController()
  const gateway = proxy()
  let [out, err] = ['', '']
  const waiting = new Set<() => void>()
  const system = systemRuntime()
  const args = ['--port', '0', '--listen', '0', '--open', '--transport', 'fetch', '--namespaces', 'users']
  const ran = kedge(['serve', ...args, '--origin', `http://127.0.0.1:${port}/s3cret-path`], {
    // The log is a gateway in this process; the origin is a server.
    fetch: (input, init) =>
      new Request(input, init).url.includes(`:${port}/s3cret-path`)
        ? fetch(input, init)
        : gateway.fetch(input, init),
    env: { KEDGE_SERVE_ORIGIN_TOKEN: 's3cret-token' },
    stop: stop.signal,
    runtime: {
      ...system,
      monotonic: () => system.monotonic() + clock.ms,
      now: () => system.now() + clock.ms,
    },
    onOut: (text) => {
      out += text
      for (const look of waiting) look()
    },
    onErr: (text) => {
      err += text
      for (const look of waiting) look()
    },
  })
  const until = (has: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => void (has() && (waiting.delete(look), resolve()))
      waiting.add(look)
      look()
      void ran.then(() => reject(new Error(`${out}${err}`)))
    })
  await until(() => out.includes('listening on'))
  onTestFinished(() => stop.abort())
  return {
    url: /listening on (http:\S+)/.exec(out)![1]!,
    healthUrl: /its health on (http:\S+)/.exec(out)![1]!,
    says: (text) => until(() => err.includes(text)),
    end: async () => {
      stop.abort()
      return ran
    },
  }
}

const timesIn = (text: string, part: string): number => text.split(part).length - 1

describe('the origin of kedge serve', () => {
  it('that is dead at the start is named once, until it answers, and again when it dies again', async () => {
    const gone = await origin(() => 200)
    const { port } = gone
    await closed(gone)
    const clock = { ms: 0 }
    const { url, healthUrl, says, end } = await serving(port, clock)
    await says(
      `kedge serve: the origin http://127.0.0.1:${port} fails: The origin is out of reach (connection refused: nothing listens there); until it answers, what is not held can be neither read nor written\n`,
    )
    for (let nth = 0; nth < 3; nth++) expect((await fetch(`${url}/cache/users/${nth}`)).status).toBe(502)
    // It still serves what it holds.
    const ready = await fetch(`${url}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([
      200,
      expect.objectContaining({ origin: { failures: 4, forMs: expect.any(Number) as number } }),
    ])
    const lag = (await (await fetch(`${healthUrl}/lag`)).json()) as object
    expect(lag).toMatchObject({ originOutage: { failures: 4 } })
    expect(await (await fetch(`${healthUrl}/metrics`)).text()).toContain('kedge_serve_origin_up 0\n')
    const back = await origin(() => 200, port)
    expect((await fetch(`${url}/cache/users/0`)).status).toBe(200)
    await says(`kedge serve: the origin http://127.0.0.1:${port} answers again\n`)
    expect(await (await fetch(`${url}/readyz`)).json()).not.toHaveProperty('origin')
    expect(await (await fetch(`${healthUrl}/metrics`)).text()).toContain('kedge_serve_origin_up 1\n')
    await closed(back)
    clock.ms += 60_000
    expect((await fetch(`${url}/cache/users/8`)).status).toBe(502)
    const { code, err, out } = await end()
    expect([code, timesIn(err, ' fails: '), timesIn(err, ' answers again')]).toEqual([0, 2, 1])
    expect(out + err).not.toContain('s3cret')
  })

  it('that answers, also with 404 for its root, is not named', async () => {
    const { port } = await origin((path) => (path.endsWith('/7') ? 200 : 404))
    const { url, end } = await serving(port)
    expect((await fetch(`${url}/cache/users/7`)).status).toBe(200)
    expect((await fetch(`${url}/cache/users/8`)).status).toBe(404)
    expect((await end()).err).not.toMatch(/the origin/)
  })

  it('that fails for some keys alone is named once a minute', async () => {
    const { port } = await origin((path) => (path.endsWith('bad') ? 500 : 200))
    const clock = { ms: 0 }
    const { url, end } = await serving(port, clock)
    for (let nth = 0; nth < 5; nth++) {
      expect((await fetch(`${url}/cache/users/bad`)).status).toBe(502)
      expect((await fetch(`${url}/cache/users/${nth}`)).status).toBe(200)
      if (nth === 3) clock.ms += 60_000
    }
    const { err } = await end()
    expect(timesIn(err, 'fails: The origin answered with status 500; until')).toBe(2)
  })
})
