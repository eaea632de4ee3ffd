/**
 * What the core asks of the features that kedge brings, beside what it asks of all: they change what it takes for known.
 *
 * @module
 */
import type { FeatureHooks, HeldValue, SourceContext } from '../api/feature.ts'
import type { ReadPast } from '../coherence/log-identity.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { BreakerState } from '../runtime/circuit-breaker.ts'
import type { Token, TokenPositions } from '../wire/token.ts'

/** Waits until values from elsewhere can be judged: `false` where that cannot be within `pollTimeout`. */
export type Proof = (signal: AbortSignal | undefined) => Promise<boolean>

/** How a source of kedge has a value held whose carrier has applied every eviction below `knownTo` to it. */
export const HOLD_KNOWN: unique symbol = Symbol('kedge.holdKnown')

/** What sources of values are given, and more for those of kedge: others must not say what is known. */
export interface CoreSourceContext<T> extends SourceContext<T> {
  readonly [HOLD_KNOWN]: (key: string, value: HeldValue<T>, knownTo: number) => boolean
}

/** The updates topic, where values that were set come in. */
export interface UpdatesRead {
  /**
   * The positions in it that a read should have passed: what was set there is to be seen.
   * @throws KedgeError `ERR_TOKEN` when `after` is not a token.
   */
  required(scope: RequestScope, after: Token | undefined): TokenPositions | undefined
  /** Waits until what is awaited has come, at most `pollTimeout`. */
  arrival(awaited: TokenPositions, scope: RequestScope, signal: AbortSignal | undefined): Promise<void>
}

/** The hooks of features that kedge brings: they change what the core takes for known. */
export interface CoreHooks extends FeatureHooks {
  /** Values that others publish, where they are followed. */
  readonly updates?: UpdatesRead
  /** The longest that an intent of the namespace may last. */
  intentsMs?(namespace: string): number
  /** How many evictions before the end of the log its values are judged by. */
  readonly lookBack?: number
  /** Reads them. */
  readonly readPast?: ReadPast
  /** Of a shared tier. */
  readonly state?: BreakerState
}

/** A feature that a cache has opened. */
export interface OpenFeature {
  readonly name: string
  readonly hooks: CoreHooks
}

/** Tells other isolates that the TTL of a value has ended here. */
export interface ExpiryPublisher {
  announceExpiry(namespace: string, partition: number, key: string, scope: RequestScope): void
}
