/** Requests that a web page of another origin makes a browser send. @module */
import type { Context } from 'hono'

/**
 * Its answer could not be read there, but would take a viewer's place. `Sec-Fetch-Site` (Fetch Metadata) is the browser's:
 * no page can choose it, and programs send none.
 */
export function isForeign(c: Context): boolean {
  const site = c.req.header('sec-fetch-site')
  return site === 'cross-site' || site === 'same-site'
}
