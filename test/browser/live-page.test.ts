/** The live page in a real Chromium, as its users have it. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startChromium, withoutChromium } from './chromium.ts'
import { poorContrast } from './contrast.ts'
import { lookAt } from './looking.ts'
import { startCommand } from './services.ts'

const READER = 'reader-token-0123456789abcdef'
const EVICTER = 'evicter-token-0123456789abcde'
const TOKENS = {
  KEDGE_SERVE_READ_TOKENS: `${READER},${EVICTER}`,
  KEDGE_SERVE_EVICT_TOKENS: EVICTER,
}

const gateway = (env = {}) => startCommand(['gateway', '--port', '0', '--topic', 'cache-evictions'], env)
const serve = (url: string, env: Readonly<Record<string, string>> = TOKENS) =>
  startCommand(['serve', '--port', '0', '--url', url], env, /shows what it does on (http:\S+)\/ui/)

describe.skipIf(withoutChromium())('the live page', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startChromium()
  }, 300_000)
  afterAll(() => browser.close())

  it('of the gateway shows evictions as they come, and its box evicts', async () => {
    const { address } = await gateway()
    const { page, faults, hosts } = await lookAt(browser, `${address}/ui`)
    await page.getByRole('heading', { name: /^The log answers — answered \d/ }).waitFor()
    await page.getByText('None yet. One stands here').waitFor()
    // A record of another writer.
    await fetch(`${address}/topics/cache-evictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
      body: JSON.stringify({
        records: [{ partition: 0, value: { v: 1, op: 'evict', ns: 'users', tags: ['team:7'] } }],
      }),
    })
    const list = page.getByRole('region', { name: 'Evictions' })
    await list.getByText('team:7').waitFor()
    // By the keyboard alone.
    await page.getByLabel('Namespace').focus()
    await page.keyboard.type('users')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.type('42')
    await page.keyboard.press('Enter')
    await page.getByText('Evicted, at 0@1.').waitFor()
    await list.getByText('42', { exact: true }).waitFor()
    expect(await page.locator('canvas').count()).toBe(3)
    expect(faults).toEqual([])
    expect([...hosts]).toEqual([new URL(address).host])
  })

  it('asks twice before a whole namespace goes', async () => {
    const { address } = await gateway()
    const { page } = await lookAt(browser, `${address}/ui`)
    await page.getByLabel('Namespace').fill('users')
    await page.getByLabel('What').selectOption('all')
    await page.getByRole('button', { name: 'Evict', exact: true }).click()
    const sure = page.getByRole('button', { name: 'Evict all of users?' })
    await sure.waitFor()
    const ends = async () =>
      (
        (await (await fetch(`${address}/topics/cache-evictions/partitions/0/offsets`)).json()) as {
          end_offset: number
        }
      ).end_offset
    expect(await ends()).toBe(0)
    await sure.click()
    await page.getByText('Evicted, at 0@0.').waitFor()
    expect(await ends()).toBe(1)
    await page.getByText('all of it', { exact: true }).first().waitFor()
  })

  it('shows what a stranger has written as text', async () => {
    const { address } = await gateway()
    const { page, faults, hosts } = await lookAt(browser, `${address}/ui`)
    await page.getByText('None yet. One stands here').waitFor()
    const evil = '<img src=x onerror="document.title=1"><script>fetch("http://evil.example")</script>'
    await fetch(`${address}/topics/cache-evictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
      body: JSON.stringify({
        records: [{ partition: 0, value: { v: 1, op: 'evict', ns: 'users', keys: [evil] } }],
      }),
    })
    await page.getByText('<img src=x onerror=').waitFor()
    expect(faults).toEqual([])
    expect([...hosts]).toEqual([new URL(address).host])
  })

  it('asks for a credential where one is needed, and keeps it in the tab alone', async () => {
    const { address: url } = await gateway()
    const { address } = await serve(url)
    const { page, faults } = await lookAt(browser, `${address}/ui`)
    const field = page.getByLabel('Token, or user:password')
    await field.fill('wrong-token')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('The bearer token is not valid.').waitFor()
    await field.fill(READER)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /^Fresh — proved \d/ }).waitFor()
    // Who may only read has no box to evict.
    expect(await page.getByRole('heading', { name: 'Evict', exact: true }).count()).toBe(0)
    await page.reload()
    await page.getByRole('heading', { name: /^Fresh/ }).waitFor()
    expect(await page.context().cookies()).toEqual([])
    expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(READER)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await field.waitFor()
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain(READER)
    expect(faults).toEqual([])
  })

  it('of a gateway with users takes user:password, and the browser asks for nothing by itself', async () => {
    const { address } = await gateway({ KEDGE_GATEWAY_USER: 'ann:pässword:with:colons' })
    const { page } = await lookAt(browser, `${address}/ui`)
    await page.getByLabel('Token, or user:password').fill('ann:pässword:with:colons')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /^The log answers/ }).waitFor()
  })

  it('says when freshness is not proved any more, and when it is again', async () => {
    const log = await gateway()
    const port = new URL(log.address).port
    const { address } = await serve(log.address)
    const { page } = await lookAt(browser, `${address}/ui`)
    await page.getByLabel('Token, or user:password').fill(EVICTER)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /^Fresh/ }).waitFor()
    await page.getByLabel('Namespace').fill('users')
    await page.getByLabel('Key', { exact: true }).fill('7')
    await page.getByRole('button', { name: 'Evict' }).click()
    await page.getByText(/^Evicted, token k1\./).waitFor()
    await page.getByRole('region', { name: 'Evictions' }).getByText('users').waitFor()
    await log.stop()
    await page.getByRole('heading', { name: /^Not proved — last proved/ }).waitFor()
    await page.getByText('Held values are served for 30s').waitFor()
    await startCommand(['gateway', '--port', port, '--topic', 'cache-evictions'])
    await page.getByRole('heading', { name: /^Fresh/ }).waitFor()
  })

  it('says when the service itself is away, lets the figures age, and comes back', async () => {
    const first = await gateway()
    const { page } = await lookAt(browser, `${first.address}/ui`)
    await page.getByRole('heading', { name: /^The log answers/ }).waitFor()
    await first.stop()
    await page.getByText(/Again in|Trying again/).waitFor()
    await page.getByRole('heading', { name: /^Unknown — last heard \d+/ }).waitFor()
    await page.getByText('What stands below is as it was then.').waitFor()
    await startCommand(['gateway', '--port', new URL(first.address).port, '--topic', 'cache-evictions'])
    await page.getByRole('heading', { name: /^The log answers/ }).waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
  })

  it.each(['light', 'dark'] as const)(
    'can be read in the %s theme, and on a narrow screen',
    async (colorScheme) => {
      const { address } = await gateway()
      const viewport = { width: 360, height: 740 }
      const { page } = await lookAt(browser, `${address}/ui`, {
        colorScheme,
        viewport,
        reducedMotion: 'reduce',
      })
      await page.getByRole('heading', { name: /^The log answers/ }).waitFor()
      await page.getByLabel('Namespace').fill('users')
      await page.getByLabel('Key', { exact: true }).fill('7')
      await page.getByRole('button', { name: 'Evict' }).click()
      await page.getByText(/^Evicted/).waitFor()
      expect(await poorContrast(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
      const moving = await page.evaluate(() => document.getAnimations().length)
      expect(moving).toBe(0)
    },
  )

  it('can be used by the keyboard, and shows where it is', async () => {
    const { address } = await gateway()
    const { page } = await lookAt(browser, `${address}/ui`)
    await page.getByLabel('Namespace').waitFor()
    const reached: string[] = []
    for (;;) {
      await page.keyboard.press('Tab')
      const focused = await page.evaluate(() => {
        const { textContent, ariaLabel, tagName } = document.activeElement!
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement!)
        const isControl = /INPUT|SELECT/.test(tagName)
        const name = ariaLabel ?? (isControl ? tagName : textContent.trim())
        return { tagName, name, outline: `${outlineStyle} ${outlineWidth}` }
      })
      if (focused.tagName === 'BODY') break
      reached.push(focused.name)
      expect(focused.outline, focused.name).toBe('solid 3px')
    }
    expect(reached).toEqual(['Theme: system', 'Hold', 'Partitions', 'INPUT', 'SELECT', 'INPUT', 'Evict'])
  })

  it('of the gateway says how many proofs it has given as a tail, and by how many looks', async () => {
    const { address } = await gateway()
    const { page } = await lookAt(browser, `${address}/ui`)
    await page.getByText('no tail asked yet').waitFor()
    for (let n = 0; n < 2; n++) await fetch(`${address}/tail/cache-evictions/0?age=0`)
    await page.getByText('by 2 samples of 1 partition', { exact: true }).waitFor()
  })

  it('keeps the theme that was chosen', async () => {
    const { address } = await gateway()
    const { page } = await lookAt(browser, `${address}/ui`, { colorScheme: 'light' })
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await ground()
    await page.getByRole('button', { name: 'Theme: system' }).click()
    await page.getByRole('button', { name: 'Theme: light' }).click()
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor()
    const dark = await ground()
    expect(dark).not.toBe(light)
    await page.reload()
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor()
    expect(await ground()).toBe(dark)
  })
})
