/** The function of `topics.ts`, as it is deployed: with Redis by HTTP, so that nothing holds a connection. @module */
import { gateway } from 'kedge/adapters/gateway'
import { redisSink, redisTier } from 'kedge/adapters/redis'
import { upstashRedis } from 'kedge/adapters/upstash-redis'
import { settings } from './settings.ts'
import { topicsHandler } from './topics.ts'

const { KAFKA_REST_URL, REDIS_URL: url, REDIS_TOKEN: token } = settings
if (url === undefined || token === undefined) throw new Error('REDIS_URL and REDIS_TOKEN are needed')
const redis = upstashRedis({ url, token })

export const handler = topicsHandler({
  kafka: gateway({ url: KAFKA_REST_URL }),
  sink: redisSink(redis),
  tier: redisTier(redis),
})
