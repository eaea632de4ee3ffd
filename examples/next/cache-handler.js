import { createCache } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { nextCacheHandler } from 'kedge/adapters/next'

const url = process.env.KAFKA_REST_URL ?? 'http://127.0.0.1:8082'

// No request is served by an entry whose tag was revalidated, anywhere, longer ago than `maxStaleness`.
const cache = createCache({ kafka: gateway({ url }), maxStaleness: '2s' })

export default nextCacheHandler(cache)
