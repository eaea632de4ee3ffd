import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { gatewayOf } from '../../../../services/gateway/app.ts'
import type { GatewayOptions } from '../../../../services/gateway/app.ts'
import { memoryCluster, startGateway, withTail } from '../../../../services/gateway/index.ts'
import type { AccessEntry, ClusterStartOptions } from '../../../../services/gateway/index.ts'
import { MemoryLog } from '../../../../src/testing/memory-log.ts'
import { BINARY, bytes, JSON_FORMAT, until } from '../harness.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const AT_END = 'offset=2&timeout=0&max_bytes=1000'
const target = (query: string, topic = 'topic', partition = 0) =>
  `/topics/${topic}/partitions/${partition}/records?${query}`
type Headers = Readonly<Record<string, string>>

function logOf(): MemoryLog {
  const log = new MemoryLog({ topics: { topic: 1, other: 1 } })
  log.append('topic', { key: bytes('"k"'), value: bytes('{"a":1}') })
  log.append('topic', { key: null, value: bytes('[') })
  return log
}

/** What a server of Node answers on a connection of its own, its headers as they came. */
function ask(port: number, path: string, headers: Headers, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const sent = request({ port, host: '127.0.0.1', path, headers, method, agent: false }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (text: string) => (body += text))
        const { date: _, ...kept } = response.headers
        response.on('end', () => resolve({ status: response.statusCode!, headers: kept, body }))
      })
      sent.on('error', reject)
      sent.end()
    },
  )
}

const started = async (log: MemoryLog, options: Partial<ClusterStartOptions> = {}) => {
  const gateway = await startGateway({ cluster: memoryCluster(log), ...options })
  closing.push(() => gateway.close())
  return gateway
}

/** The gateway's own way for plain reads, with nothing behind it: what it leaves is answered 299. */
async function plainAlone(options: Partial<GatewayOptions> = {}): Promise<number> {
  const { plain } = gatewayOf({ cluster: withTail(memoryCluster(logOf())), ...options })
  const server = createServer((incoming, outgoing) => {
    if (!plain(incoming, outgoing)) outgoing.writeHead(299).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(async () => server.close())
  return (server.address() as AddressInfo).port
}

describe('a plain read', () => {
  it.each<[name: string, query: string, headers: Headers, status: number]>([
    ['from the beginning', 'offset=0&timeout=0&max_bytes=1000', { accept: BINARY }, 200],
    ['as JSON, up to what is none', 'offset=0&timeout=0&max_bytes=1000', { accept: JSON_FORMAT }, 200],
    ['of what is not JSON', 'offset=1&timeout=0&max_bytes=1000', { accept: JSON_FORMAT }, 408],
    ['at the end', AT_END, { accept: BINARY }, 200],
    ['that waits in vain', 'offset=2&timeout=20&max_bytes=1000', { accept: BINARY }, 200],
    ['beyond the end', 'offset=9&timeout=0&max_bytes=1000', { accept: BINARY }, 400],
    ['of committed records', `${AT_END}&isolation_level=read_committed`, { accept: BINARY }, 200],
    ['of another log', `${AT_END}&log=another`, { accept: BINARY }, 412],
    ['of a partition that is none', AT_END, { accept: BINARY }, 404],
    [
      'of records that a cache holds',
      'offset=0&timeout=0&max_bytes=10',
      { accept: BINARY, 'if-none-match': '*' },
      304,
    ],
    ['with parameters in another order', 'max_bytes=10&offset=0&timeout=0', { accept: BINARY }, 200],
  ])('is answered as any other: %s', async (_, query, given, status) => {
    const entries: AccessEntry[] = []
    const { port } = await started(logOf(), { onRequest: (entry) => void entries.push(entry) })
    const headers = { ...given, 'x-request-id': 'the-same' }
    const partition = status === 404 ? 5 : 0
    const answers = [
      await ask(port, target(query, 'topic', partition), headers),
      await ask(port, target(query, '%74opic', partition), headers),
    ]
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]).toMatchObject({ status, headers: { 'x-request-id': 'the-same' } })
    await until(() => entries.length === 2)
    const [first, second] = entries.map((entry) => ({ ...entry, ms: 0 }))
    expect(first).toEqual({ ...second, path: `/topics/topic/partitions/${partition}/records` })
    expect(first).toMatchObject({ method: 'GET', status, requestId: 'the-same' })
  })

  it('goes this way where nothing is to be looked at twice', async () => {
    const port = await plainAlone()
    expect(await ask(port, target(AT_END), { accept: BINARY })).toMatchObject({ status: 200, body: '[]' })
    const id = (await ask(port, target(AT_END), { accept: BINARY })).headers['x-request-id']
    expect(id).toMatch(/^[\da-f-]{36}$/)
    const odd = await ask(port, target(AT_END), { accept: BINARY, 'x-request-id': 'a b' })
    expect(odd.headers['x-request-id']).toMatch(/^[\da-f-]{36}$/)
  })

  it.each<[what: string, path: string, headers: Headers, method?: string]>([
    ['another method', target(AT_END), {}, 'HEAD'],
    ['a page of another origin', target(AT_END), { origin: 'https://app.example' }],
    ['what a browser sends', target(AT_END), { 'sec-fetch-site': 'same-origin' }],
    ['a body', target(AT_END), { 'content-length': '0' }],
    ['a choice of formats', target(AT_END), { accept: `${BINARY}, ${JSON_FORMAT}` }],
    ['no format', target(AT_END), { accept: '*/*' }],
    ['a host that is none', target(AT_END), { host: 'a/b' }],
    ['a port that is none', target(AT_END), { host: 'localhost:65536' }],
    ['an escape', target(AT_END, '%74opic'), {}],
    ['a dot segment', target(AT_END, '..'), {}],
    ['a topic that is too long', target(AT_END, 'x'.repeat(250)), {}],
    ['a partition that is none', '/topics/topic/partitions/x/records?offset=0&timeout=0&max_bytes=1', {}],
    ['a parameter twice', target(`${AT_END}&offset=0`), {}],
    ['a parameter that is unknown', target(`${AT_END}&x=1`), {}],
    ['a parameter that is missing', target('offset=0&timeout=0'), {}],
    ['a number that is none', target('offset=-1&timeout=0&max_bytes=1'), {}],
    ['an isolation level that is none', target(`${AT_END}&isolation_level=x`), {}],
  ])('goes another way with %s', async (_, path, headers, method) => {
    const port = await plainAlone()
    expect((await ask(port, path, { accept: BINARY, ...headers }, method)).status).toBe(299)
  })

  it('goes another way at a host that is not allowed, and where pages may ask', async () => {
    const strange = await plainAlone({ allowsHost: (host) => host === 'a.example' })
    expect((await ask(strange, target(AT_END), { accept: BINARY })).status).toBe(299)
    const named = { accept: BINARY, host: 'a.example' }
    expect((await ask(strange, target(AT_END), named)).status).toBe(200)
    const pages = await plainAlone({ corsOrigins: ['https://app.example'] })
    expect((await ask(pages, target(AT_END), { accept: BINARY })).status).toBe(299)
  })

  it('is of who shows a right credential, with its roles, topics and its share', async () => {
    const token = 't'.repeat(24)
    const credentials = [
      { token, name: 'reader', roles: ['read'], topics: ['topic'] },
      { token: `${token}w`, roles: ['write'] },
      { user: 'u', password: 'p' },
    ] as const
    const port = await plainAlone({ auth: { credentials } })
    const as = (authorization: string, topic?: string) =>
      ask(port, target(AT_END, topic), { accept: BINARY, authorization })
    expect((await as(`Bearer ${token}`)).status).toBe(200)
    expect((await as(`Bearer ${token}`, 'other')).status).toBe(403)
    expect((await as(`Bearer ${token}w`)).status).toBe(403)
    expect((await as(`Basic ${btoa('u:p')}`)).status).toBe(200)
    expect((await as(`Basic ${btoa('u:q')}`)).status).toBe(299)
    expect((await as('Bearer wrong')).status).toBe(299)
    expect((await ask(port, target(AT_END), { accept: BINARY })).status).toBe(299)
  })

  it('counts while it waits, and not when its client has left', async () => {
    const log = logOf()
    const entries: AccessEntry[] = []
    const gateway = await started(log, {
      limits: { maxPolls: 1 },
      onRequest: (entry) => void entries.push(entry),
    })
    const poll = target('offset=2&timeout=30000&max_bytes=1000')
    const socket = connect(gateway.port, '127.0.0.1')
    socket.write(`GET ${poll} HTTP/1.1\r\nhost: localhost\r\naccept: ${BINARY}\r\n\r\n`)
    await until(() => log.waiting === 1)
    const refused = await ask(gateway.port, poll, { accept: BINARY })
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1'])
    await until(() => entries.length === 1)
    socket.destroy()
    await until(() => entries.length === 2)
    expect(entries.map(({ status }) => status)).toEqual([429, 499])
    const answered = ask(gateway.port, poll, { accept: BINARY })
    log.append('topic', { key: null, value: bytes('x') })
    expect((await answered).headers['kedge-next-offset']).toBe('3')
  })

  it('ends when the gateway stops', async () => {
    const log = logOf()
    const gateway = await started(log)
    const waiting = ask(gateway.port, target('offset=2&timeout=30000&max_bytes=1000'), { accept: BINARY })
    await until(() => log.waiting === 1)
    const closed = gateway.close()
    expect(await waiting).toMatchObject({ status: 200, body: '[]' })
    await closed
  })
})
