/** The port to Memcached: servers, the one that a key is on, and requests to it over one connection. @module */
import type { MetaFailure, MetaReply, MetaRequest } from './meta.ts'

/** One connection to one server. Once broken it stays so: CAS tokens read over it say nothing over another. */
export interface MemcachedSession {
  /**
   * Sends all requests before it waits, and resolves with a reply for each, in their order.
   *
   * @throws KedgeError when there is no answer; `signal.reason`.
   */
  exchange(
    requests: readonly MetaRequest[],
    signal: AbortSignal,
  ): Promise<readonly (MetaReply | MetaFailure)[]>
}

export interface MemcachedServer {
  /** Host and port, as the client names it. */
  readonly id: string
  /** Its share of the keys, compared with the others. */
  readonly weight: number
  /** The open connection, or a new one. */
  open(signal: AbortSignal): Promise<MemcachedSession>
}

/** A way to Memcached: `memcached()` makes one. */
export interface MemcachedConnection {
  /** For messages and statistics: `'memcached'`. */
  readonly name: string
  /** In the same order in every process. */
  servers(): readonly MemcachedServer[]
  /** The one server that a key is on, whether it is up or not. */
  serverOf(key: string): MemcachedServer
}
