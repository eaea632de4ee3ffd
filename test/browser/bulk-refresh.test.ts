/** The page of examples/bulk-refresh in a real Chromium: filled by a dump, kept up by the stream, begun anew on a resync. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { startServer } from '../../examples/bulk-refresh/server.ts'
import type { PageServer } from '../../examples/bulk-refresh/server.ts'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { createCache } from '../../src/index.ts'
import { startGateway } from '../../services/gateway/index.ts'
import type { RunningGateway } from '../../services/gateway/index.ts'
import { startChromium, withoutChromium } from './chromium.ts'

const LIMIT_MS = 120_000

describe.skipIf(withoutChromium())('a copy in a browser', { timeout: LIMIT_MS }, () => {
  let log: RunningGateway
  let server: PageServer
  let browser: Browser
  beforeAll(async () => {
    browser = await startChromium()
    log = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
    server = await startServer(log.url)
  }, LIMIT_MS)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await log?.close()
  })

  it('is filled, drops what is evicted, comes back to a server that was away, and begins anew after a resync', async () => {
    const prices = server.cache.namespace<number>('prices')
    await server.cache.sync()
    for (const key of ['tea', 'coffee', 'milk']) await prices.getOrSet(key, () => 3)
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(server.url)
    const keys = async () => page.locator('#values td:first-child').allTextContents()
    const state = async () => page.locator('#state').textContent()
    await expect.poll(state).toBe('live')
    await expect.poll(keys).toEqual(['coffee', 'milk', 'tea'])
    await prices.delete('tea')
    await expect.poll(keys).toEqual(['coffee', 'milk'])
    expect(await page.locator('#events').textContent()).toContain('"keys":["tea"]')

    // The server goes away, and another one comes to its address: it does not know what has come in between.
    const port = Number(new URL(server.url).port)
    await server.close()
    await expect.poll(state).toBe('away')
    const elsewhere = createCache({ kafka: gateway({ url: log.url }) })
    await elsewhere.namespace('prices').delete('milk')
    await elsewhere.close()
    server = await startServer(log.url, port)
    await expect.poll(state).toBe('live')
    expect(await page.locator('#events').textContent()).toContain('{"event":"resync","because":"gap"}')
    // It holds nothing yet, and so does the copy of it.
    await expect.poll(keys).toEqual([])
    await server.cache.namespace<number>('prices').getOrSet('cocoa', () => 5)
    await page.reload()
    await expect.poll(keys).toEqual(['cocoa'])
    // What a browser has itself reads the stream as well.
    const begun = await page.evaluate(`new Promise((resolve) => {
      const source = new EventSource('/cache/prices/events')
      source.addEventListener('begin', ({ data, lastEventId }) => {
        source.close()
        resolve({ ...JSON.parse(data), lastEventId })
      })
    })`)
    expect(begun).toMatchObject({ position: 2, lastEventId: expect.stringMatching(/^k1\.0-2~/) })
    expect(complaints).toEqual([])
    await page.close()
  })
})
