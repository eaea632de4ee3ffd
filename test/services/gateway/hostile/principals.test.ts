/** Shares of what is bounded, where clients have credentials, certificates, or web pages. */
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { startGateway } from '../../../../services/gateway/index.ts'
import type { AuditEntry, RunningGateway, StartOptions } from '../../../../services/gateway/index.ts'
import { BINARY, until } from '../harness.ts'
import { selfSigned } from '../self-signed.ts'
import { requestText } from './gateway.ts'

let gateway: RunningGateway
const sockets: Socket[] = []
/** After so long a client is cut that takes nothing: longer than a busy machine keeps one waiting that takes something. */
const CUT_MS = 2000

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await gateway.close()
})
const start = async (options: StartOptions) =>
  (gateway = await startGateway({ graceMs: 0, memory: { topics: { t: 1, other: 1 } }, ...options }))

interface Client {
  readonly socket: Socket
  got: string
  closed: boolean
}

function clientOn(socket: Socket): Client {
  sockets.push(socket)
  const one = { socket, got: '', closed: false }
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => (one.got += text))
  socket.on('error', () => {})
  socket.on('close', () => (one.closed = true))
  return one
}

const client = (localAddress = '127.0.0.1') =>
  clientOn(connect({ port: gateway.port, host: '127.0.0.1', localAddress }))

/** One that stops to read once the status of its answer is there. */
function unread(text: string, localAddress?: string): Client {
  const one = client(localAddress)
  one.socket.once('data', () => one.socket.pause())
  one.socket.write(text)
  return one
}

/** Asks until it is answered: the gateway hears of what has ended a little later. */
async function answered(ask: () => Client): Promise<void> {
  for (;;) {
    const one = ask()
    await until(() => one.closed || one.got !== '')
    if (one.got.includes('200 OK')) return
    one.socket.destroy()
  }
}

const read = (timeout: number, headers: Record<string, string> = {}, topic = 't') =>
  requestText('GET', `/topics/${topic}/partitions/0/records?offset=0&timeout=${timeout}&max_bytes=8388608`, {
    accept: BINARY,
    ...headers,
  })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('the client that has a share', () => {
  it('is the name of a credential: a token that replaces another has no share of its own', async () => {
    const credentials = [
      { name: 'app', token: 'old' },
      { name: 'app', token: 'new' },
      { name: 'other', token: 'third' },
    ]
    const { log } = await start({ auth: { credentials }, limits: { maxPolls: 20 } })
    const many = Array.from({ length: 20 }, (_, at) => {
      const one = client()
      one.socket.write(read(20_000, bearer(at % 2 === 0 ? 'old' : 'new')))
      return one
    })
    await until(() => many.filter(({ got }) => got.includes('429')).length >= 5)
    expect(log.waiting).toBe(15)
    client().socket.write(read(20_000, bearer('third')))
    await until(() => log.waiting === 16)
  })

  it('takes no place by what it may not read, and finds the request id in what refuses it', async () => {
    const credentials = [{ name: 'app', token: 'a', topics: ['t'] }]
    const { log } = await start({ auth: { credentials }, limits: { maxPolls: 1 } })
    for (let i = 0; i < 5; i++) {
      const one = client()
      one.socket.write(read(20_000, { ...bearer('a'), 'x-request-id': 'mine' }, 'other'))
      await until(() => one.got.includes('40301'))
      expect(one.got).toMatch(/^HTTP\/1\.1 403 .*\r\nx-request-id: mine\r\n/s)
    }
    client().socket.write(read(20_000, bearer('a')))
    await until(() => log.waiting === 1)
    const one = client()
    one.socket.write(read(20_000, { ...bearer('a'), 'x-request-id': 'next' }))
    await until(() => one.got.includes('42901'))
    expect(one.got).toMatch(/^HTTP\/1\.1 429 .*\r\nx-request-id: next\r\n/s)
  })
})

describe('answers that their clients do not read count', () => {
  const page = 'https://app.example'
  const audit: AuditEntry[] = []
  it.each<[string, StartOptions, Record<string, string>]>([
    ['for credentials', { auth: { tokens: ['a'] } }, bearer('a')],
    [
      'for credentials with an audit',
      { auth: { tokens: ['a'] }, onAudit: (entry) => audit.push(entry) },
      bearer('a'),
    ],
    ['for web pages of other origins', { corsOrigins: [page] }, { origin: page }],
  ])('%s, and are free again when they are gone', async (_, options, headers) => {
    const { log } = await start({ limits: { maxAnswerBytes: 10_000_000 }, ...options })
    for (let i = 0; i < 9; i++) log.append('t', { key: null, value: new Uint8Array(700_000) })
    const first = unread(read(0, headers))
    await until(() => first.got.includes('200 OK'))
    // Otherwise both would be the same bytes, which count once.
    log.append('t', { key: null, value: new Uint8Array(1) })
    const second = unread(read(0, headers))
    await until(() => second.got !== '')
    expect(second.got).toContain('HTTP/1.1 429')
    first.socket.destroy()
    await answered(() => unread(read(0, headers)))
  })
})

describe('a connection with TLS', () => {
  const started = async (options: StartOptions) => {
    const folder = await mkdtemp(join(tmpdir(), 'kedge-tls-'))
    try {
      const { cert, key, ca } = await selfSigned(folder, 'server')
      await start({ tls: { cert, key }, ...options })
      return (localAddress = '127.0.0.1') => {
        const socket = connect({ port: gateway.port, host: '127.0.0.1', localAddress })
        return clientOn(connectTls({ socket, host: '127.0.0.1', ca }))
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  it('has one place, which is free again when it closes', async () => {
    const connected = await started({ maxConnections: 20 })
    const asking = (localAddress: string) => {
      const one = connected(localAddress)
      one.socket.write(requestText('GET', '/healthz'))
      return one
    }
    const many = Array.from({ length: 20 }, () => asking('127.0.0.2'))
    await until(() => many.every(({ got, closed }) => closed || got.includes('200 OK')))
    expect(many.filter(({ closed }) => closed).length).toBe(5)
    await answered(() => asking('127.0.0.3'))
    for (const { socket } of many) socket.destroy()
    for (let i = 0; i < 14; i++) await answered(() => asking('127.0.0.2'))
  })

  it('is cut when it takes nothing of its answer, and not while its poll waits', async () => {
    const connected = await started({ stallMs: CUT_MS, limits: { maxAnswerBytes: 10_000_000 } })
    const waiting = connected()
    waiting.socket.write(read(CUT_MS * 1.5))
    await until(() => waiting.got.endsWith('[]'))
    expect(waiting.closed).toBe(false)
    for (let i = 0; i < 9; i++) gateway.log.append('t', { key: null, value: new Uint8Array(700_000) })
    const ask = () => {
      const one = connected()
      one.socket.once('data', () => one.socket.pause())
      one.socket.write(read(0))
      return one
    }
    const first = ask()
    await until(() => first.got.includes('200 OK'))
    // Otherwise both would be the same bytes, which count once.
    gateway.log.append('t', { key: null, value: new Uint8Array(1) })
    const second = ask()
    await until(() => second.got !== '')
    expect(second.got).toContain('HTTP/1.1 429')
    // The first has not closed its connection: the gateway has, and its bytes are free.
    await answered(ask)
  })
})
