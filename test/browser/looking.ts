/** A page in Chromium that notes what should never happen: errors, and requests to another host. @module */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

const PATIENCE_MS = 15_000

export interface Look {
  readonly page: Page
  /** What the console has said as an error, what was thrown, what the policy has refused. */
  readonly faults: readonly string[]
  /** Hosts that were asked, with their ports. */
  readonly hosts: ReadonlySet<string>
}

export async function lookAt(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Look> {
  const context = await browser.newContext({ viewport: { width: 1180, height: 900 }, ...options })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  // A test that waits in vain says for what.
  page.setDefaultTimeout(PATIENCE_MS)
  const faults: string[] = []
  const hosts = new Set<string>()
  page.on('console', (message) => {
    // A server that is away is what a page has to live with; the browser notes it as an error of its own.
    if (message.type() === 'error' && !/net::ERR_|status of (?:401|403|503)/.test(message.text()))
      faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    if (protocol !== 'data:') hosts.add(host)
  })
  await page.goto(url)
  return { page, faults, hosts }
}
