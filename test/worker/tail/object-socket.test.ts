/** The socket of a Durable Object: what is sent for it, what is no socket, and when the object lets go of it. */
import { beforeEach, describe, expect, it } from 'vitest'
import { answerTail } from '../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../adapters/sharing/tail/state.ts'
import type { WebSocketLike } from '../../../adapters/sharing/tail/socket-link.ts'
import { tail } from '../../../adapters/sharing/tail.ts'
import { fakeRuntime, memory, MemoryLog } from '../../../src/testing/index.ts'
import type { FakeRuntime } from '../../../src/testing/index.ts'
import { objectSocket } from '../../../worker/tail.ts'
import { network } from '../../adapters/sharing/tail/fake-sockets.ts'
import type { Network } from '../../adapters/sharing/tail/fake-sockets.ts'

const TOPIC = 'cache-evictions'

let runtime: FakeRuntime
let net: Network
let sent: { readonly url: string; readonly init: RequestInit }[]
let accepted: number
let asked: number
let answer: (url: string, signal: AbortSignal) => unknown
let socket: ReturnType<typeof objectSocket>
let object: TailState

/** As Cloudflare answers a request for a socket. It tells nothing before it is accepted. */
function answered(url: string) {
  let raw: WebSocketLike | undefined
  const told: Parameters<WebSocketLike['addEventListener']>[] = []
  const webSocket = {
    accept() {
      accepted++
      raw = net.connect(url.replace(/^http/, 'ws'), [])
      for (const each of told) raw.addEventListener(...each)
    },
    get readyState() {
      return raw?.readyState ?? 0
    },
    send: (text: string) => raw!.send(text),
    close: () => raw!.close(),
    addEventListener: (...each: (typeof told)[number]) =>
      raw ? raw.addEventListener(...each) : void told.push(each),
  }
  return { status: 101, webSocket }
}

beforeEach(() => {
  runtime = fakeRuntime({ isolatesRequests: true })
  const origin = memory({ on: new MemoryLog({ topics: { [TOPIC]: 1 } }), runtime })
  const gateway = new TailState({ log: origin, runtime })
  net = network(gateway, runtime)
  sent = []
  accepted = 0
  asked = 0
  answer = answered
  socket = objectSocket({
    fetch: async (input, init) => {
      sent.push({ url: input as string, init: init! })
      return (await answer(input as string, init!.signal!)) as Response
    },
  })
  const log = tail({
    origin,
    url: 'https://gateway.example/kafka',
    auth: { token: 'read-token' },
    headers: { 'x-access': 'proxy' },
    fetch: async (input) => {
      asked++
      return answerTail(gateway, new Request((input as string).replace('/kafka/', '/')))
    },
    socket,
    runtime,
  })
  object = new TailState({ log, runtime })
})

const proof = () => object.proof({ topic: TOPIC, partition: 0, maxAgeMs: 600 })

describe('the socket of a Durable Object', () => {
  it('is opened by a request with the credentials and headers of the tail, and follows no redirect', async () => {
    await proof()
    await runtime.advance(1000)
    const [{ url, init } = { url: '', init: {} }] = sent
    expect(url).toMatch(/^https:\/\/gateway\.example\/kafka\/tail\/cache-evictions\/0\/ws\?from=0&beat=/)
    const headers = new Headers(init.headers)
    expect(headers.get('upgrade')).toBe('websocket')
    expect(headers.get('sec-websocket-protocol')).toBe('kedge.tail')
    expect(headers.get('authorization')).toBe('Bearer read-token')
    expect(headers.get('x-access')).toBe('proxy')
    expect(init.redirect).toBe('manual')
    expect(accepted).toBe(1)
  })

  it('spares the object requests where the platform isolates them', async () => {
    await proof()
    await runtime.advance(1500)
    asked = 0
    for (let at = 0; at < 100; at++) {
      expect(await proof()).toMatchObject({ end: 0 })
      await runtime.advance(97)
    }
    expect(asked).toBe(0)
    expect(socket.stats()).toEqual({ live: 1, opened: 1, broken: 0, refused: 0 })
  })

  it.each([
    ['a refusal', 403],
    ['a page of a proxy that knows no upgrade', 200],
  ])('is none where the answer is %s: its body is let go, and the gateway asked', async (_, status) => {
    const bodies: Response[] = []
    let cancelled = 0
    answer = () => {
      const body = new ReadableStream({ cancel: () => void cancelled++ })
      const response = new Response(body, { status })
      bodies.push(response)
      return response
    }
    for (let at = 0; at < 20; at++) {
      expect(await proof()).toMatchObject({ end: 0 })
      await runtime.advance(200)
    }
    expect(bodies.length).toBeGreaterThan(1)
    expect(cancelled).toBe(bodies.length)
    expect(socket.stats()).toMatchObject({ live: 0, opened: 0 })
    expect(socket.stats().broken).toBeGreaterThanOrEqual(bodies.length - 1)
    expect(asked).toBeGreaterThan(10)
  })

  it('is given up where the gateway does not answer, with a signal, and closed where it opens then', async () => {
    const late: (() => void)[] = []
    const signals: AbortSignal[] = []
    answer = (url, signal) => {
      signals.push(signal)
      return new Promise((resolve) => late.push(() => resolve(answered(url))))
    }
    await proof()
    for (let at = 0; at < 20; at++) {
      await runtime.advance(200)
      await proof()
    }
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    for (let at = 0; at < 8; at++) {
      await runtime.advance(200)
      await proof()
    }
    expect(signals[0]?.aborted).toBe(true)
    expect(signals.length).toBeGreaterThan(1)
    late[0]!()
    await runtime.advance(100)
    expect(accepted).toBe(1)
    expect(net.open.map(({ client }) => client.readyState)).toEqual([3])
    expect(socket.stats()).toMatchObject({ live: 0, opened: 0 })
  })

  it('is let go of ten seconds after the last question, and opened again by the next', async () => {
    await proof()
    await runtime.advance(1000)
    expect(socket.stats().live).toBe(1)
    // The object samples on for two seconds.
    await runtime.advance(8000)
    expect(socket.stats().live).toBe(1)
    await runtime.advance(6000)
    expect(socket.stats().live).toBe(0)
    await proof()
    await runtime.advance(1000)
    expect(socket.stats()).toMatchObject({ live: 1, opened: 2 })
  })

  it.each([
    ['no function', { fetch: 1 }, /`fetch`: must be a function/],
    ['an unknown option', { connect: () => undefined }, /`connect` is not an option/],
  ])('refuses %s', (_, options, says) => {
    expect(() => objectSocket(options as object)).toThrow(says)
  })
})
