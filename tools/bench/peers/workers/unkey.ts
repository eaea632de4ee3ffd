/** @module */
import { createCache, Namespace } from '@unkey/cache'
import { MemoryStore } from '@unkey/cache/stores'
import { TTL_MS } from '../subject.ts'
import { requestContext, waitUntil } from './request-context.ts'
import { serve } from './serve.ts'

export default serve(() => {
  const stores = [new MemoryStore<string, string>({ persistentMap: new Map() })]
  const rows = new Namespace<string>({ waitUntil }, { stores, fresh: TTL_MS, stale: TTL_MS })
  const cache = createCache({ rows })
  return (key, load, context) =>
    requestContext.run(context, async () => {
      const { val, err } = await cache.rows.swr(key, load)
      if (err) throw err
      if (val === undefined || val === null) throw new Error('nothing was loaded')
      return val
    })
})
