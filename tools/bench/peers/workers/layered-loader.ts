/** @module */
import { Loader } from 'layered-loader/core'
import { TTL_MS } from '../subject.ts'
import { requestContext, waitUntil } from './request-context.ts'
import { serve } from './serve.ts'

export default serve((env) => {
  const loader = new Loader<string>({
    inMemoryCache: { cacheType: 'lru-object', maxItems: 100, ttlInMsecs: TTL_MS },
    dataSourceGetOneFn: async (key) => {
      const answer = await fetch(`${env.ORIGIN_URL}/rows/${encodeURIComponent(key)}`)
      return ((await answer.json()) as { value: string }).value
    },
    scheduleBackgroundWork: waitUntil,
    throwIfLoadError: true,
  })
  return (key, _, context) =>
    requestContext.run(context, async () => {
      const value = await loader.get(key)
      if (value === undefined || value === null) throw new Error('nothing was loaded')
      return value
    })
})
