/**
 * What all three servers serve: a cache behind HTTP. Nothing in it knows where it runs.
 *
 * @module
 */
import { type Cache, createCache } from 'kedge'
import { confluent } from 'kedge/adapters/confluent'
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
  const kafka = confluent({ url, gateway: true, ...(transport && { fetch: transport }) })
  const cache = createCache({ kafka, ttl: '5m', maxStaleness: '2s' })
  // Whoever can reach it may do everything: give `bearerAuth({ read, write, evict })` instead.
  const auth = openToAll
  // With an `origin` what is missing is loaded; without one values are those that were put.
  return { app: createApp({ cache, auth, namespaces: ['airports'], onError: console.error }), cache }
}
