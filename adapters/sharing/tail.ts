/**
 * A log that shares proofs of freshness with others: one tail samples the ends of the evictions topic for many isolates.
 *
 * @module
 */
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { STORE_LIMITS } from './tail/limits.ts'
import type { TailOptions } from './tail/options.ts'
import { tailLog } from './tail/tail-log.ts'

export { cacheApiStore, type CacheApiStoreOptions } from './tail/cache-api-store.ts'
export type { SocketTerms, TailOptions, TailSocket } from './tail/options.ts'
export type { ProofStore } from './tail/signed-store.ts'
export type { Auth } from '../kafka/rest/endpoint.ts'

/**
 * A log whose proofs of freshness are shared. See {@link TailOptions}.
 *
 * A poll takes the proof of another isolate out of the store where one is young enough, else it asks the tail, which samples the
 * log for all. How old a proof is it computes from its own clock and from what the tail has echoed, and never by comparing clocks:
 * `maxStaleness` holds as without a tail. It never polls `origin`: where the tail is away, `onUnreachable` decides.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { tail } from 'kedge/adapters/tail'
 *
 * const url = 'https://kafka.example'
 * const cache = createCache({ kafka: tail({ origin: gateway({ url }), url }), refreshAfter: '500ms' })
 * ```
 */
export function tail(options: TailOptions): KafkaLog {
  return tailLog(options, STORE_LIMITS)
}
