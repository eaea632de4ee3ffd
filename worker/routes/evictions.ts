/**
 * Evictions of more than one key.
 *
 * @module
 */
import type { Handler } from 'hono'
import type { KedgeEnv } from '../middleware.ts'
import type { AuditedAct } from '../audit.ts'
import type { CacheScope } from '../../src/api/cache-types.ts'
import { EvictionBody } from '../schemas.ts'
import type { ServedNamespaces } from '../served-namespaces.ts'
import type { RouteContext } from './context.ts'

/** `POST /evictions`: keys, tags, a prefix, a namespace, or everything. */
export function evict({ served, bodies, lasting }: RouteContext): Handler<KedgeEnv> {
  return async (c) => {
    const eviction = await bodies.read(c, EvictionBody())
    return c.json({ token: await lasting(c, actOf(eviction), published(eviction, c.var.cache, served)) })
  }
}

function actOf(eviction: EvictionBody): AuditedAct {
  const act = 'evict'
  if (!('namespace' in eviction)) return { act, what: 'all' }
  const { namespace } = eviction
  if ('keys' in eviction) {
    const { keys } = eviction
    return { act, namespace, what: 'keys', count: keys.length, keys }
  }
  if ('tags' in eviction) return { act, namespace, what: 'tags', count: eviction.tags.length }
  return { act, namespace, what: 'prefix' in eviction ? 'prefix' : 'namespace' }
}

function published(eviction: EvictionBody, scope: CacheScope, served: ServedNamespaces): Promise<string> {
  if (!('namespace' in eviction)) return scope.clear()
  // Not only of those that are served: the log is for all caches, and others may hold what this one does not.
  const namespace = served.toEvict(scope, eviction.namespace)
  if ('keys' in eviction) return namespace.delete(eviction.keys)
  if ('tags' in eviction) return namespace.invalidateTags(eviction.tags)
  if ('prefix' in eviction) return namespace.invalidatePrefix(eviction.prefix)
  return namespace.clear()
}
