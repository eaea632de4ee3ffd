/** The gateway over TLS: certificates of servers and clients, and their renewal. */
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { RequestOptions } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startGateway } from '../../../services/gateway/index.ts'
import type { RunningGateway, StartOptions } from '../../../services/gateway/index.ts'
import { BINARY, until } from './harness.ts'
import { selfSigned } from './self-signed.ts'
import type { SelfSigned } from './self-signed.ts'

let folder: string
let first: SelfSigned
let second: SelfSigned
let client: SelfSigned
let gateway: RunningGateway | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kedge-tls-'))
  first = await selfSigned(folder, 'first')
  second = await selfSigned(folder, 'second')
  client = await selfSigned(folder, 'client')
})
afterAll(() => rm(folder, { recursive: true, force: true }))
afterEach(async () => {
  await gateway?.close()
  gateway = undefined
})

const start = async (options: StartOptions) =>
  (gateway = await startGateway({ memory: { topics: { t: 1 } }, ...options }))
const filesOf = ({ cert, key }: SelfSigned) => ({ cert, key })

/** As programs that renew certificates do it: no reader sees half of a file. */
async function replace(from: string, to: string): Promise<void> {
  await copyFile(from, `${to}.new`)
  await rename(`${to}.new`, to)
}

async function ask(
  path: string,
  options: RequestOptions,
): Promise<{ status: number; name: string; text: string }> {
  const asking = request({ port: gateway!.port, path, agent: false, ...options })
  asking.end()
  const [got] = (await once(asking, 'response')) as [IncomingMessage]
  const name = (got.socket as TLSSocket).getPeerCertificate().subject.CN
  let text = ''
  for await (const piece of got.setEncoding('utf8')) text += piece
  return { status: got.statusCode!, name: String(name), text }
}

describe('a gateway with a certificate', () => {
  it('serves TLS, and nothing without it', async () => {
    const { url, port } = await start({ tls: filesOf(first) })
    expect(url).toBe(`https://127.0.0.1:${port}`)
    const options = { ca: first.ca, headers: { accept: BINARY } }
    expect(await ask('/topics/t/partitions/0/records?offset=0&timeout=0&max_bytes=9', options)).toEqual({
      status: 200,
      name: 'first',
      text: '[]',
    })
    await expect(ask('/topics', {})).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    await expect(fetch(`http://127.0.0.1:${port}/topics`)).rejects.toThrow()
  })

  it('answers a consumer with an address of TLS, and wakes a poll', async () => {
    await start({ tls: filesOf(first) })
    const { log } = gateway!
    const path = '/topics/t/partitions/0/records?offset=0&timeout=20000&max_bytes=1000'
    const polling = ask(path, { ca: first.ca, headers: { accept: BINARY } })
    await until(() => log.waiting === 1)
    log.append('t', { key: null, value: Uint8Array.of(7), partition: 0 })
    expect((await polling).text).toContain('"offset":0')
  })

  it('goes on with a new one when its files have changed, while connections that are open go on', async () => {
    const [cert, key] = [join(folder, 'live.pem'), join(folder, 'live.key')]
    await copyFile(first.cert, cert)
    await copyFile(first.key, key)
    const errors: unknown[] = []
    const { log } = await start({ tls: { cert, key, reloadMs: 5 }, onError: (error) => errors.push(error) })
    const path = '/topics/t/partitions/0/records?offset=0&timeout=20000&max_bytes=1000'
    const polling = ask(path, { ca: first.ca, headers: { accept: BINARY } })
    await until(() => log.waiting === 1)
    // One file after the other: for a moment they do not fit.
    await replace(second.cert, cert)
    await until(() => errors.length === 1)
    expect((await ask('/topics', { ca: first.ca })).name).toBe('first')
    await replace(second.key, key)
    const both = { ca: [first.ca, second.ca] }
    let name = 'first'
    while (name === 'first') name = (await ask('/topics', both)).name
    expect(name).toBe('second')
    log.append('t', { key: null, value: Uint8Array.of(7), partition: 0 })
    expect((await polling).name).toBe('first')
    await rm(key)
    await until(() => errors.length === 2)
    expect(errors.map(String)).toEqual([
      expect.stringContaining('do not fit'),
      expect.stringContaining('cannot be read'),
    ])
    expect((await ask('/topics', both)).name).toBe('second')
  })

  it('lets in only clients with a certificate of its authorities, where it names some', async () => {
    await start({ host: '0.0.0.0', tls: { ...filesOf(first), clientCa: client.cert } })
    const [cert, key] = await Promise.all([client.cert, client.key].map((file) => readFile(file, 'utf8')))
    const [other, itsKey] = await Promise.all([second.cert, second.key].map((file) => readFile(file, 'utf8')))
    const ca = first.ca
    expect((await ask('/topics', { ca, cert, key })).status).toBe(200)
    await expect(ask('/topics', { ca })).rejects.toThrow()
    await expect(ask('/topics', { ca, cert: other, key: itsKey })).rejects.toThrow()
  })

  it('asks for credentials besides, where there are some', async () => {
    await start({ tls: filesOf(first), auth: { tokens: ['t0ken'] } })
    expect((await ask('/topics', { ca: first.ca })).status).toBe(401)
    expect((await ask('/topics', { ca: first.ca, headers: { authorization: 'Bearer t0ken' } })).status).toBe(
      200,
    )
  })

  it('is no credential by itself: it does not listen for everybody', async () => {
    await expect(start({ host: '0.0.0.0', tls: filesOf(first) })).rejects.toThrow(/`host`/)
  })

  it('lets a poll end that is under way when it stops', async () => {
    const { log, close } = await start({ tls: filesOf(first), graceMs: 600_000 })
    const path = '/topics/t/partitions/0/records?offset=0&timeout=20000&max_bytes=1000'
    const polling = ask(path, { ca: first.ca, headers: { accept: BINARY } })
    await until(() => log.waiting === 1)
    await Promise.all([close(), expect(polling).resolves.toMatchObject({ status: 200, text: '[]' })])
  })

  it('ends although connections have not begun or have not used TLS', async () => {
    const { port, close } = await start({ tls: filesOf(first), graceMs: 600_000 })
    const bare = connect(port, '127.0.0.1')
    await once(bare, 'connect')
    const idle = request({ port, ca: first.ca, path: '/topics' })
    const inside = once(idle, 'socket').then(async ([value]) => {
      const socket = value as TLSSocket
      if (!socket.authorized) await once(socket, 'secureConnect')
      return socket
    })
    // Nothing is sent of it yet.
    const socket = await inside
    await ask('/healthz', { ca: first.ca })
    const ended = Promise.all([once(bare, 'close'), once(socket, 'close')])
    bare.on('error', () => {})
    idle.on('error', () => {})
    await close()
    await ended
  })
})

it.each([
  [{ cert: 'nowhere.pem', key: 'nowhere.key' }, /`tls.cert`: the file .*nowhere.pem cannot be read/],
  [{ colour: 'red' }, /`tls.colour`/],
  [{ reloadMs: 0 }, /`tls.reloadMs`/],
])('refuses %j', async (wrong, message) => {
  const tls = { ...filesOf(first), ...wrong }
  await expect(startGateway({ tls })).rejects.toThrow(message)
  await expect(startGateway({ tls })).rejects.toBeInstanceOf(TypeError)
})

it('refuses a key of another certificate, and a file that is no PEM, without quoting them', async () => {
  const pair = startGateway({ tls: { cert: first.cert, key: second.key } })
  await expect(pair).rejects.toThrow(/do not fit each other/)
  const text = join(folder, 'text')
  await writeFile(text, 'top secret')
  await expect(startGateway({ tls: { cert: first.cert, key: text } })).rejects.toThrow(
    /^`tls.key`: (?!.*top secret).* is not a PEM file/,
  )
})
