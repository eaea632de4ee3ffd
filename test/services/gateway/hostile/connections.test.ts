import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startGateway } from '../../../../services/gateway/index.ts'
import type { RunningGateway, StartOptions } from '../../../../services/gateway/index.ts'
import { BINARY, until, V2 } from '../harness.ts'
import { requestText } from './gateway.ts'

let gateway: RunningGateway
const sockets: Socket[] = []
/** After so long a client is cut that takes nothing: longer than a busy machine keeps one waiting that takes something. */
const CUT_MS = 2000

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await gateway.close()
})
const start = async (options: StartOptions = {}) =>
  (gateway = await startGateway({ graceMs: 0, memory: { topics: { t: 1 } }, ...options }))

/** A client at an address of its own: all of 127.0.0.0/8 is this machine. */
function client(localAddress = '127.0.0.1'): {
  readonly socket: Socket
  got: string
  readonly closed: boolean
} {
  const socket = connect({ port: gateway.port, host: '127.0.0.1', localAddress })
  sockets.push(socket)
  const one = { socket, got: '', closed: false }
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => (one.got += text))
  socket.on('error', () => {})
  socket.on('close', () => (one.closed = true))
  return one
}

const records = (offset: number, timeout: number) =>
  requestText('GET', `/topics/t/partitions/0/records?offset=${offset}&timeout=${timeout}&max_bytes=8388608`, {
    accept: BINARY,
  })
const count = (text: string, what: string) => text.split(what).length - 1

describe('a connection', () => {
  it('gets the answers to what it asks for at once one after the other, and in order', async () => {
    const { log } = await start()
    const one = client()
    one.socket.write(records(0, 20_000) + records(1, 20_000) + requestText('GET', '/topics'))
    await until(() => log.waiting === 1)
    log.append('t', { key: null, value: new Uint8Array(1) })
    await until(() => count(one.got, 'HTTP/1.1 200') === 1 && log.waiting === 1)
    expect(one.got).toContain('"offset":0')
    log.append('t', { key: null, value: new Uint8Array(1) })
    await until(() => one.got.endsWith('["t"]'))
    expect(count(one.got, 'HTTP/1.1 200')).toBe(3)
  })

  it('goes on after what it has asked for at once', async () => {
    await start()
    const one = client()
    for (let round = 1; round <= 3; round++) {
      one.socket.write(requestText('GET', '/healthz').repeat(200))
      await until(() => count(one.got, 'HTTP/1.1 200') === 200 * round)
    }
  })

  it('is cut when it asks for more at once than may be in line', async () => {
    await start()
    const one = client()
    one.socket.write(records(0, 20_000) + requestText('GET', '/healthz').repeat(300))
    await until(() => one.closed)
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
  })

  it('is cut when it takes nothing of its answer, and its bytes are free again', async () => {
    const { log, url } = await start({ stallMs: CUT_MS, limits: { maxAnswerBytes: 10_000_000 } })
    for (let i = 0; i < 9; i++) log.append('t', { key: null, value: new Uint8Array(700_000) })
    const ask = async () => {
      const path = '/topics/t/partitions/0/records?offset=0&timeout=0&max_bytes=8388608'
      const response = await fetch(url + path, { headers: { accept: BINARY } })
      await response.arrayBuffer()
      return response.status
    }
    const one = client()
    one.socket.once('data', () => one.socket.pause())
    one.socket.write(records(0, 0))
    await once(one.socket, 'data')
    expect(await ask()).toBe(429)
    let status = 429
    for (const end = performance.now() + 15_000; status === 429 && performance.now() < end;) {
      status = await ask()
    }
    expect(status).toBe(200)
  })

  it('is not cut while its poll waits', async () => {
    await start({ stallMs: 300 })
    const one = client()
    one.socket.write(records(0, 1500))
    await until(() => one.got.endsWith('[]'))
    expect(one.closed).toBe(false)
  })

  it('is not cut while it takes its answer slowly', async () => {
    const stallMs = 3000
    const { log } = await start({ stallMs })
    for (let i = 0; i < 9; i++) log.append('t', { key: null, value: new Uint8Array(700_000) })
    const slow = client()
    const began = performance.now()
    slow.socket.write(records(0, 0))
    slow.socket.on('data', () => {
      slow.socket.pause()
      setTimeout(() => slow.socket.resume(), 40)
    })
    await until(() => slow.got.endsWith(']') || slow.closed)
    expect(count(slow.got, '"offset"')).toBe(9)
    expect(performance.now() - began).toBeGreaterThan(stallMs)
  })

  it('on which nothing is asked is cut', async () => {
    await start({ stallMs: 200 })
    const one = client()
    await until(() => one.closed)
  })
})

describe('no client takes all', () => {
  it('connections', async () => {
    await start({ maxConnections: 20 })
    const many = Array.from({ length: 20 }, () => client('127.0.0.2'))
    await until(() => many.filter(({ closed }) => closed).length === 5)
    const other = client('127.0.0.3')
    other.socket.write(requestText('GET', '/healthz'))
    await until(() => other.got.includes('200 OK'))
    for (const { socket } of many) socket.destroy()
  })

  it.each([
    ['address', {}, ['127.0.0.2', ''], ['127.0.0.3', '']],
    ['credential', { auth: { tokens: ['a', 'b'] } }, ['127.0.0.1', 'Bearer a'], ['127.0.0.1', 'Bearer b']],
    // The same credential, written in another way, from elsewhere.
    [
      'user',
      { auth: { users: { a: 'x', b: 'y' } } },
      ['127.0.0.2', 'Basic YTp4'],
      ['127.0.0.2', 'Basic Yjp5'],
    ],
  ] as const)(
    'polls: a share for each %s',
    async (_, options, [address, authorization], [another, othersOwn]) => {
      const { log } = await start({ limits: { maxPolls: 20 }, ...options })
      const ask = (of: string, credential: string) => {
        const one = client(of)
        const path = '/topics/t/partitions/0/records?offset=0&timeout=20000&max_bytes=1000'
        one.socket.write(
          requestText('GET', path, {
            accept: BINARY,
            ...(credential !== '' && { authorization: credential }),
          }),
        )
        return one
      }
      const many = Array.from({ length: 20 }, (_unused, at) =>
        ask(address, at % 2 === 0 ? authorization : authorization.replace('Basic YTp4', 'basic  Y!Tp4')),
      )
      await until(() => many.filter(({ got }) => got !== '').length >= 5)
      expect(log.waiting).toBe(15)
      ask(another, othersOwn)
      await until(() => log.waiting === 16)
      for (const { socket } of many) socket.destroy()
      await until(() => log.waiting === 1)
      ask(address, authorization)
      await until(() => log.waiting === 2)
    },
  )

  it('consumer instances, and has its share back when it deletes them', async () => {
    await start({ limits: { maxInstances: 8 }, auth: { tokens: ['a', 'b'] } })
    const asked = (token: string, method: string, path: string, body?: unknown) =>
      fetch(gateway.url + path, {
        method,
        headers: { 'content-type': V2, authorization: `Bearer ${token}` },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
    const create = async (token: string, name: string) =>
      (await asked(token, 'POST', '/consumers/g', { name })).status
    const statuses: number[] = []
    for (let i = 0; i < 8; i++) statuses.push(await create('a', `a${i}`))
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429])
    expect(await create('b', 'b0')).toBe(200)
    expect((await asked('a', 'DELETE', '/consumers/g/instances/a0')).status).toBe(204)
    expect(await create('a', 'a9')).toBe(200)
    expect(await create('a', 'a10')).toBe(429)
  })

  it('bytes of answers', async () => {
    const { log } = await start({ limits: { maxAnswerBytes: 20_000_000 } })
    for (let i = 0; i < 9; i++) log.append('t', { key: null, value: new Uint8Array(700_000) })
    const unread = (of: string) => {
      const one = client(of)
      one.socket.once('data', () => one.socket.pause())
      one.socket.write(records(0, 0))
      return one
    }
    const first = unread('127.0.0.2')
    await until(() => first.got.includes('200 OK'))
    const second = unread('127.0.0.2')
    await until(() => second.got.includes('429'))
    const other = unread('127.0.0.3')
    await until(() => other.got.includes('200 OK'))
  })
})
