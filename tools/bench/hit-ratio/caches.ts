/**
 * The caches whose hits are counted, each at a true bound.
 *
 * @module
 */
import { LRUCache } from 'lru-cache'
import QuickLRU from 'quick-lru'
import { newCache } from 'transitory'
import { Budget } from '../../../src/store/budget.ts'
import { storedEntry } from '../../../src/store/entry.ts'
import { S3FifoStore } from '../../../src/store/s3-fifo.ts'

/** Whether the key is there. If not, it is put in. */
export type Request = (key: string) => boolean

export const CACHE_NAMES = ['kedge', 'quick-lru', 'lru-cache', 'W-TinyLFU'] as const
export type CacheName = (typeof CACHE_NAMES)[number]

/** Requests of a cache: each puts its key in where it is not there. */
const filling =
  (has: (key: string) => boolean, put: (key: string) => void): Request =>
  (key) => {
    if (has(key)) return true
    put(key)
    return false
  }

/** Empty caches of at most that many entries. */
export const CACHES: Readonly<Record<CacheName, (entries: number) => Request>> = {
  // The store of the values of a namespace. A test has a whole cache beside it, which finds the same.
  kedge: (maxEntries) => {
    const limits = { maxEntries, maxBytes: Number.MAX_SAFE_INTEGER }
    const store = new S3FifoStore<string>(limits, new Budget(limits), () => undefined)
    const rest = { asOf: 0, loadedAt: 0, ttlMs: 1000, keepMs: 0, tags: undefined, version: undefined }
    return filling(
      (key) => store.get(key) !== undefined,
      (key) => store.set(key, storedEntry({ value: key, ...rest }, key.length)),
    )
  },
  // It has two generations of this size, less one.
  'quick-lru': (entries) => ofLru(new QuickLRU({ maxSize: Math.floor((entries + 1) / 2) })),
  'lru-cache': (entries) => ofLru(new LRUCache({ max: entries })),
  // Of `transitory`. It evicts by a timer, or when a tenth too much is in it; here after each put.
  'W-TinyLFU': (entries) => {
    const cache = newCache<string, string>().maxSize(entries).build()
    return filling(
      (key) => cache.getIfPresent(key) !== null,
      (key) => {
        cache.set(key, key)
        cache.cleanUp()
      },
    )
  },
}

function ofLru(lru: QuickLRU<string, string> | LRUCache<string, string>): Request {
  return filling(
    (key) => lru.get(key) !== undefined,
    (key) => void lru.set(key, key),
  )
}
