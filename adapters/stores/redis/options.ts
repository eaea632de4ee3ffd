/** Options that the sink and the tier share. @module */
import type { OptionTest } from '../../../src/api/option-check.ts'
import { textLike } from '../../option-tests.ts'
import type { RedisConnection } from './connection.ts'

/** Braces in a prefix would choose the cluster slot of every key. */
export const prefixShape: OptionTest = textLike(
  /^[^{}\s]{1,64}$/,
  'must be 1 to 64 characters without braces and spaces',
)

/** @throws TypeError where neither `ioredis()`, `nodeRedis()` nor `upstashRedis()` made it. */
export function checkConnection(connection: RedisConnection): void {
  if (typeof connection?.pipeline === 'function') return
  throw new TypeError('`connection` must be made by ioredis(), nodeRedis() or upstashRedis()')
}
