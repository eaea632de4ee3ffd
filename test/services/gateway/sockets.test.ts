/** The gateway's sockets over loopback: who may open one, what it brings, and how it ends. */
import { once } from 'node:events'
import { createConnection, Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createServer, request } from 'node:http'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket as Ws } from 'ws'
import { GatewayCounters } from '../../../services/gateway/counters.ts'
import { createGateway, memoryCluster, startGateway } from '../../../services/gateway/index.ts'
import type { RunningGateway, StartOptions } from '../../../services/gateway/index.ts'
import { Sockets } from '../../../services/gateway/sockets/sockets.ts'
import { MemoryLog } from '../../../src/testing/index.ts'
import { encodeUtf8 } from '../../../src/wire/codec.ts'

const TOPIC = 'cache-evictions'
const TOKEN = 'a-token-of-a-reader-000001'
/** Asks again and again, for as long as a slow machine needs. */
const until = (see: () => unknown): Promise<void> =>
  vi.waitFor(async () => void (await see()), { timeout: 15_000, interval: 20 })
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function started(options: Partial<StartOptions> = {}): Promise<RunningGateway> {
  const gateway = await startGateway({ memory: { topics: { [TOPIC]: 1 } }, graceMs: 1000, ...options })
  closing.push(gateway.close)
  return gateway
}
const append = ({ log }: RunningGateway) =>
  log.append(TOPIC, { key: null, value: encodeUtf8('{}'), partition: 0 })
const addressOf = ({ url }: RunningGateway, path = `/tail/${TOPIC}/0/ws?from=0`) =>
  url.replace(/^http/, 'ws') + path

interface Opened {
  readonly texts: string[]
  readonly closed: () => { readonly code: number; readonly reason: string } | undefined
  readonly socket: WebSocket
}

/** A socket of the web, with the constructor of Node. */
function opened(url: string, protocols: string[] = ['kedge.tail']): Opened {
  const socket = new WebSocket(url, protocols)
  const texts: string[] = []
  let closed: { code: number; reason: string } | undefined
  socket.addEventListener('message', ({ data }) => texts.push(String(data)))
  socket.addEventListener('close', ({ code, reason }) => (closed = { code, reason }))
  closing.push(async () => socket.close())
  return { socket, texts, closed: () => closed }
}

/** What the gateway answers to a request that asks to become a socket, as HTTP. */
function answered(
  gateway: RunningGateway,
  {
    path = `/tail/${TOPIC}/0/ws?from=0`,
    headers = {},
    upgrade = 'websocket',
    method = 'GET',
    body = '',
  } = {},
): Promise<{ status: number; text: string; upgraded: boolean }> {
  return new Promise((resolve, reject) => {
    const asked = request(gateway.url + path, {
      method,
      headers: {
        connection: 'Upgrade',
        upgrade,
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        'sec-websocket-version': '13',
        ...headers,
      },
    })
    asked.on('error', reject)
    asked.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode!, text: '', upgraded: true })
    })
    asked.on('response', (response) => {
      let text = ''
      response.on('data', (part) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode!, text, upgraded: false }))
    })
    asked.end(body)
  })
}

describe('a socket of the gateway', () => {
  it('is sent records and beats, and the echo of its question', async () => {
    const gateway = await started()
    const { texts, socket } = opened(addressOf(gateway))
    await until(() => expect(texts.join()).toContain('"b":'))
    socket.send('{"p":4}')
    append(gateway)
    await until(() => expect(texts.join()).toMatch(/"r":\[\[0,null,"e30=",\d+\]\],"base":0,"next":1/))
    await until(() => expect(texts.join()).toMatch(/\{"p":4,"life":"[0-9a-f]+","theirs":\d+\}/))
  })

  it('counts among its metrics, and as a connection', async () => {
    const counters = new GatewayCounters()
    const gateway = await started({ counters })
    const { texts, socket } = opened(addressOf(gateway))
    await until(() => expect(texts.length).toBeGreaterThan(0))
    expect(counters.sockets()).toBe(1)
    expect(counters.connections).toBe(1)
    socket.close()
    await until(() => expect(counters.sockets() + counters.connections).toBe(0))
  })

  it('is logged as a request that was answered with 101', async () => {
    const seen: [string, number][] = []
    const gateway = await started({ onRequest: ({ path, status }) => seen.push([path, status]) })
    opened(addressOf(gateway))
    await until(() => expect(seen).toEqual([[`/tail/${TOPIC}/0/ws`, 101]]))
  })

  it('ends where it sends more than a question, before that is in memory', async () => {
    const { socket, closed } = opened(addressOf(await started()))
    await until(() => expect(socket.readyState).toBe(1))
    socket.send('x'.repeat(100_000))
    await until(() => expect(closed()?.code).toBe(1009))
  })

  it('ends where it sends bytes', async () => {
    const { socket, closed } = opened(addressOf(await started()))
    await until(() => expect(socket.readyState).toBe(1))
    socket.send(new Uint8Array([1, 2, 3]))
    await until(() => expect(closed()?.code).toBe(1008))
  })

  it('ends where its client takes nothing', async () => {
    const counters = new GatewayCounters()
    const gateway = await started({ counters })
    const socket = createConnection({ port: gateway.port, host: gateway.host })
    closing.push(async () => socket.destroy())
    socket.write(
      `GET /tail/${TOPIC}/0/ws?from=0&beat=100 HTTP/1.1\r\nHost: ${gateway.host}:${gateway.port}\r\n` +
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    await until(() => expect(counters.sockets()).toBe(1))
    socket.pause()
    const value = encodeUtf8('x'.repeat(200_000))
    const fill = () => {
      for (let at = 0; at < 5; at++) gateway.log.append(TOPIC, { key: null, value, partition: 0 })
      return counters.sockets()
    }
    await until(() => expect(fill()).toBe(0))
  })

  it('ends gently where the gateway closes, and at once where it is paused', async () => {
    const gateway = await started()
    const gentle = opened(addressOf(gateway))
    await until(() => expect(gentle.texts.length).toBeGreaterThan(0))
    await gateway.pause()
    await until(() => expect(gentle.closed()?.code).toBe(1006))
    await gateway.resume()
    const again = opened(addressOf(gateway))
    await until(() => expect(again.texts.length).toBeGreaterThan(0))
    await gateway.close()
    await until(() => expect(again.closed()).toEqual({ code: 1001, reason: 'the tail is stopping' }))
  })
})

describe('a request for a socket', () => {
  const auth = { credentials: [{ name: 'reader', token: TOKEN, roles: ['read'], topics: [TOPIC] }] }
  const veiled = (authorization: string) => `kedge.auth.${Buffer.from(authorization).toString('base64url')}`
  const withCredentials = () => started({ auth } as unknown as StartOptions)

  it('shows its credential as a protocol, which the answer does not repeat', async () => {
    const { texts, socket } = opened(addressOf(await withCredentials()), [
      'kedge.tail',
      veiled(`Bearer ${TOKEN}`),
    ])
    await until(() => expect(texts.length).toBeGreaterThan(0))
    expect(socket.protocol).toBe('kedge.tail')
  })

  it('shows its credential as a header', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` }
    expect(await answered(await withCredentials(), { headers })).toMatchObject({
      status: 101,
      upgraded: true,
    })
  })

  it.each<[string, number, object]>([
    ['without a credential', 401, {}],
    ['with a wrong one', 401, { headers: { 'sec-websocket-protocol': veiled('Bearer wrong-wrong-wrong') } }],
    ['with one that is no base64', 401, { headers: { 'sec-websocket-protocol': 'kedge.auth.~~~' } }],
    [
      'for a topic that it may not read',
      403,
      { path: '/tail/other/0/ws', headers: { authorization: `Bearer ${TOKEN}` } },
    ],
  ])('%s is refused with %i', async (_, status, asks) => {
    expect(await answered(await withCredentials(), asks)).toMatchObject({ status, upgraded: false })
  })

  it.each<[string, number, object]>([
    ['of another host', 421, { headers: { host: 'evil.example' } }],
    ['of a web page of another origin', 403, { headers: { origin: 'https://evil.example' } }],
    ['with an offset that is none', 400, { path: `/tail/${TOPIC}/0/ws?from=x` }],
    ['with a name of a log that is none', 400, { path: `/tail/${TOPIC}/0/ws?log=%20` }],
    ['of another version', 400, { headers: { 'sec-websocket-version': '9' } }],
    ['that is no upgrade', 426, { upgrade: 'h2c' }],
    ['of a route that has none', 200, { path: '/healthz' }],
  ])('%s is answered with %i', async (_, status, asks) => {
    expect(await answered(await started(), asks)).toMatchObject({ status, upgraded: false })
  })

  it('is refused where there are as many as there may be, until one has gone', async () => {
    const gateway = await started({ limits: { maxSockets: 2, clientShare: 100 } })
    const two = [opened(addressOf(gateway)), opened(addressOf(gateway))]
    for (const { texts } of two) await until(() => expect(texts.length).toBeGreaterThan(0))
    expect(await answered(gateway)).toMatchObject({ status: 429 })
    two[0]!.socket.close()
    await until(async () => expect((await answered(gateway)).status).toBe(101))
  })

  it('whose client has gone before it is let in takes no place', async () => {
    const cluster = memoryCluster(new MemoryLog({ topics: { [TOPIC]: 1 } }))
    const app = createGateway({ cluster, limits: { maxSockets: 1 } })
    const ask = async (connection: Socket) => {
      const incoming = { headers: { host: 'localhost' }, socket: { remoteAddress: '127.0.0.1' } }
      const asked = new Request(`http://localhost/tail/${TOPIC}/0/ws`)
      return (await app.fetch(asked, { incoming, connection })).status
    }
    const gone = new Socket()
    gone.destroy()
    await once(gone, 'close')
    await ask(gone)
    expect(await ask(new Socket())).toBe(200)
  })

  it('whose handshake fails takes no place', async () => {
    const gateway = await started({ limits: { maxSockets: 1, clientShare: 100 } })
    for (let time = 0; time < 5; time++)
      await answered(gateway, { headers: { 'sec-websocket-version': '9' } })
    await until(async () => expect((await answered(gateway)).status).toBe(101))
  })
})

it('counts what it asks of the log for sockets that want committed records alone', async () => {
  const counters = new GatewayCounters()
  const gateway = await started({ counters })
  const { texts } = opened(addressOf(gateway, `/tail/${TOPIC}/0/ws?from=0&committed=1`))
  await until(() => expect(texts.join()).toContain('"b":'))
  expect(counters.proofs()).toMatchObject({ places: 1 })
  expect(counters.proofs()!.samples).toBeGreaterThan(0)
})

it('cuts connections that are not let in yet as well', async () => {
  const sockets = new Sockets(() => new Promise<never>(() => undefined))
  const server = createServer({ shouldUpgradeCallback: sockets.asked })
  sockets.attend(server, () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = createConnection((server.address() as AddressInfo).port, '127.0.0.1')
  closing.push(async () => {
    client.destroy()
    server.close()
  })
  const upgrading = once(server, 'upgrade')
  client.write(
    `GET /tail/${TOPIC}/0/ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
  )
  await upgrading
  sockets.cut()
  await until(() => expect(client.closed).toBe(true))
})

it('cuts a client that was refused and does not close its side', async () => {
  const gateway = await started({ graceMs: 100 })
  const { port } = new URL(gateway.url)
  const client = createConnection({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  closing.push(async () => client.destroy())
  let text = ''
  client.on('data', (part) => (text += String(part)))
  client.write(
    `GET /tail/${TOPIC}/0/ws?from=x HTTP/1.1\r\nhost: localhost:${port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
  )
  await until(() => expect(text).toContain('HTTP/1.1 4'))
  const began = performance.now()
  await gateway.close()
  expect(performance.now() - began).toBeLessThan(5000)
})

it('answers other upgrades, such as Java’s h2c, as if none was asked for, with their bodies', async () => {
  const gateway = await started()
  const headers = { 'content-type': 'application/vnd.kafka.json.v2+json', 'http2-settings': 'AAMAAABk' }
  const body = '{"records":[{"value":{"hello":"world"},"partition":0}]}'
  const answer = await answered(gateway, {
    path: `/topics/${TOPIC}`,
    method: 'POST',
    upgrade: 'h2c',
    headers: { ...headers, connection: 'Upgrade, HTTP2-Settings', 'content-length': String(body.length) },
    body,
  })
  expect(answer).toMatchObject({ status: 200, upgraded: false })
  expect(JSON.parse(answer.text)).toMatchObject({ offsets: [{ partition: 0, offset: 0 }] })
})

it('serves a client of `ws` as well', async () => {
  const gateway = await started()
  const socket = new Ws(addressOf(gateway), ['kedge.tail'])
  closing.push(async () => socket.terminate())
  const texts: unknown[] = []
  socket.addEventListener('message', ({ data }) => texts.push(data))
  await until(() => expect(texts.length).toBeGreaterThan(0))
})
