/** Proofs in the Cache API: between the isolates of one data center of Cloudflare, at no cost. @module */
import { bodyOf, type CacheLike } from '../../stores/cache-api/store.ts'
import { check, urlOption } from '../../options.ts'
import type { ProofStore } from './signed-store.ts'

export interface CacheApiStoreOptions {
  /**
   * Begins the URLs of the entries; no request is sent there. Give each deployment that must not share its proofs an address
   * of its own.
   * @default 'https://kedge-tail.invalid'
   */
  readonly origin?: string
}

/**
 * A store of proofs in a cache: `caches.default`, or a function that opens another one when it is needed.
 *
 * It does nothing on `*.workers.dev`: each poll then asks the tail.
 *
 * @throws TypeError where an option is wrong
 * @example
 * ```ts
 * import { cacheApiStore } from 'kedge/adapters/tail'
 *
 * const store = cacheApiStore(() => caches.open('kedge-tail'))
 * ```
 */
export function cacheApiStore(
  cache: CacheLike | (() => CacheLike | Promise<CacheLike>),
  { origin = 'https://kedge-tail.invalid' }: CacheApiStoreOptions = {},
): ProofStore {
  check({ origin: urlOption }, { origin }, 'cacheApiStore')
  // Opened for each call: an object of the platform may be usable only in the request that made it.
  const open = async () => (typeof cache === 'function' ? cache() : cache)
  const url = (name: string) => `${origin.replace(/\/+$/, '')}/${name}`
  return {
    async get(name, maxChars) {
      const response = await (await open()).match(url(name))
      if (response?.status !== 200) return undefined
      const bytes = await bodyOf(response, maxChars)
      return bytes && new TextDecoder().decode(bytes)
    },
    async put(name, text, ttlMs) {
      const headers = {
        'cache-control': `public, max-age=${Math.ceil(ttlMs / 1000)}`,
        'content-type': 'text/plain',
      }
      await (await open()).put(url(name), new Response(text, { headers }))
    },
  }
}
