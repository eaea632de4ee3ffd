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

/** Empty caches of at most that many entries. */
export const CACHES: Readonly<Record<CacheName, (entries: number) => Request>> = {
  // The store of the values of a namespace. A test has a whole cache beside it, which finds the same.
  kedge: (maxEntries) => {
    const limits = { maxEntries, maxBytes: Number.MAX_SAFE_INTEGER }
    const store = new S3FifoStore<string>(limits, new Budget(limits), () => undefined)
    const rest = { asOf: 0, loadedAt: 0, ttlMs: 1000, keepMs: 0, tags: undefined, version: undefined }
    return (key) => {
      if (store.get(key) !== undefined) return true
      store.set(key, storedEntry({ value: key, ...rest }, key.length))
      return false
    }
  },
  // It has two generations of this size, less one.
  'quick-lru': (entries) => {
    const lru = new QuickLRU<string, string>({ maxSize: Math.floor((entries + 1) / 2) })
    return (key) => {
      if (lru.get(key) !== undefined) return true
      lru.set(key, key)
      return false
    }
  },
  'lru-cache': (entries) => {
    const lru = new LRUCache<string, string>({ max: entries })
    return (key) => {
      if (lru.get(key) !== undefined) return true
      lru.set(key, key)
      return false
    }
  },
  // Of `transitory`. It evicts by a timer, or when a tenth too much is in it; here after each put.
  'W-TinyLFU': (entries) => {
    const cache = newCache<string, string>().maxSize(entries).build()
    return (key) => {
      if (cache.getIfPresent(key) !== null) return true
      cache.set(key, key)
      cache.cleanUp()
      return false
    }
  },
}
