/** @module */
import { cachified as getCachified } from '@epic-web/cachified'
import type { CacheEntry } from '@epic-web/cachified'
import { LRUCache } from 'lru-cache'
import { TTL_MS, turns } from '../subject.ts'
import type { Process, Subject } from '../subject.ts'

function process(): Process {
  const cache = new LRUCache<string, CacheEntry>({ max: 100 })
  return {
    read: (key, load) => getCachified({ key, cache, ttl: TTL_MS, getFreshValue: load }),
    invalidate: async (key) => void cache.delete(key),
  }
}

export const cachified: Subject = {
  name: '@epic-web/cachified',
  configuration: 'an `lru-cache` in each process; no way to tell other processes',
  workerd: {
    node: true,
    configuration: 'a `Map`; the option `waitUntil` with that of the request; `nodejs_compat`',
  },
  reach: 'none',
  async open() {
    return { a: process(), b: process(), delivered: turns, close: async () => undefined }
  },
}
