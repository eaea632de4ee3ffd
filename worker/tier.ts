/** The shared tier of the deployable worker, as its bindings name it. @module */
import { cacheApi } from '../adapters/stores/cache-api.ts'
import { redisTier } from '../adapters/stores/redis.ts'
import { upstashRedis } from '../adapters/stores/upstash-redis.ts'
import { type KVNamespaceLike, workersKv } from '../adapters/stores/workers-kv.ts'
import type { Tier } from '../src/ports/tier.ts'
import type { Variables } from './variables.ts'

/** Which tier, and what it needs. `prefix` keeps the values of one deployment from those of another. */
export type TierSettings =
  | { readonly kind: 'workers-kv'; readonly prefix: string; readonly namespace: KVNamespaceLike }
  | { readonly kind: 'cache-api'; readonly prefix: string }
  | { readonly kind: 'upstash-redis'; readonly prefix: string; readonly url: string; readonly token: string }

/** The tier that the variables name, or what is wrong with them. */
export function readTier(variables: Variables): TierSettings | undefined | { readonly fault: string } {
  const { TIER: kind, TIER_PREFIX: prefix, TIER_KV: namespace, TIER_URL: url, TIER_TOKEN: token } = variables
  if (kind !== 'upstash-redis' && (url ?? token) !== undefined)
    return { fault: '`TIER_URL` and `TIER_TOKEN` are for `TIER` upstash-redis.' }
  if (kind === undefined) return undefined
  if (kind === 'cache-api') return { kind, prefix }
  if (kind === 'workers-kv') {
    return namespace === undefined
      ? { fault: '`TIER_KV`, a KV namespace, is needed with `TIER` workers-kv.' }
      : { kind, prefix, namespace }
  }
  if (url === undefined || token === undefined)
    return { fault: '`TIER_URL` and `TIER_TOKEN` are needed with `TIER` upstash-redis.' }
  return { kind, prefix, url, token }
}

/** @throws TypeError where a setting is refused. */
export function tierOf(settings: TierSettings): Tier {
  const prefix = `${settings.prefix}:`
  if (settings.kind === 'workers-kv') return workersKv(settings.namespace, { prefix })
  if (settings.kind === 'upstash-redis') {
    const { url, token } = settings
    return redisTier(upstashRedis({ url, token }), { prefix })
  }
  // Opened by each request that needs it: what the platform gives belongs to the request.
  return cacheApi(() => caches.open(settings.prefix), { origin: `https://${settings.prefix}.invalid` })
}
