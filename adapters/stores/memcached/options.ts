/** Options that the sink and the tier share. @module */
import * as z from 'zod/mini'
import { once } from '../../../src/runtime/once.ts'
import type { MemcachedConnection } from './connection.ts'

/** Every name that begins with it is kedge's own. */
export const prefixShape: () => z.ZodMiniType = once(() =>
  z
    .string({ error: 'must be a string' })
    .check(
      z.regex(/^[\x21-\x7e]{1,64}$/, { error: 'must be 1 to 64 printable ASCII characters without spaces' }),
    ),
)

/** @throws TypeError where it was not made by `memcached()`. */
export function checkConnection(connection: MemcachedConnection): void {
  if (typeof connection?.serverOf === 'function' && typeof connection.servers === 'function') return
  throw new TypeError('`connection` must be made by memcached()')
}
