/**
 * What all three servers serve: a cache behind HTTP. Nothing in it knows where it runs.
 *
 * @module
 */
import { type Cache, createCache } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { createApp, openToAll } from 'kedge/worker'

export interface Parts {
  readonly app: ReturnType<typeof createApp>
  readonly cache: Cache
}

/**
 * @param url a kedge gateway: `npx kedge gateway`
 * @param transport where the platform's `fetch` is not good enough
 */
export function parts(url: string, transport?: typeof fetch): Parts {
  const kafka = gateway({ url, ...(transport && { fetch: transport }) })
  const cache = createCache({ kafka, ttl: '5m', maxStaleness: '2s' })
  // Every client that can reach it may do everything: give `bearerAuth({ read, write, evict })` instead.
  const auth = openToAll
  // With an `origin` the app loads what is missing; without one it has only the values that clients put.
  return { app: createApp({ cache, auth, namespaces: ['airports'], onError: console.error }), cache }
}
