/** The transport on undici, over real sockets of the loopback. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { undici } from '../../../adapters/transport/undici.ts'
import type { UndiciOptions, UndiciTransport } from '../../../adapters/transport/undici.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import { logSuite } from '../../../src/testing/log-suite.ts'
import { overGateway } from '../../conformance/gateway-bench.ts'
import { SUITES } from '../../conformance/suites.ts'

const PEM = (name: string) =>
  readFileSync(new URL(`../../worker/node/tls/${name}.pem`, import.meta.url), 'utf8')

/** In a thread of its own: answers with how many requests it has had, and closes each connection after its answer. */
const CLOSING_SERVER = `
  const { createServer } = require('node:net')
  const { parentPort } = require('node:worker_threads')
  const state = new Int32Array(new SharedArrayBuffer(4))
  let asked = 0
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      const answer = String(++asked)
      socket.write('HTTP/1.1 200 OK\\r\\ncontent-length: ' + answer.length + '\\r\\n\\r\\n' + answer)
      socket.end(() => {
        Atomics.store(state, 0, 1)
        Atomics.notify(state, 0)
      })
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port, state }))
`

interface Standing {
  readonly url: string
  readonly server: Server
  readonly sockets: Socket[]
  /** What was asked: method and path. */
  readonly asked: string[]
}

/** A server that keeps connections, and does not say for how long unless `keepAliveTimeout` is given. */
async function listening(answer: RequestListener, keepAliveTimeout = 0): Promise<Standing> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  server.keepAliveTimeout = keepAliveTimeout
  return { ...(await opened(server)), server, asked }
}

async function opened(server: Server) {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets }
}

const ok: RequestListener = (_request, response) => response.end('ok')

function transport(options: UndiciOptions = {}): UndiciTransport {
  const made = undici(options)
  onTestFinished(() => made.close())
  return made
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error: unknown) => error,
  )

/** Answers by hand: the n-th request and its response. */
function byHand() {
  const held: { request: IncomingMessage; response: ServerResponse }[] = []
  const waiting = new Set<() => void>()
  const answer: RequestListener = (request, response) => {
    held.push({ request, response })
    for (const look of waiting) look()
  }
  const arrived = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => held.length >= count && resolve()
      waiting.add(look)
      look()
    })
  return { held, answer, arrived }
}

describe('undici(): connections', () => {
  it('sends one request after the other over one connection', async () => {
    const { url, sockets } = await listening(ok)
    const { fetch } = transport()
    for (let n = 0; n < 5; n++) expect(await (await fetch(url)).text()).toBe('ok')
    expect(sockets).toHaveLength(1)
  })

  it('has no more connections to an origin than it may, however many requests there are', async () => {
    const { answer, held, arrived } = byHand()
    const { url, sockets } = await listening(answer)
    const { fetch } = transport({ connections: 3 })
    const texts = Promise.all(
      Array.from({ length: 100 }, async (_, n) => (await fetch(`${url}/${n}`)).text()),
    )
    await arrived(3)
    // The others wait until one of the three is answered.
    for (let n = 0; n < 100; n++) {
      await arrived(n + 1)
      expect(held.length).toBeLessThanOrEqual(n + 3)
      held[n]!.response.end(held[n]!.request.url)
    }
    expect(new Set(await texts).size).toBe(100)
    expect(sockets).toHaveLength(3)
  })

  it('refuses a request when as many wait as may', async () => {
    const { answer, held, arrived } = byHand()
    const { url } = await listening(answer)
    const { fetch } = transport({ connections: 1, maxQueue: 1 })
    const first = fetch(`${url}/1`)
    const second = fetch(`${url}/2`)
    const third = await failure(fetch(`${url}/3`))
    expect(third).toMatchObject({ code: 'ERR_OVERLOADED', retryable: true })
    await arrived(1)
    held[0]!.response.end('first')
    expect(await (await first).text()).toBe('first')
    await arrived(2)
    held[1]!.response.end('second')
    expect(await (await second).text()).toBe('second')
  })

  it('waits for a free connection no longer than it may', async () => {
    const { url } = await listening(byHand().answer)
    const { fetch } = transport({ connections: 1, queueTimeout: 20, closeTimeout: 1 })
    const first = failure(fetch(url))
    expect(await failure(fetch(url))).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
    void first
  })

  it('gives the place of a request that was aborted while it waited to the next', async () => {
    const { answer, held, arrived } = byHand()
    const { url, asked } = await listening(answer)
    const { fetch } = transport({ connections: 1, maxQueue: 1 })
    const stop = new AbortController()
    const first = fetch(`${url}/1`)
    const second = failure(fetch(`${url}/2`, { signal: stop.signal }))
    stop.abort('left')
    expect(await second).toBe('left')
    const third = fetch(`${url}/3`)
    await arrived(1)
    held[0]!.response.end()
    await (await first).text()
    await arrived(2)
    held[1]!.response.end()
    await (await third).text()
    expect(asked).toEqual(['GET /1', 'GET /3'])
  })

  it('makes one origin not wait for another', async () => {
    const slow = await listening(byHand().answer)
    const fast = await listening(ok)
    const { fetch } = transport({ connections: 1, maxQueue: 0, closeTimeout: 1 })
    const held = failure(fetch(slow.url))
    expect(await (await fetch(fast.url)).text()).toBe('ok')
    void held
  })

  it('speaks TLS, and trusts only the authority that it is given', async () => {
    const server = createTlsServer({ cert: PEM('cert'), key: PEM('key') }, ok)
    const { url } = await opened(server)
    const address = url.replace('http:', 'https:')
    const { fetch } = transport({ tls: { ca: PEM('cert') } })
    expect(await (await fetch(address)).text()).toBe('ok')
    expect(await failure(transport().fetch(address))).toMatchObject({
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    })
  })
})

describe('undici(): after a pause', () => {
  /** Clocks that are moved by hand, as a frozen process finds them when it goes on. */
  function clocks() {
    const at = { wall: 1_700_000_000_000, monotonic: 5000 }
    return { at, runtime: systemRuntime({ now: () => at.wall, monotonic: () => at.monotonic }) }
  }

  it.each(['wall', 'monotonic'] as const)(
    'sends nothing over a connection that was idle for longer than `keepAlive` by the %s clock',
    async (clock) => {
      const { url, sockets } = await listening(ok)
      const { at, runtime } = clocks()
      const { fetch } = transport({ keepAlive: '20s', runtime })
      await (await fetch(url)).text()
      at[clock] += 20_000
      await (await fetch(url)).text()
      expect(sockets).toHaveLength(1)
      at[clock] += 20_001
      await (await fetch(url, { method: 'POST', body: 'x' })).text()
      expect(sockets).toHaveLength(2)
    },
  )

  it('follows a server that keeps connections for a shorter time', async () => {
    const { url, sockets } = await listening(ok, 5000)
    const { at, runtime } = clocks()
    const { fetch } = transport({ keepAlive: '20s', runtime })
    await (await fetch(url)).text()
    at.wall += 4000
    await (await fetch(url)).text()
    expect(sockets).toHaveLength(1)
    at.wall += 4001
    await (await fetch(url)).text()
    expect(sockets).toHaveLength(2)
  })

  it('lets a request that was under way when the process stood still come to its end', async () => {
    const { answer, held, arrived } = byHand()
    const { url } = await listening(answer)
    const { at, runtime } = clocks()
    const { fetch, close } = transport({ runtime })
    const first = fetch(url)
    await arrived(1)
    at.wall += 3_600_000
    const second = fetch(url)
    await arrived(2)
    const closing = close()
    held[0]!.response.end('first')
    held[1]!.response.end('second')
    expect(await (await first).text()).toBe('first')
    expect(await (await second).text()).toBe('second')
    await closing
  })

  it('sends a POST once, over another connection, when the server closed the idle one while all stood still', async () => {
    const worker = new Worker(CLOSING_SERVER, { eval: true })
    onTestFinished(async () => void (await worker.terminate()))
    const [{ port, state }] = (await once(worker, 'message')) as [{ port: number; state: Int32Array }]
    const url = `http://127.0.0.1:${port}`
    const { at, runtime } = clocks()
    const { fetch } = transport({ runtime })
    expect(await (await fetch(url)).text()).toBe('1')
    // This thread is blocked until the server has closed the connection; the pool has not noticed it then.
    Atomics.wait(state, 0, 0)
    at.wall += 1000
    const sent = await fetch(url, { method: 'POST', body: 'x' })
    expect(await sent.text()).toBe('2')
  })
})

describe('undici(): failures', () => {
  it('says that nothing listens', async () => {
    const { url, server } = await listening(ok)
    server.close()
    await once(server, 'close')
    const { fetch } = transport()
    const error = await failure(fetch(url))
    expect(error).toBeInstanceOf(TypeError)
    expect(error).toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNREFUSED' } })
    const log = gateway({ url, fetch })
    expect(await failure(log.offsets('t'))).toMatchObject({ code: 'ERR_NETWORK', retryable: true })
  })

  it.each(['GET', 'POST'])(
    'never sends a %s twice, whose connection was reset unanswered',
    async (method) => {
      const { url, asked } = await listening((request) => request.socket.resetAndDestroy())
      const error = await failure(transport().fetch(url, { method }))
      expect(error).toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNRESET' } })
      expect(asked).toHaveLength(1)
    },
  )

  it('gives up a connection that is not made in time', async () => {
    // It takes connections, and never says a word of TLS.
    const sockets: Socket[] = []
    const server = createTcpServer((socket) => void sockets.push(socket.on('error', () => undefined)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    const { port } = server.address() as AddressInfo
    const { fetch } = transport({ connectTimeout: 50 })
    const error = await failure(fetch(`https://127.0.0.1:${port}`))
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
    expect(error).toMatchObject({ message: 'no connection within `connectTimeout`' })
  })

  it('gives up an answer whose head does not come in time', async () => {
    const { url } = await listening(byHand().answer)
    const { fetch } = transport({ headersTimeout: 50 })
    const error = await failure(fetch(url))
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
    expect(error).toMatchObject({ message: 'no head of an answer within `headersTimeout`' })
  })

  it('gives up an answer that stops in the middle', async () => {
    const { url } = await listening((_request, response) => {
      response.setHeader('content-length', 100)
      response.write('some')
    })
    const { fetch } = transport({ bodyTimeout: 50 })
    const error = await failure((await fetch(url)).text())
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
    expect(error).toMatchObject({ message: 'no more of an answer within `bodyTimeout`' })
  })

  it('reports an answer that breaks off', async () => {
    const { url } = await listening((_request, response) => {
      response.setHeader('content-length', 100)
      response.write('some', () => response.socket?.end())
    })
    const error = await failure((await transport().fetch(url)).text())
    expect(error).toBeInstanceOf(TypeError)
  })

  it('connects again after a failure', async () => {
    let broken = true
    const { url } = await listening((request, response) => {
      if (broken) request.socket.resetAndDestroy()
      else response.end('ok')
    })
    const { fetch } = transport({ connections: 1 })
    await failure(fetch(url))
    broken = false
    expect(await (await fetch(url)).text()).toBe('ok')
  })

  it('refuses an answer in a content coding, which it has not asked for', async () => {
    const { url } = await listening((request, response) => {
      response.setHeader('content-encoding', 'gzip')
      response.end(request.headers['accept-encoding'])
    })
    expect(await failure(transport().fetch(url))).toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it('rejects with the very reason of an abort: before, while it is under way, and while the body is read', async () => {
    const { answer, held, arrived } = byHand()
    const { url, sockets } = await listening(answer)
    const { fetch } = transport({ connections: 1 })
    const reason = new Error('enough')
    expect(await failure(fetch(url, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    const during = new AbortController()
    const first = failure(fetch(url, { signal: during.signal }))
    await arrived(1)
    const cut = once(sockets[0]!, 'close')
    during.abort(reason)
    expect(await first).toBe(reason)
    await cut
    const later = new AbortController()
    const second = fetch(url, { signal: later.signal })
    await arrived(2)
    held[1]!.response.write('some')
    const text = failure((await second).text())
    later.abort(reason)
    expect(await text).toBe(reason)
    // The turn was given back each time.
    const third = fetch(url)
    await arrived(3)
    held[2]!.response.end('third')
    expect(await (await third).text()).toBe('third')
  })

  it('cuts the connection of a body that is not wanted any more', async () => {
    const { url, sockets } = await listening((_request, response) => void response.write('some'))
    const response = await transport({ connections: 1 }).fetch(url)
    const cut = once(sockets[0]!, 'close')
    await response.body!.cancel()
    await cut
  })

  it.each([
    ['ftp://127.0.0.1', {}],
    ['http://user:secret@127.0.0.1', {}],
    ['http://127.0.0.1', { method: 'A B' }],
    ['http://127.0.0.1', { headers: { 'x-a': 'a\r\nb: c' } }],
    ['nowhere', {}],
  ])('rejects what cannot be sent: %s %j', async (url, init) => {
    const error = await failure(transport().fetch(url, init))
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).not.toContain('secret')
  })
})

describe('undici(): as fetch', () => {
  const echo: RequestListener = (request, response) => {
    const { method, headers } = request
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => response.end(JSON.stringify({ method, headers, body })))
  }
  type Echo = { method: string; headers: Record<string, string>; body: string }
  const bytes = new TextEncoder().encode('ß')

  it.each([
    ['a text', { method: 'POST', body: 'ß' }, 'text/plain;charset=UTF-8'],
    ['bytes', { method: 'POST', body: bytes }, undefined],
    ['a stream', { method: 'POST', body: new Blob([bytes]).stream() }, undefined],
    ['a form', { method: 'POST', body: new URLSearchParams({ a: 'b' }) }, /urlencoded/],
  ])('sends %s', async (_, init, type) => {
    const { url } = await listening(echo)
    const seen = (await (await transport().fetch(url, init)).json()) as Echo
    expect(seen.body).toBe(init.body instanceof URLSearchParams ? 'a=b' : 'ß')
    if (type === undefined) expect(seen.headers['content-type']).toBeUndefined()
    else expect(seen.headers['content-type']).toMatch(type)
  })

  it('takes addresses, requests, and headers in any form', async () => {
    const { url } = await listening(echo)
    const { fetch } = transport()
    const headers = { 'X-A': '1' }
    const init = { method: 'put', headers, body: 'b' }
    for (const asked of [
      fetch(url, init),
      fetch(new URL(url), { ...init, headers: new Headers(headers) }),
      fetch(url, { ...init, headers: [['x-a', '1']] }),
      fetch(new Request(url, init)),
      fetch(new Request(url), init),
    ]) {
      const seen = (await (await asked).json()) as Echo
      expect([seen.method, seen.headers['x-a'], seen.body]).toEqual(['PUT', '1', 'b'])
    }
  })

  it.each([{}, { headers: new Headers() }, { body: new Uint8Array(1), method: 'POST' }])(
    'refuses an address with credentials, and does not quote them: %o',
    async (init) => {
      const { fetch, close } = undici()
      onTestFinished(close)
      const error: unknown = await fetch('http://user:sesame@127.0.0.1:1/', init).catch((cause) => cause)
      expect(error).toBeInstanceOf(TypeError)
      expect(String(error)).not.toContain('sesame')
    },
  )

  it('answers with status, headers and body, and without one where there is none', async () => {
    const { url } = await listening((request, response) => {
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.statusCode = request.method === 'DELETE' ? 204 : 404
      response.end(request.method === 'DELETE' ? undefined : 'none')
    })
    const { fetch } = transport()
    const found = await fetch(url)
    expect([found.status, found.ok, found.headers.getSetCookie()]).toEqual([404, false, ['a=1', 'b=2']])
    expect(await found.text()).toBe('none')
    const gone = await fetch(url, { method: 'DELETE' })
    expect([gone.status, gone.body]).toEqual([204, null])
    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, head.body]).toEqual([404, null])
  })

  it('waits for the answer itself where hints come first', async () => {
    const { url } = await listening((_request, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' }, () => response.end('ok'))
    })
    expect(await (await transport().fetch(url)).text()).toBe('ok')
  })

  it('reads a long body whole, at the pace of its reader', async () => {
    const piece = Buffer.alloc(65_536, 'x')
    const { url } = await listening((_request, response) => {
      let left = 200
      const more = () => {
        let flows = true
        while (flows && left > 0) {
          left--
          flows = response.write(piece)
        }
        if (flows) response.end()
        else response.once('drain', more)
      }
      more()
    })
    const response = await transport().fetch(url)
    let length = 0
    for await (const chunk of response.body!) {
      length += chunk.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(length).toBe(200 * 65_536)
  })

  it('follows no redirect, and takes it for a failure where that is asked for', async () => {
    const { url, asked } = await listening((_request, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end('moved')
    })
    const { fetch } = transport()
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(302)
    expect((await fetch(url)).status).toBe(302)
    expect(await failure(fetch(url, { redirect: 'error' }))).toBeInstanceOf(TypeError)
    expect(new Set(asked)).toEqual(new Set(['GET /']))
  })
})

describe('undici(): its end', () => {
  it('lets what is under way end, refuses what waits and what comes, and closes its connections', async () => {
    const { answer, held, arrived } = byHand()
    const { url, sockets } = await listening(answer)
    const { fetch, close } = transport({ connections: 1 })
    const first = fetch(url)
    const second = failure(fetch(url))
    await arrived(1)
    const cut = once(sockets[0]!, 'close')
    const closing = close()
    expect(await second).toMatchObject({ code: 'ERR_CLOSED' })
    expect(await failure(fetch(url))).toMatchObject({ code: 'ERR_CLOSED' })
    held[0]!.response.end('first')
    expect(await (await first).text()).toBe('first')
    await closing
    await cut
    await close()
  })

  it('cuts what does not end in time', async () => {
    const { answer, arrived } = byHand()
    const { url } = await listening(answer)
    const { fetch, close } = transport({ closeTimeout: 20 })
    const first = failure(fetch(url))
    await arrived(1)
    await close()
    expect(await first).toBeInstanceOf(TypeError)
  })

  it('closes at once where nothing was ever sent', async () => {
    await undici().close()
  })
})

describe('undici(): options', () => {
  it.each([
    [{ connections: 0 }, '`connections`'],
    [{ connections: 1.5 }, '`connections`'],
    [{ maxQueue: -1 }, '`maxQueue`'],
    [{ queueTimeout: 0 }, '`queueTimeout`'],
    [{ connectTimeout: 'soon' }, '`connectTimeout`'],
    [{ headersTimeout: 0 }, '`headersTimeout`'],
    [{ bodyTimeout: -1 }, '`bodyTimeout`'],
    [{ keepAlive: null }, '`keepAlive`'],
    [{ closeTimeout: {} }, '`closeTimeout`'],
    [{ tls: { ca: '' } }, '`tls.ca`'],
    [{ tls: { pfx: 'x' } }, '`tls.pfx`'],
    [{ runtime: 1 }, '`runtime`'],
    [{ pipelining: 2 }, '`pipelining`'],
    [null, 'the options'],
  ])('refuses %j', (options, quoted) => {
    const make = () => undici(options as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(quoted)
  })
})

// The contract of a log, over this transport.
logSuite({
  describe,
  it,
  expect,
  ...SUITES.stateless,
  name: 'confluent() over undici()',
  create: async () => {
    const { fetch, close } = undici({ connections: 4 })
    const bench = await overGateway((url) => gateway({ url, fetch }))
    return {
      ...bench,
      close: async () => {
        await bench.close()
        await close()
      },
    }
  },
})
