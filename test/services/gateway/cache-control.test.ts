import { afterEach, describe, expect, it } from 'vitest'
import type { RunningGateway } from '../../../services/gateway/index.ts'
import { memoryCluster, startGateway } from '../../../services/gateway/index.ts'
import { withTail } from '../../../services/gateway/tail/tail.ts'
import { MemoryLog } from '../../../src/testing/memory-log.ts'
import { answer, base64, BINARY, bytes, harness, JSON_FORMAT, until } from './harness.ts'

const path = (query: string) => `/topics/t/partitions/0/records?${query}`
const PAST = 'offset=0&timeout=0&max_bytes=10'

function filled(options: Parameters<typeof harness>[1] = {}) {
  const world = harness({}, options)
  for (let i = 0; i < 5; i++) world.log.append('t', { key: null, value: bytes('"567"') })
  const logId = world.log.describe('t')!.id
  const read = (query: string, headers: Record<string, string> = {}) =>
    world.get(path(query), { accept: BINARY, ...headers })
  return { ...world, logId, read }
}

describe('what caches may keep of stateless reads', () => {
  it('is the past for a day, under a URL that names the log, without the bounds that change', async () => {
    const { logId, read } = filled()
    const response = await read(`${PAST}&log=${logId}`)
    const headers = Object.fromEntries(response.headers)
    expect(headers).toMatchObject({
      'cache-control': 'public, max-age=86400, immutable',
      'kedge-log-id': logId,
      'kedge-next-offset': '2',
      vary: 'accept',
    })
    expect(headers).not.toHaveProperty('kedge-end-offset')
    expect(await response.json()).toHaveLength(2)
  })

  it('is the past after a question each time, where the URL does not name the log', async () => {
    const { log, read } = filled()
    const first = await read(PAST)
    const etag = first.headers.get('etag')!
    expect(first.headers.get('cache-control')).toBe('public, no-cache')
    expect(first.headers.get('kedge-end-offset')).toBe('5')
    const again = await read(PAST, { 'if-none-match': `"other", W/${etag}` })
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
    expect(again.headers.get('kedge-next-offset')).toBe('2')
    log.recreateTopic('t')
    for (let i = 0; i < 5; i++) log.append('t', { key: null, value: bytes('other') })
    expect((await read(PAST, { 'if-none-match': etag })).status).toBe(200)
  })

  it('has another tag in another format, for another level of isolation, and after compaction', async () => {
    const { log, read } = filled()
    const tag = async (query: string, accept = BINARY) => (await read(query, { accept })).headers.get('etag')
    const tags = [
      await tag(PAST),
      await tag(PAST, JSON_FORMAT),
      await tag(`${PAST}&isolation_level=read_committed`),
      await tag('offset=1&timeout=0&max_bytes=10'),
    ]
    log.recreateTopic('t')
    for (const key of ['a', 'b', 'c', 'a', 'd']) log.append('t', { key: bytes(key), value: bytes('1') })
    tags.push(await tag('offset=0&timeout=0&max_bytes=6'))
    log.compact('t')
    tags.push(await tag('offset=0&timeout=0&max_bytes=6'))
    expect(tags).not.toContain(null)
    expect(new Set(tags).size).toBe(tags.length)
  })

  it.each([
    ['the end', 'offset=3&timeout=0&max_bytes=10'],
    ['more than there is', 'offset=0&timeout=0&max_bytes=1000'],
    ['nothing', 'offset=5&timeout=0&max_bytes=10'],
    ['what is out of range', 'offset=9&timeout=0&max_bytes=10'],
  ])('is never %s', async (_, query) => {
    const { logId, read } = filled()
    const response = await read(`${query}&log=${logId}`, { 'if-none-match': '*' })
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect([response.headers.has('etag'), response.status === 304]).toEqual([false, false])
  })

  it('is private to its client, where credentials are needed', async () => {
    const { logId, read } = filled({ auth: { tokens: ['t'] } })
    const response = await read(`${PAST}&log=${logId}`, { authorization: 'Bearer t' })
    expect(response.headers.get('cache-control')).toBe('private, max-age=86400, immutable')
    expect(response.headers.get('vary')).toBe('accept, authorization')
  })

  it('is never an error, which says so', async () => {
    const { logId, read, log } = filled()
    log.recreateTopic('t')
    for (let i = 0; i < 5; i++) log.append('t', { key: null, value: bytes('nojso') })
    const refused = await read(`${PAST}&log=${logId}`)
    expect(refused.headers.get('kedge-log-id')).toBe(log.describe('t')!.id)
    expect(refused.headers.get('cache-control')).toBe('no-store')
    expect(await answer(refused)).toMatchObject([412, { error_code: 41201 }])
    const undecodable = await read(PAST, { accept: JSON_FORMAT })
    expect([undecodable.status, undecodable.headers.get('cache-control')]).toEqual([408, 'no-store'])
  })

  it('is the same with a shared tail', async () => {
    const log = new MemoryLog({ topics: { t: 1 } })
    const tail = withTail(memoryCluster(log))
    const { get } = harness({}, { cluster: tail })
    const waiting = get(path('offset=0&timeout=20000&max_bytes=10'), { accept: BINARY })
    await until(() => log.waiting === 1)
    for (let i = 0; i < 5; i++) log.append('t', { key: null, value: bytes('12345') })
    expect((await waiting).status).toBe(200)
    await until(() => log.waiting === 1)
    const { id } = log.describe('t')!
    const response = await get(path(`${PAST}&log=${id}`), { accept: BINARY })
    expect(response.headers.get('cache-control')).toBe('public, max-age=86400, immutable')
    expect((await get(path(`${PAST}&log=other`), { accept: BINARY })).status).toBe(412)
    const wait = get(path('offset=5&timeout=20000&max_bytes=10&log=other'), { accept: BINARY })
    expect((await wait).status).toBe(412)
    await tail.close()
  })
})

let gateway: Pick<RunningGateway, 'url' | 'close'> | undefined
afterEach(() => gateway?.close())

describe('a gateway that stops', () => {
  const headers = { accept: BINARY }

  it.each(['memory', 'cluster'])('answers polls that wait, with a log of kind %s', async (kind) => {
    const log = new MemoryLog({ topics: { t: 1 } })
    const started = kind === 'memory' ? startGateway({ log }) : startGateway({ cluster: memoryCluster(log) })
    const { url, close } = (gateway = await started)
    const waits = Array.from({ length: 5 }, () =>
      fetch(url + path('offset=0&timeout=25000&max_bytes=10'), { headers }),
    )
    await until(() => log.waiting === (kind === 'memory' ? 5 : 1))
    // All five have arrived once the fifth has been read: the last of them may still be under way.
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    await close()
    const answers = await Promise.all(waits)
    for (const response of answers) expect([200, 503]).toContain(response.status)
    expect(await answers[0]!.json()).toEqual([])
    await until(() => log.waiting === 0)
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  })

  it('finishes what is being produced, says that it is not ready, and refuses to wait', async () => {
    const stopping = new AbortController()
    const { get, post, log, errors } = harness({}, { stopping: stopping.signal })
    expect((await get('/readyz')).status).toBe(200)
    stopping.abort()
    expect(await answer(await get('/readyz'))).toEqual([503, { status: 'stopping' }])
    expect((await get('/healthz')).status).toBe(200)
    expect((await post('/topics/t', { records: [{ value: base64('x') }] }, BINARY)).status).toBe(200)
    const refused = await get(path('offset=1&timeout=1000&max_bytes=10'), headers)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect((await get(path('offset=0&timeout=0&max_bytes=10'), headers)).status).toBe(200)
    expect([log.waiting, errors]).toEqual([0, []])
  })

  it('waits for a body that is under way', async () => {
    const running = await startGateway({ memory: { topics: { t: 1 } } })
    gateway = running
    const { url, log, close } = running
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const init = { method: 'POST', headers: { 'content-type': BINARY }, body: readable, duplex: 'half' }
    const producing = fetch(`${url}/topics/t`, init)
    await writer.write(bytes('{"records":[{"value":"'))
    // The server has it when it answers something that was sent later.
    await fetch(`${url}/healthz`)
    const closing = close()
    await writer.write(bytes(`${base64('x')}"}]}`))
    await writer.close()
    expect((await producing).status).toBe(200)
    await closing
    expect(log.offsets('t', 0).end).toBe(1)
  })

  it('says that it is not ready before it stops to listen, and cuts what does not end', async () => {
    // Drained for longer than a slow machine needs for the request below.
    const { url, close } = (gateway = await startGateway({ drainMs: 3000, graceMs: 50 }))
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const init = { method: 'POST', headers: { 'content-type': BINARY }, body: readable, duplex: 'half' }
    const producing = fetch(`${url}/topics/t`, init as RequestInit).catch(() => 'cut')
    await writable.getWriter().write(bytes('{"records":['))
    const closing = close()
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    await closing
    expect(await producing).toBe('cut')
  })

  it('refuses times that no timer can hold', async () => {
    await expect(startGateway({ graceMs: -1 })).rejects.toThrow(/`graceMs`/)
    await expect(startGateway({ drainMs: Infinity })).rejects.toThrow(/`drainMs`/)
  })
})

it('refuses more answers at once than the bytes allow, until the others are taken', async () => {
  const log = new MemoryLog({ topics: { t: 1 }, maxRecordBytes: 8_000_000 })
  log.append('t', { key: null, value: new Uint8Array(6_000_000) })
  const { url } = (gateway = await startGateway({ log, limits: { maxAnswerBytes: 1000 } }))
  const ask = () => fetch(url + path('offset=0&timeout=0&max_bytes=10'), { headers: { accept: BINARY } })
  // The client does not read the first body: it stands in the buffers of the connection.
  const slow = await ask()
  const refused = await ask()
  expect([slow.status, refused.status, refused.headers.get('retry-after')]).toEqual([200, 429, '1'])
  expect((await slow.arrayBuffer()).byteLength).toBeGreaterThan(8_000_000)
  let later = await ask()
  // The server learns a moment later than the client that the first is gone.
  while (later.status === 429) later = await ask()
  expect(later.status).toBe(200)
  await later.body?.cancel()
})
