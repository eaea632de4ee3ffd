import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startGateway } from '../../../services/gateway/index.ts'
import type { AccessEntry, RunningGateway, StartOptions } from '../../../services/gateway/index.ts'
import { answer, base64, BINARY, until, V2 } from './harness.ts'

let gateway: RunningGateway | undefined
afterEach(() => gateway?.close())
const start = async (options: StartOptions = {}): Promise<RunningGateway> =>
  (gateway = await startGateway(options))
const basic = (credentials: string) => ({ authorization: `Basic ${base64(credentials)}` })

describe('a running gateway', () => {
  it('wakes a long poll over HTTP when another client produces', async () => {
    const { url, log } = await start()
    const path = '/topics/t/partitions/0/records?offset=0&timeout=20000&max_bytes=1000'
    const reading = fetch(url + path, { headers: { accept: BINARY } })
    await until(() => log.waiting === 1)
    const body = JSON.stringify({ records: [{ value: base64('x') }] })
    await fetch(`${url}/topics/t`, { method: 'POST', headers: { 'content-type': BINARY }, body })
    expect(await (await reading).json()).toMatchObject([{ value: base64('x'), offset: 0 }])
  })

  it.each(['.', '..', '%2e', '.%2E'])(
    'makes no consumer in the group %j, however it is asked',
    async (group) => {
      const { port } = await start()
      // `fetch` would fold the dots away before it sends them.
      const options = { port, path: `/consumers/${group}`, method: 'POST', headers: { 'content-type': V2 } }
      const asking = request(options)
      asking.end('{"name":"c"}')
      const [got] = (await once(asking, 'response')) as [IncomingMessage]
      got.resume()
      expect(got.statusCode).toBeGreaterThanOrEqual(400)
      expect(got.statusCode).toBeLessThan(500)
    },
  )

  it('stops a wait whose connection is closed', async () => {
    const { url, log } = await start()
    const client = new AbortController()
    const path = '/topics/t/partitions/0/records?offset=0&timeout=20000&max_bytes=1000'
    const reading = fetch(url + path, { headers: { accept: BINARY }, signal: client.signal })
    await until(() => log.waiting === 1)
    client.abort()
    await expect(reading).rejects.toThrow()
    await until(() => log.waiting === 0)
  })

  it('cuts connections when paused, and comes back on its port with its log', async () => {
    const { url, log, pause, resume } = await start({ memory: { topics: { t: 1 } } })
    const path = '/topics/t/partitions/0/records?offset=0&timeout=20000&max_bytes=1000'
    const reading = fetch(url + path, { headers: { accept: BINARY } })
    await until(() => log.waiting === 1)
    await Promise.all([pause(), expect(reading).rejects.toThrow()])
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
    await resume()
    expect(await (await fetch(`${url}/topics`)).json()).toEqual(['t'])
    await pause()
    await pause()
    await Promise.all([resume(), resume()])
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('does not wait for connections on which nothing was asked', async () => {
    const { port, url, close } = await start({ graceMs: 600_000 })
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    // Answered after the silent connection was taken up: the server knows of both.
    await fetch(`${url}/healthz`)
    const ended = once(socket, 'close')
    await close()
    await ended
  })

  it('does not come back once closed', async () => {
    const { url, close, resume } = await start()
    await close()
    await close()
    await resume()
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  })

  it('rejects when its port is taken', async () => {
    const { port } = await start()
    await expect(startGateway({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('refuses a body while it arrives, without a length and with one', async () => {
    const { url } = await start({ limits: { maxBodyBytes: 100_000 } })
    const headers = { 'content-type': BINARY }
    let sent = 0
    const endless = new ReadableStream({
      pull: (controller) => {
        sent += 10_000
        controller.enqueue(new Uint8Array(10_000).fill(0x20))
      },
    })
    const init = { method: 'POST', headers, body: endless, duplex: 'half' } as RequestInit
    // The answer may come before the client is done sending, which some clients take for an error of theirs.
    const status = await fetch(`${url}/topics/t`, init).then(
      (response) => response.status,
      () => 413,
    )
    expect([status, sent < 50_000_000]).toEqual([413, true])
    const whole = { method: 'POST', headers, body: ' '.repeat(100_001) }
    expect((await fetch(`${url}/topics/t`, whole)).status).toBe(413)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('refuses bodies that are too much together, until one has ended', async () => {
    const { url } = await start({ limits: { maxBufferedBytes: 1000 } })
    const headers = { 'content-type': BINARY }
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const slow = fetch(`${url}/topics/t`, {
      method: 'POST',
      headers,
      body: readable,
      duplex: 'half',
    } as RequestInit)
    await writer.write(new TextEncoder().encode(`{"records":[{"value":"${'A'.repeat(900)}`))
    const other = async () =>
      fetch(`${url}/topics/t`, {
        method: 'POST',
        headers,
        body: `{"records":[{"value":"${'A'.repeat(400)}"}]}`,
      })
    let refused = await other()
    // The first body may still be under way.
    while (refused.status === 200) refused = await other()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    await writer.write(new TextEncoder().encode('"}]}'))
    await writer.close()
    expect((await slow).status).toBe(200)
    expect((await other()).status).toBe(200)
  })

  it('lives through what is not HTTP', async () => {
    const { url, port, host } = await start()
    for (const noise of [
      '\0\0\0\0',
      'GET /\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: [\r\n\r\n',
      `GET /${'x'.repeat(70_000)} HTTP/1.1\r\n\r\n`,
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(port, host, () => socket.end(noise))
        socket
          .on('error', () => {})
          .on('close', () => resolve())
          .resume()
      })
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it.each(['/topics/%', '/topics/%00', '/topics/%ff/partitions/0/offsets', '//', '/topics/..%2f'])(
    'answers %s with an error of the client',
    async (path) => {
      const errors: unknown[] = []
      const { url } = await start({ memory: { autoCreate: false }, onError: (error) => errors.push(error) })
      const { status } = await fetch(url + path, { headers: { accept: V2 } })
      expect([status >= 400 && status < 500, errors]).toEqual([true, []])
    },
  )

  it('names its protocols, and writes an access log without queries or messages', async () => {
    const entries: AccessEntry[] = []
    const { url } = await start({ onRequest: (entry) => entries.push(entry) })
    expect(await answer(await fetch(`${url}/?secret=1`))).toMatchObject([
      200,
      { protocols: { 'confluent-v2': expect.any(Array) } },
    ])
    await fetch(`${url}/produce/t/secret`)
    await fetch(`${url}/nowhere`)
    expect(entries.map(({ method, path, status }) => [method, path, status])).toEqual([
      ['GET', '/', 200],
      ['GET', '/produce/t/…', 404],
      ['GET', '/nowhere', 404],
    ])
  })
})

describe('authentication', () => {
  const auth = { users: { ann: 'päss:word', bob: 'b' }, tokens: ['t0ken'] }

  it.each([basic('ann:päss:word'), basic('bob:b'), { authorization: 'bearer t0ken' }])(
    'lets %j in',
    async (headers) => {
      const { url } = await start({ auth })
      expect((await fetch(`${url}/topics`, { headers })).status).toBe(200)
    },
  )

  it.each([
    {},
    basic('ann:b'),
    basic('ann'),
    basic('ann:päss:word '),
    { authorization: 'Basic ***' },
    { authorization: 'Basic' },
    { authorization: 'Bearer t0ke' },
    { authorization: `Basic ${base64('t0ken')}` },
    { authorization: 'Bearer ann:b' },
    { authorization: `Bearer ${'x'.repeat(9000)}` },
    { authorization: 'Digest username="ann"' },
  ])('keeps %j out of everything but the health check', async (headers) => {
    const { url } = await start({ auth })
    for (const path of ['/', '/topics', '/v3/clusters', '/nowhere']) {
      const response = await fetch(url + path, { headers: headers as HeadersInit })
      expect(response.headers.get('www-authenticate')).toBe(
        'Basic realm="kedge", charset="UTF-8", Bearer realm="kedge"',
      )
      const text = await response.text()
      expect([response.status, text]).toEqual([401, expect.not.stringMatching(/ann|t0ke|p.ss/)])
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('refuses credentials that could not work, without quoting them', async () => {
    await expect(startGateway({ auth: { users: { 'a:b': 'secret' } } })).rejects.toThrow(
      /^`users`(?!.*secret)/,
    )
    await expect(startGateway({ auth: { tokens: [''] } })).rejects.toThrow(/`tokens`/)
  })
})

it('refuses options and limits that it does not know, or that are out of range', async () => {
  await expect(startGateway({ colour: 1 } as object)).rejects.toThrow(/`colour`/)
  await expect(startGateway({ limits: { maxPolls: 0 } })).rejects.toThrow(/`maxPolls`/)
  await expect(startGateway({ limits: { maxPoll: 1 } as object })).rejects.toThrow(/`maxPoll`/)
  await expect(startGateway({ memory: { partitions: 0 } })).rejects.toThrow(/`partitions`/)
})
