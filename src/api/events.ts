/**
 * Everything that happens in a cache, as one typed stream. kedge writes nothing to the console.
 *
 * @module
 */
import type { BreakerState } from '../runtime/circuit-breaker.ts'
import { harmless } from '../runtime/listener.ts'
import type { Token } from '../wire/token.ts'
import type { DropReason, ReanchorReason, RefuseReason } from './reasons.ts'

/** Why a loader service did not answer, or was not asked. */
export type UnansweredReason =
  /** No answer came within `wait` of `viaLoader()`. */
  | 'timeout'
  /** None has come for some time, or the last call failed: it is left alone for a moment. */
  | 'silent'
  /** This log cannot read committed records: see `updatesIsolation`. */
  | 'unsupported'
  /** The log is out of reach: nothing that arrives could be judged. */
  | 'unreachable'
  /** The request could not be published, or its answer not be read. */
  | 'failed'
  /** Every key is being written at its source: what is loaded now is not shared. */
  | 'pending'
  /** Too many requests are under way. */
  | 'overloaded'

/** The option that is too short for the polls of this log. */
export type SlowPollOption =
  /** Reads that wait for a poll do without the cache before it ends. */
  | 'pollTimeout'
  /** A proof is too old for any read when it comes. */
  | 'maxStaleness'

/** What a shared tier was asked to do. */
export type TierOperation = 'get' | 'set' | 'delete'

export type KedgeEvent =
  | { readonly type: 'hit'; readonly namespace: string; readonly key: string; readonly stale: boolean }
  | { readonly type: 'miss'; readonly namespace: string; readonly key: string }
  | {
      readonly type: 'load'
      readonly namespace: string
      readonly keys: readonly string[]
      readonly durationMs: number
      readonly error?: unknown
    }
  | {
      /** A loader service was asked for these keys: what it did not answer is loaded here. */
      readonly type: 'ask'
      readonly namespace: string
      readonly keys: readonly string[]
      /** How many of them were answered. */
      readonly answered: number
      readonly durationMs: number
      /** Why not all of them were. */
      readonly because?: UnansweredReason
      readonly error?: unknown
    }
  | { readonly type: 'takeover'; readonly namespace: string; readonly key: string }
  | {
      readonly type: 'refuse'
      readonly namespace: string
      readonly key: string
      readonly reason: RefuseReason
    }
  | { readonly type: 'drop'; readonly namespace: string; readonly key: string; readonly reason: DropReason }
  | {
      readonly type: 'poll'
      readonly durationMs: number
      readonly records: number
      readonly verified: boolean
      /** How long before the poll the bounds were sampled that it went by: 0 for its own, else those of a shared sample. */
      readonly ageMs: number
    }
  | {
      /** Records of the evictions topic were applied, those that one answer of the log has brought. */
      readonly type: 'apply'
      readonly records: number
      readonly durationMs: number
    }
  | {
      readonly type: 'poll_failed'
      readonly error: unknown
      readonly ageMs: number
      readonly retryInMs: number
      /** Until it was given up, in milliseconds. */
      readonly durationMs: number
    }
  | {
      /**
       * The log answers, but polls take longer than an option allows: the third time within five minutes, and at most once
       * in that time for each option. Where Kafka is away there is `poll_failed` alone.
       */
      readonly type: 'proxy_too_slow'
      /** The option to raise. */
      readonly option: SlowPollOption
      /** What it is, in milliseconds. */
      readonly limitMs: number
      /** How long the last such poll took, or had taken when it was given up, in milliseconds. */
      readonly durationMs: number
    }
  | {
      readonly type: 'reanchor'
      readonly partition: number
      readonly reason: ReanchorReason
      readonly offset: number
    }
  | {
      readonly type: 'evict'
      /** `undefined`: every namespace of the partition. */
      readonly namespace: string | undefined
      readonly partition: number
      readonly offset: number
      /** Whether the whole namespace is evicted. */
      readonly all: boolean
      readonly keys: readonly string[]
      readonly tags: readonly string[]
      readonly prefixes: readonly string[]
    }
  | {
      readonly type: 'unreadable'
      readonly topic: string
      readonly partition: number
      readonly offset: number
      readonly error: unknown
    }
  | {
      readonly type: 'publish'
      readonly topic: string
      readonly token: Token
      /** Until every record was acknowledged, in milliseconds. */
      readonly durationMs: number
    }
  | {
      readonly type: 'publish_failed'
      readonly topic: string
      readonly error: unknown
      /** Until it was given up, in milliseconds. */
      readonly durationMs: number
    }
  | { readonly type: 'horizon'; readonly namespace: string; readonly offset: number }
  | {
      readonly type: 'token_ahead'
      readonly partition: number
      readonly offset: number
      readonly end: number
    }
  | {
      readonly type: 'tier'
      readonly operation: TierOperation
      readonly namespace: string
      /** How many. */
      readonly keys: number
      readonly durationMs: number
      readonly error?: unknown
    }
  | {
      /**
       * Both clocks stepped back. How much time passed is unknown, so the cache dropped every proof and every value. In
       * Workers `performance.now()` is `Date.now()`, and the two step together.
       */
      readonly type: 'clock_back'
      /** By how much at least, in milliseconds. */
      readonly backMs: number
    }
  | { readonly type: 'tier_state'; readonly tier: string; readonly state: BreakerState }
  | {
      /**
       * A `ttl` that was given as a number is shorter than a second, and may have been meant in seconds. Emitted once
       * per namespace: at declaration, or at the first call or `ttl` function that gives such a number.
       */
      readonly type: 'short_ttl'
      readonly namespace: string
      readonly ttlMs: number
      /** Text for the developer, with what to write instead. */
      readonly message: string
    }
  | { readonly type: 'background_error'; readonly error: unknown }

/**
 * Takes events.
 *
 * @param trace what the event is of: the `trace` that `cache.for` was given. Of an `evict` what its writer says, unchecked: `tp` of
 * the message, else the headers of the record
 */
export type EventListener = (event: KedgeEvent, trace?: unknown) => void

/** Takes an event; absent without a listener, so that no event is built in vain. */
export type Emit = EventListener | undefined

/** The listener, made harmless. */
export const emitTo = (listener: EventListener | undefined): Emit => listener && harmless(listener)

/** Has a listener hear what is emitted from now on, beside those that hear it already. */
export function observe(of: { emit: Emit }, listener: EventListener): void {
  const before = of.emit
  const told = harmless(listener)
  of.emit = before === undefined ? told : (event, trace) => (before(event, trace), told(event, trace))
}
