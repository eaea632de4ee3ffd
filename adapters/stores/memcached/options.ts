/** Options that the sink and the tier share. @module */
import type { OptionTest } from '../../../src/api/option-check.ts'
import { textLike } from '../../option-tests.ts'
import type { MemcachedConnection } from './connection.ts'

/** Every name that begins with it is kedge's own. */
export const prefixShape: OptionTest = textLike(
  /^[\x21-\x7e]{1,64}$/,
  'must be 1 to 64 printable ASCII characters without spaces',
)

/** @throws TypeError where it was not made by `memcached()`. */
export function checkConnection(connection: MemcachedConnection): void {
  if (typeof connection?.serverOf === 'function' && typeof connection.servers === 'function') return
  throw new TypeError('`connection` must be made by memcached()')
}
