/** What a consumer instance is made with, and what a poll of it is asked with. @module */
import type { Runtime } from '../src/runtime.ts'
import type { Cluster, ClusterRecord } from './cluster.ts'
import type { EmbeddedFormat } from './embedded.ts'

export interface ConsumerOptions {
  readonly format: EmbeddedFormat
  /** Where to begin where nothing is committed, and what to do when a position is not in the log any more. */
  readonly reset: 'earliest' | 'latest' | 'none'
  /** Whether what was returned is committed by itself (`auto.commit.enable`). */
  readonly autoCommit: boolean
  /** A poll ends early once more bytes than this have come; -1 waits out the timeout (`fetch.min.bytes`). */
  readonly minBytes: number
  /** What a poll waits that names no timeout, and the most it waits that names one (`consumer.request.timeout.ms`). */
  readonly timeoutMs: number
}

export interface PollOptions<T> {
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** May refuse a record as `undecodable`: what stands before it is returned, and the next poll is refused. */
  readonly show: (record: ClusterRecord) => T
}

export interface Surroundings {
  readonly cluster: Cluster
  readonly runtime: Runtime
}
