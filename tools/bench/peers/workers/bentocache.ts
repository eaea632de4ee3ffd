/** @module */
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { TTL_MS } from '../subject.ts'
import { serve } from './serve.ts'

export default serve(() => {
  const rows = bentostore().useL1Layer(memoryDriver())
  const cache = new BentoCache({ default: 'rows', stores: { rows }, ttl: TTL_MS })
  return (key, factory) => cache.getOrSet({ key, factory })
})
