/** @module */
import { createCache } from 'async-cache-dedupe'
import { TTL_MS } from '../subject.ts'
import { serve } from './serve.ts'

export default serve((env) => {
  const cache = createCache({ ttl: TTL_MS / 1000, storage: { type: 'memory' } }).define(
    'row',
    async (key: string) => {
      const answer = await fetch(`${env.ORIGIN_URL}/rows/${encodeURIComponent(key)}`)
      return ((await answer.json()) as { value: string }).value
    },
  )
  return (key) => cache.row(key)
})
