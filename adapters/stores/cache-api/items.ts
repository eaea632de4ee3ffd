/** The items of a tier in the Cache API: one by one, each a response at a URL. @module */
import { answered } from '../shared/platform-call.ts'
import { decodeHead, encodeHead } from '../shared/item-head.ts'
import type { FoundItem, ItemSession, ItemStore, ItemWrite } from '../shared/tier-of-items.ts'
import { bodyOf, type CacheLike } from './store.ts'

const HEADER = 'x-kedge-item'
/** Connections that a Worker may have open at once. */
const CONNECTIONS = 6
/** A year: a cache gains nothing from a longer life. */
const MAX_AGE_S = 31_536_000

export interface CacheLayout {
  readonly origin: string
  readonly maxValueBytes: number
}

/**
 * The cache is opened for each call: an object of the platform may be usable only in the request that made it.
 */
export const cacheItems = (
  cache: CacheLike | (() => CacheLike | Promise<CacheLike>),
  layout: CacheLayout,
): ItemStore<string> => ({
  groupOf: (name) => name,
  groupsAtOnce: CONNECTIONS,
  open: () => new CacheSession(async () => (typeof cache === 'function' ? cache() : cache), layout),
})

class CacheSession implements ItemSession {
  readonly #open: () => Promise<CacheLike>
  readonly #layout: CacheLayout

  constructor(open: () => Promise<CacheLike>, layout: CacheLayout) {
    this.#open = open
    this.#layout = layout
  }

  async look(names: readonly string[], what: 'values' | 'heads'): Promise<ReadonlyMap<string, FoundItem>> {
    const found = new Map<string, FoundItem>()
    for (const name of names) {
      const response = await this.#ask((cache) => cache.match(this.#url(name)))
      if (!response) continue
      const head = response.status === 200 ? decodeHead(response.headers.get(HEADER)) : undefined
      if (head && what === 'values') {
        const bytes = await answered('the Cache API', bodyOf(response, this.#layout.maxValueBytes))
        found.set(name, { head, bytes })
      } else {
        await response.body?.cancel()
        found.set(name, { head })
      }
    }
    return found
  }

  async put(writes: readonly ItemWrite[]): Promise<readonly ItemWrite[]> {
    for (const { name, head, thing } of writes) {
      const headers = {
        'cache-control': `public, max-age=${Math.min(Math.ceil(thing.ttlMs / 1000), MAX_AGE_S)}`,
        'content-type': 'application/octet-stream',
        [HEADER]: encodeHead(head),
      }
      const response = new Response(thing.bytes as Uint8Array<ArrayBuffer>, { headers })
      await this.#ask((cache) => cache.put(this.#url(name), response))
    }
    return []
  }

  async remove(items: readonly { readonly name: string }[]): Promise<void> {
    for (const { name } of items) await this.#ask((cache) => cache.delete(this.#url(name)))
  }

  #ask<T>(call: (cache: CacheLike) => Promise<T>): Promise<T> {
    return answered('the Cache API', this.#open().then(call))
  }

  #url(name: string): string {
    return `${this.#layout.origin}/${name}`
  }
}
