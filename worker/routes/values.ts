/**
 * One value: read, written, evicted.
 *
 * @module
 */
import type { Handler } from 'hono'
import type { KedgeEnv } from '../middleware.ts'
import type { Namespace } from '../../src/api/namespace-types.ts'
import { cacheStatusHeaders } from '../cache-status.ts'
import { loadingOne } from '../origin-loaders.ts'
import { type Origin, OriginWriteError } from '../origin.ts'
import { Problem } from '../problem.ts'
import { entryPath } from '../request.ts'
import { PutBody } from '../schemas.ts'
import type { RouteContext } from './context.ts'

/** `GET /cache/:namespace/:key`: the value, loaded from the origin where it is not held. */
export function getValue({ served, origin }: RouteContext): Handler<KedgeEnv> {
  return async (c) => {
    const { namespace, key } = entryPath(c)
    const values = served.open(c.var.cache, namespace)
    const loading = origin === undefined ? undefined : loadingOne(origin, namespace)
    const entry = await values.getEntry(key, loading?.loader, loading?.options)
    const headers = cacheStatusHeaders(entry, origin !== undefined, loading?.unheld())
    if (entry.value !== undefined) return c.json({ namespace, key, value: entry.value }, 200, headers)
    if (entry.bypassed && origin === undefined) {
      const detail =
        'The worker cannot reach the log, so it cannot prove freshness, and it has no origin to ask.'
      throw new Problem(503, 'ERR_UNREACHABLE', detail, { headers: { ...headers, 'retry-after': '1' } })
    }
    throw new Problem(404, 'ERR_NO_VALUE', 'There is no value under this key.', { headers })
  }
}

/**
 * `PUT /cache/:namespace/:key`: with an origin, commits the value there and then evicts the key; without one, the
 * log is the value's only truth, and it is set.
 */
export function putValue({ served, origin, bodies, lasting }: RouteContext): Handler<KedgeEnv> {
  return async (c) => {
    const { namespace, key } = entryPath(c)
    const values = served.open(c.var.cache, namespace)
    const body = await bodies.read(c, PutBody())
    const written = origin === undefined ? set(values, key, body) : commit(values, key, body, origin)
    return c.json({ token: await lasting(c, { act: 'write', namespace, count: 1, keys: [key] }, written) })
  }
}

function set(values: Namespace<unknown>, key: string, body: PutBody): Promise<string> {
  const { value, ttl, tags, version } = body
  return values.set(key, value, {
    ...(ttl !== undefined && { ttl }),
    ...(tags !== undefined && { tags }),
    ...(version !== undefined && { version }),
  })
}

async function commit(
  values: Namespace<unknown>,
  key: string,
  body: PutBody,
  origin: Origin,
): Promise<string> {
  const { value, ttl, tags, version } = body
  if (ttl !== undefined || tags !== undefined || version !== undefined) {
    const detail =
      '`ttl`, `tags` and `version` are not taken here: the origin says what belongs to its values.'
    throw new Problem(400, 'ERR_BAD_REQUEST', detail)
  }
  try {
    await origin.write(values.name, key, value)
  } catch (error) {
    // It may be committed for all we know. An eviction too many is safe, and its failure changes nothing: the
    // client learns that the write failed, and will repeat it.
    if (error instanceof OriginWriteError && error.maybeCommitted) {
      await values.delete(key).catch(() => undefined)
    }
    throw error
  }
  return values.delete(key)
}

/** `DELETE /cache/:namespace/:key`: evicts the key, everywhere. */
export function deleteValue({ served, lasting }: RouteContext): Handler<KedgeEnv> {
  return async (c) => {
    const { namespace, key } = entryPath(c)
    const values = served.toEvict(c.var.cache, namespace)
    const act = { act: 'evict', namespace, what: 'keys', count: 1, keys: [key] } as const
    return c.json({ token: await lasting(c, act, values.delete(key)) })
  }
}
