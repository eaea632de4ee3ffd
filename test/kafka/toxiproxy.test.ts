import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withoutToxiproxy } from './toxiproxy-binary.ts'
import { startToxiproxy, type Toxiproxy, type ToxicWire } from './toxiproxy.ts'

describe.skipIf(withoutToxiproxy())('A wire through toxiproxy', () => {
  let toxiproxy: Toxiproxy
  let server: Server
  let wire: ToxicWire
  let requests = 0

  beforeAll(async () => {
    toxiproxy = await startToxiproxy()
    server = createServer((_, response) => {
      requests++
      response.end('a whole answer')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    wire = await toxiproxy.wire(typeof address === 'object' && address ? address.port : 0)
  }, 180_000)

  afterAll(async () => {
    await toxiproxy?.stop()
    server?.closeAllConnections()
    server?.close()
  })

  const ask = async (): Promise<string> => {
    try {
      return await (await fetch(`http://127.0.0.1:${wire.port}/`)).text()
    } catch {
      return 'broken'
    }
  }

  it('carries what is asked and answered', async () => {
    expect(await ask()).toBe('a whole answer')
  })

  it('slows every connection, the one that is there too, until the toxic is removed', async () => {
    const began = performance.now()
    const latency = await wire.add('downstream', { type: 'latency', attributes: { latency: 200, jitter: 0 } })
    expect(await ask()).toBe('a whole answer')
    expect(performance.now() - began).toBeGreaterThanOrEqual(200)
    await latency.remove()
    expect(await ask()).toBe('a whole answer')
  })

  it('resets connections: the request arrives, its answer does not', async () => {
    const before = requests
    const reset = await wire.add('downstream', { type: 'reset_peer', attributes: { timeout: 0 } })
    expect(await ask()).toBe('broken')
    expect(requests).toBeGreaterThan(before)
    await reset.remove()
    expect(await ask()).toBe('a whole answer')
  })

  it('ends connections half-way', async () => {
    const limit = await wire.add('upstream', { type: 'limit_data', attributes: { bytes: 20 } })
    const before = requests
    expect(await ask()).toBe('broken')
    expect(requests).toBe(before)
    await limit.remove()
    expect(await ask()).toBe('a whole answer')
  })

  it('swallows requests in silence, and ends them when the toxic is removed', async () => {
    const before = requests
    const silence = await wire.add('upstream', { type: 'timeout', attributes: { timeout: 0 } })
    const asked = ask()
    await silence.remove()
    expect(await asked).toBe('broken')
    expect(requests).toBe(before)
  })

  it('refuses connections while it is disconnected', async () => {
    await wire.disconnect()
    expect(await ask()).toBe('broken')
    await wire.connect()
    expect(await ask()).toBe('a whole answer')
  })
})
