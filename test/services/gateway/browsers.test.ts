/** What web pages can make browsers send to a gateway that their reader reaches. */
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startGateway } from '../../../services/gateway/index.ts'
import type { RunningGateway, StartOptions } from '../../../services/gateway/index.ts'
import { BINARY, V2 } from './harness.ts'

const APP = 'https://app.example'
const EVIL = 'https://evil.example'
const RECORDS = '/topics/t/partitions/0/records?offset=0&timeout=0&max_bytes=10000'

let gateway: RunningGateway
const start = async (options: StartOptions = {}) =>
  (gateway = await startGateway({ memory: { topics: { t: 1 } }, upstash: true, ...options }))
afterEach(() => gateway.close())

interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** As it stands: `fetch` adds and forbids headers as a browser does. */
async function send(
  path: string,
  { method = 'GET', headers = {}, body }: Sent = {},
): Promise<IncomingMessage> {
  const asking = request({ port: gateway.port, path, method, headers: { ...headers, connection: 'close' } })
  asking.end(body)
  const [got] = (await once(asking, 'response')) as [IncomingMessage]
  got.resume()
  return got
}

const ends = () => gateway.log.offsets('t', 0).end

const WRITES: readonly (readonly [path: string, type: string, body: string])[] = [
  ['/topics/t', BINARY, '{"records":[{"value":null}]}'],
  ['/topics/t/partitions/0', BINARY, '{"records":[{"value":null}]}'],
  [
    '/v3/clusters/kedge-memory/topics/t/records',
    'application/json',
    '{"value":{"type":"STRING","data":"x"}}',
  ],
  [
    '/v3/clusters/kedge-memory/topics/t/records:batch',
    'application/json',
    '{"entries":[{"id":"1","value":{"type":"STRING","data":"x"}}]}',
  ],
  ['/produce', 'application/json', '{"topic":"t","value":"x"}'],
  ['/produce/t', 'application/json', '{"value":"x"}'],
]

describe('a page of another origin', () => {
  beforeEach(() => start())

  // What a form, an image, a beacon or `fetch` with `no-cors` sends without asking the server first.
  it.each(WRITES)('writes nothing by POST %s', async (path, type, body) => {
    const page = { origin: EVIL, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }
    for (const simple of [
      'text/plain',
      'text/plain;charset=UTF-8',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
    ]) {
      expect(
        (await send(path, { method: 'POST', headers: { ...page, 'content-type': simple }, body })).statusCode,
      ).toBe(403)
      // A browser that sends neither header, or a way around them.
      expect(
        (await send(path, { method: 'POST', headers: { 'content-type': simple }, body })).statusCode,
      ).toBe(415)
    }
    expect((await send(path, { method: 'POST', body })).statusCode).toBe(415)
    expect(
      (await send(path, { method: 'POST', headers: { ...page, 'content-type': type }, body })).statusCode,
    ).toBe(403)
    expect(
      (await send(path, { method: 'POST', headers: { origin: EVIL, 'content-type': type }, body }))
        .statusCode,
    ).toBe(403)
    expect(ends()).toBe(0)
    expect(
      (await send(path, { method: 'POST', headers: { 'content-type': type }, body })).statusCode,
    ).toBeLessThan(300)
    expect(ends()).toBe(1)
  })

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    // Another port of this machine is the same site.
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', origin: EVIL },
    { origin: EVIL },
    { origin: 'null' },
    { origin: 'http://localhost:3000' },
    { origin: 'nonsense' },
  ])('is answered nothing with %j', async (headers) => {
    for (const path of ['/', '/topics', RECORDS, '/v3/clusters', '/nowhere']) {
      const { statusCode, headers: got } = await send(path, { headers: { accept: BINARY, ...headers } })
      expect([statusCode, got['access-control-allow-origin']]).toEqual([403, undefined])
    }
    const made = { method: 'POST', headers: { ...headers, 'content-type': V2 }, body: '{"name":"one"}' }
    expect((await send('/consumers/g', made)).statusCode).toBe(403)
  })

  it('gets no leave by a preflight', async () => {
    for (const headers of [{ origin: EVIL, 'access-control-request-method': 'POST' }, {}]) {
      const got = await send('/topics/t', { method: 'OPTIONS', headers })
      expect(got.statusCode).toBeGreaterThanOrEqual(400)
      expect(got.headers['access-control-allow-origin']).toBeUndefined()
    }
  })

  it('is none for a program, for what a reader types, and for the page of its own origin', async () => {
    const own = { origin: `http://127.0.0.1:${gateway.port}`, host: `127.0.0.1:${gateway.port}` }
    for (const headers of [
      {},
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-mode': 'cors' },
      own,
      // Behind a proxy that gives the gateway another `Host`.
      { 'sec-fetch-site': 'same-origin', origin: APP },
    ])
      expect((await send(RECORDS, { headers: { accept: BINARY, ...headers } })).statusCode).toBe(200)
  })

  it('may ask for the health, which says nothing', async () => {
    expect((await send('/healthz', { headers: { 'sec-fetch-site': 'cross-site' } })).statusCode).toBe(200)
  })

  it('deletes nothing, while a program without a body does', async () => {
    const path = '/v3/clusters/kedge-memory/topics/t'
    expect((await send(path, { method: 'DELETE', headers: { origin: EVIL } })).statusCode).toBe(403)
    expect((await send(path, { method: 'DELETE' })).statusCode).toBe(204)
  })
})

describe('a page of a configured origin', () => {
  const page = { origin: APP, 'sec-fetch-site': 'cross-site' }
  beforeEach(() => start({ corsOrigins: [APP, 'http://localhost:3000'], auth: { tokens: ['t0ken'] } }))

  it('is given leave by a preflight, without credentials, and then with them writes and reads', async () => {
    const wish = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,authorization',
    }
    const leave = await send('/topics/t', { method: 'OPTIONS', headers: { ...page, ...wish } })
    expect([leave.statusCode, leave.headers]).toEqual([
      204,
      expect.objectContaining({
        'access-control-allow-origin': APP,
        'access-control-allow-headers': 'content-type,authorization',
        'access-control-max-age': '600',
      }),
    ])
    const shown = { ...page, authorization: 'Bearer t0ken' }
    const written = {
      method: 'POST',
      headers: { ...shown, 'content-type': BINARY },
      body: '{"records":[{"value":null}]}',
    }
    expect((await send('/topics/t', written)).statusCode).toBe(200)
    const read = await send(RECORDS, { headers: { ...shown, accept: BINARY } })
    expect([read.statusCode, read.headers['access-control-allow-origin'], read.headers.vary]).toEqual([
      200,
      APP,
      'Origin',
    ])
    expect(read.headers['access-control-expose-headers']).toContain('kedge-next-offset')
  })

  it('can read why it was refused', async () => {
    for (const path of ['/topics', '/nowhere']) {
      const { statusCode, headers } = await send(path, { headers: page })
      expect([statusCode, headers['access-control-allow-origin']]).toEqual([401, APP])
    }
    const shown = { ...page, authorization: 'Bearer t0ken' }
    const wrong = await send('/topics/t/partitions/x/offsets', { headers: shown })
    expect([wrong.statusCode, wrong.headers['access-control-allow-origin']]).toEqual([404, APP])
  })

  it('is not one of another, nor a part of its name', async () => {
    for (const origin of [
      EVIL,
      'https://app.example.evil.example',
      'http://app.example',
      'https://app.example:8443',
    ]) {
      for (const method of ['OPTIONS', 'GET']) {
        const { statusCode, headers } = await send('/topics', {
          method,
          headers: { origin, 'access-control-request-method': 'GET' },
        })
        expect([statusCode, headers['access-control-allow-origin']]).toEqual([403, undefined])
      }
    }
  })

  it('shares no answer with a program in a cache between them', async () => {
    const { headers } = await send(RECORDS, { headers: { accept: BINARY, authorization: 'Bearer t0ken' } })
    expect(headers.vary).toBe('Origin')
  })
})

it.each(['*', 'app.example', 'https://app.example/', 'https://app.example/path', 'null', ''])(
  'takes no %j as an origin',
  async (origin) => {
    await start()
    await expect(startGateway({ corsOrigins: [origin] })).rejects.toThrow(
      /`corsOrigins` must be origins such as/,
    )
  },
)
