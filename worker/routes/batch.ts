/**
 * Many values at once.
 *
 * @module
 */
import type { Handler } from 'hono'
import type { KedgeEnv } from '../middleware.ts'
import { loadingMany } from '../origin-loaders.ts'
import { namespacePath } from '../request.ts'
import { BatchBody } from '../schemas.ts'
import type { RouteContext } from './context.ts'

/** `POST /cache/:namespace/batch`: the values of up to 100 keys, and which of them have none. */
export function getBatch({ served, origin, bodies }: RouteContext): Handler<KedgeEnv> {
  return async (c) => {
    const namespace = namespacePath(c)
    const values = served.open(c.var.cache, namespace)
    const keys = [...new Set((await bodies.read(c, BatchBody())).keys)]
    const loading = origin === undefined ? undefined : loadingMany(origin, namespace)
    const found =
      loading === undefined
        ? await values.getMany(keys)
        : await values.getOrSetMany(keys, loading.loader, loading.options)
    return c.json({
      // `fromEntries` defines its members, so that a key named `__proto__` is a key like any other.
      values: Object.fromEntries(keys.filter((key) => found.has(key)).map((key) => [key, found.get(key)])),
      missing: keys.filter((key) => !found.has(key)),
    })
  }
}
