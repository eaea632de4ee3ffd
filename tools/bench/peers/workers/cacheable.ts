/** @module */
import { Cacheable } from 'cacheable'
import { TTL_MS } from '../subject.ts'
import { serve } from './serve.ts'

export default serve(() => {
  const cache = new Cacheable({ ttl: TTL_MS })
  return async (key, load) => {
    const value = await cache.getOrSet(key, load, { throwErrors: true })
    if (value === undefined) throw new Error('nothing was loaded')
    return value
  }
})
