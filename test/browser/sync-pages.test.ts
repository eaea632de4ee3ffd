/** The live pages of the tour, of sync and of a tier's applier, in a real Chromium. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRedis, withoutRedis } from '../store-servers/redis.ts'
import { startChromium, withoutChromium } from './chromium.ts'
import { poorContrast } from './contrast.ts'
import { lookAt } from './looking.ts'
import { startCommand, startTour } from './services.ts'

describe.skipIf(withoutChromium())('the live page', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startChromium()
  }, 300_000)
  afterAll(() => browser.close())

  it('of the tour says that a stopped log proves nothing, and is there while it is stopped', async () => {
    const { address } = await startTour()
    const { page, faults } = await lookAt(browser, `${address}/ui`)
    await page.getByRole('heading', { name: /^Both workers are fresh — proved \d/ }).waitFor()
    // Its steps are visible, and its box evicts.
    await page.getByText('curl -si $A$KEF').first().waitFor()
    await page.getByLabel('Namespace').fill('airports')
    await page.getByLabel('Key', { exact: true }).fill('KEF')
    await page.getByRole('button', { name: 'Evict' }).click()
    await page.getByText(/^Evicted, token k1\./).waitFor()
    await page.getByRole('region', { name: 'Evictions' }).getByText('KEF').waitFor()
    await fetch(`${address}/log/stop`, { method: 'POST' })
    await page.getByRole('heading', { name: 'Not proved' }).waitFor()
    await page.getByText('The log is stopped').waitFor()
    await fetch(`${address}/log/start`, { method: 'POST' })
    await page.getByRole('heading', { name: /^Both workers are fresh/ }).waitFor()
    expect(faults).toEqual([])
  }, 90_000)

  it.skipIf(withoutRedis())(
    'of sync fills a bar, and says which records were of no use',
    async () => {
      const redis = await startRedis()
      try {
        const { address: url } = await startCommand(['gateway', '--port', '0', '--topic', 'orders'])
        const records = Array.from({ length: 5000 }, (_, at) => ({
          ...(at % 1000 !== 7 && { key: btoa(`key-${at}`) }),
          value: btoa('{"a":1}'),
        }))
        for (let round = 0; round < 20; round++)
          await fetch(`${url}/topics/orders`, {
            method: 'POST',
            headers: { 'content-type': 'application/vnd.kafka.binary.v2+json' },
            body: JSON.stringify({ records }),
          })
        const of = ['--topic', 'orders', '--key', 'order:{key}', '--to', `redis://127.0.0.1:${redis.port}`]
        const { address } = await startCommand([
          'sync',
          ...of,
          '--url',
          url,
          '--max-batch',
          '1',
          '--listen',
          '0',
        ])
        const { page, faults } = await lookAt(browser, `${address}/ui`)
        const bar = page.getByRole('progressbar', { name: 'Filling the store' })
        await bar.waitFor()
        expect(await bar.evaluate((drawn) => (drawn as HTMLProgressElement).value)).toBeLessThan(1)
        await page.getByRole('heading', { name: 'Filling', exact: true }).waitFor()
        await page.getByText('lacks a field').first().waitFor()
        expect(faults).toEqual([])
      } finally {
        await redis.stop()
      }
    },
    120_000,
  )

  it.skipIf(withoutRedis())(
    'of sync --tier shows evictions that it has applied, and no dead letters, which it has not',
    async () => {
      const redis = await startRedis()
      try {
        const { address: url } = await startCommand(['gateway', '--port', '0', '--topic', 'cache-evictions'])
        const to = ['--to', `redis://127.0.0.1:${redis.port}`, '--url', url]
        const { address } = await startCommand(['sync', '--tier', ...to, '--listen', '0'])
        const { page, faults } = await lookAt(browser, `${address}/ui`)
        await page.getByRole('heading', { name: 'Level' }).waitFor()
        await page.getByText('The tier in redis has all that the topic says.').waitFor()
        await fetch(`${url}/topics/cache-evictions`, {
          method: 'POST',
          headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
          body: JSON.stringify({
            records: [{ partition: 0, value: { v: 1, op: 'evict', ns: 'users', keys: ['7'] } }],
          }),
        })
        const applied = page.locator('.tile', { hasText: 'evictions applied' })
        await applied.getByText('1', { exact: true }).waitFor()
        await page.getByRole('heading', { name: 'Shared tier' }).waitFor()
        expect(await page.getByRole('heading', { name: 'Dead letters' }).count()).toBe(0)
        expect(await poorContrast(page)).toEqual([])
        expect(faults).toEqual([])
      } finally {
        await redis.stop()
      }
    },
    120_000,
  )
})
