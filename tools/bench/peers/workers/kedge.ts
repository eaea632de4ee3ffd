/** @module */
import { gateway } from '../../../../adapters/kafka/gateway.ts'
import { createCache } from '../../../../src/index.ts'
import { TTL_MS } from '../subject.ts'
import { serve } from './serve.ts'
import type { Env, Read } from './serve.ts'

const open = async (env: Env): Promise<Read> => {
  const kafka = gateway({ url: env.KAFKA_REST_URL })
  const cache = createCache({ kafka, ttl: TTL_MS, pollTimeout: '5s', onUnreachable: 'bypass' })
  const rows = cache.namespace<string>('rows')
  await cache.sync()
  return (key, load, context, kept) => (kept ? rows.for(context) : rows).getOrSet(key, load)
}

export default serve(open, { keepsAlive: true })
