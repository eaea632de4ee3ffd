/** The options of a consumer instance, and of one of its polls. @module */
import type { Runtime } from '../../src/ports/runtime.ts'
import type { Cluster, ClusterRecord } from './cluster.ts'
import type { EmbeddedFormat } from './embedded-format.ts'

export interface ConsumerOptions {
  readonly format: EmbeddedFormat
  /** Where to begin without a committed offset, and what to do when a position is not in the log any more. */
  readonly reset: 'earliest' | 'latest' | 'none'
  /** Whether the gateway commits the returned offsets by itself (`auto.commit.enable`). */
  readonly autoCommit: boolean
  /** A poll ends early once more bytes than this have come; -1 waits out the timeout (`fetch.min.bytes`). */
  readonly minBytes: number
  /**
   * How long a poll without a timeout waits, and the most that any poll waits
   * (`consumer.request.timeout.ms`).
   */
  readonly timeoutMs: number
}

export interface PollOptions<T> {
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** Called when the poll begins, and when it begins again: it does not return what it has shown before. */
  readonly begin: () => void
  /** Called with records before they are shown; what it throws ends the poll, and its positions stay. */
  readonly expect: (records: readonly ClusterRecord[]) => void
  /** May refuse a record as `undecodable`: the poll returns the records before it, the next is refused. */
  readonly show: (record: ClusterRecord) => T
}

export interface ConsumerContext {
  readonly cluster: Cluster
  readonly runtime: Runtime
}
