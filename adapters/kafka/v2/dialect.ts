/**
 * How the proxies with consumer instances differ: Confluent's REST Proxy, Strimzi's bridge, Karapace.
 *
 * @module
 */
import type { ReadOptions } from '../../../src/ports/kafka-log.ts'

/** What happens to a position outside the log: an error, or, where the proxy refuses that, a jump to the end. */
export type OffsetReset = 'none' | 'latest'

export interface Creation {
  readonly reset: OffsetReset
  readonly pollMs: number
  readonly isolation: ReadOptions['isolation']
}

/** The inputs of {@link Dialect.pollBytes}. */
interface PollSize {
  readonly maxBytes: number
  /** How many offsets lie between the positions and the ends. */
  readonly behind: number
  readonly maxResponseBytes: number
}

export interface Dialect {
  /** The `auto.offset.reset` that is asked for first. */
  readonly reset: OffsetReset
  /** A poll that has nothing to return waits, and answers as soon as a record arrives. */
  readonly longPoll: boolean
  /** `isolation: 'committed'` is honoured. */
  readonly readCommitted: boolean
  /** A seek is refused before the first poll of an assignment. */
  readonly seeksAfterPoll: boolean
  /** A poll waits out its timeout although it has found records, unless they reach `max_bytes`. */
  readonly waitsOut: boolean
  /** Up to so many records get a short poll first. 0 where a poll ends when it has found records. */
  readonly few: number
  /** The proxy leaves records that did not fit into an answer out of the next one, too. */
  readonly losesRest: boolean
  /** The body that makes an instance. */
  create(creation: Creation): Readonly<Record<string, unknown>>
  /** The `max_bytes` of a poll. */
  pollBytes(size: PollSize): number
}

/** Confluent's REST Proxy, and the gateway. */
export const CONFLUENT: Dialect = {
  reset: 'none',
  longPoll: false,
  readCommitted: false,
  seeksAfterPoll: false,
  waitsOut: false,
  few: 0,
  losesRest: false,
  create: ({ reset, pollMs }) => ({
    format: 'binary',
    'auto.offset.reset': reset,
    'auto.commit.enable': 'false',
    // By default a poll waits out its timeout although there are records (kafka-rest #76). With 0 it ends at the
    // first byte, with 1 at the second.
    'fetch.min.bytes': 0,
    'consumer.request.timeout.ms': pollMs,
  }),
  pollBytes: ({ maxBytes }) => maxBytes,
}
