/** @module */
import { cachified } from '@epic-web/cachified'
import type { CacheEntry } from '@epic-web/cachified'
import { TTL_MS } from '../subject.ts'
import { serve } from './serve.ts'

export default serve(() => {
  const cache = new Map<string, CacheEntry>()
  return (key, getFreshValue, context) =>
    cachified({ key, cache, ttl: TTL_MS, getFreshValue, waitUntil: (work) => context.waitUntil(work) })
})
