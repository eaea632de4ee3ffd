/**
 * A server with a cache, and a page that keeps a copy of it.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { Hono } from 'hono'
import { type Cache, createCache } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { serve } from 'kedge/node'
import { createApp, openToAll } from 'kedge/worker'

const FILES = {
  '/': ['index.html', 'text/html'],
  '/page.js': ['page.js', 'text/javascript'],
  '/copy.js': ['copy.js', 'text/javascript'],
} as const

export interface PageServer {
  readonly url: string
  readonly cache: Cache
  readonly close: () => Promise<void>
}

/** @param kafka the address of a gateway */
export async function startServer(kafka: string, port = 0): Promise<PageServer> {
  const cache = createCache({ kafka: gateway({ url: kafka }), ttl: '10m' })
  // On the loopback everybody may do everything: elsewhere give `bearerAuth({ read, write, evict })`.
  const app = new Hono()
  for (const [path, [file, type]] of Object.entries(FILES))
    app.get(path, async (c) =>
      c.body(await readFile(new URL(file, import.meta.url), 'utf8'), 200, {
        'content-type': `${type}; charset=utf-8`,
      }),
    )
  app.route('/', createApp({ cache, auth: openToAll, namespaces: ['prices'] }))
  const { url, close } = await serve({ app, cache, port })
  return { url, cache, close }
}
