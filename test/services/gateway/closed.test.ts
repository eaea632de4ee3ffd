/** A gateway without credentials serves this machine alone. */
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { createGateway, memoryCluster, startGateway } from '../../../services/gateway/index.ts'
import type { RunningGateway, StartOptions } from '../../../services/gateway/index.ts'
import { isLoopback } from '../../../services/gateway/loopback.ts'
import { MemoryLog } from '../../../src/testing/memory-log.ts'

let gateway: RunningGateway | undefined
afterEach(() => gateway?.close())
const start = async (options: StartOptions = {}): Promise<RunningGateway> =>
  (gateway = await startGateway({ memory: { topics: { t: 1 } }, ...options }))

/** `fetch` lets no program choose the `Host`. */
async function statusFor(host: string | undefined, path = '/topics', headers = {}): Promise<number> {
  const { port } = gateway!
  const named = host === undefined ? {} : { host: host.replace('PORT', String(port)) }
  const asking = request({ port, path, setHost: false, headers: { ...headers, ...named } })
  asking.end()
  const [got] = (await once(asking, 'response')) as [IncomingMessage]
  got.resume()
  return got.statusCode!
}

describe('a gateway without credentials', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', 'gateway.example', '::ffff:10.0.0.1'])(
    'does not listen on %s',
    async (host) => {
      await expect(startGateway({ host })).rejects.toThrow(/`host` .* could read and write.*`open: true`/)
    },
  )

  it('listens there when it is meant to be open, and answers to every name', async () => {
    await start({ host: '0.0.0.0', open: true })
    expect(await statusFor('gateway.example')).toBe(200)
  })

  it.each(['localhost:PORT', '127.0.0.1:PORT', '[::1]:PORT', 'localhost', 'LOCALHOST:1'])(
    'answers to %s',
    async (host) => {
      await start()
      expect(await statusFor(host)).toBe(200)
    },
  )

  it('answers to the loopback address that it listens on', async () => {
    await start({ host: '127.0.0.2' })
    const { url } = gateway!
    expect((await fetch(`${url}/topics`)).status).toBe(200)
  })

  // A page of evil.example whose name leads to 127.0.0.1 for a moment sends its own name.
  it.each([
    'evil.example',
    'evil.example:PORT',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '0.0.0.0',
    '127.0.0.2:PORT',
  ])('answers nothing to %s, on any route', async (host) => {
    await start()
    const records = '/topics/t/partitions/0/records?offset=0&timeout=0&max_bytes=10000'
    for (const path of ['/', '/topics', records, '/healthz', '/readyz', '/nowhere'])
      expect(await statusFor(host, path)).toBe(421)
  })

  it('answers as an app of its own to any name, as it has no address', async () => {
    const app = createGateway({ cluster: memoryCluster(new MemoryLog()) })
    expect((await app.request('http://gateway.example/topics')).status).toBe(200)
  })
})

it('answers to every name once it asks for credentials', async () => {
  await start({ auth: { tokens: ['t0ken'] } })
  const shown = { authorization: 'Bearer t0ken' }
  expect(await statusFor('gateway.example', '/topics', shown)).toBe(200)
  expect(await statusFor('gateway.example')).toBe(401)
})

it('is not open and closed at once', async () => {
  await expect(startGateway({ open: true, auth: { tokens: ['t'] } })).rejects.toThrow(/`open`/)
})

it.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['Localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['128.0.0.1', false],
  ['localhost.evil.example', false],
  ['', false],
])('knows whether %j is this machine alone', (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback)
})
