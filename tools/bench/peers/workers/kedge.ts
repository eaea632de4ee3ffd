/** @module */
import { confluent } from '../../../../adapters/kafka/confluent.ts'
import { createCache } from '../../../../src/index.ts'
import { TTL_MS } from '../subject.ts'
import { serve } from './serve.ts'
import type { Env, Read } from './serve.ts'

const open = async (env: Env): Promise<Read> => {
  const kafka = confluent({ url: env.KAFKA_REST_URL, gateway: true })
  const cache = createCache({ kafka, ttl: TTL_MS, pollTimeout: '5s', onUnreachable: 'bypass' })
  const rows = cache.namespace<string>('rows')
  await cache.sync()
  return (key, load, context, kept) => (kept ? rows.for(context) : rows).getOrSet(key, load)
}

export default serve(open, { keepsAlive: true })
