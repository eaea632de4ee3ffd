/**
 * The errors of kedge.
 *
 * Three kinds, never mixed: a wrong option is a `TypeError` at construction; an operation that failed is a
 * {@link KedgeError}; an aborted call rethrows `signal.reason` untouched. What a loader throws passes through
 * as it is.
 *
 * @module
 */

/** What went wrong, as a stable contract. */
export type KedgeErrorCode =
  /** No answer: connection refused, reset, name not resolved. */
  | 'ERR_NETWORK'
  /** No answer in time. */
  | 'ERR_TIMEOUT'
  /** An HTTP status that has no code of its own. */
  | 'ERR_HTTP'
  /** Credentials missing, wrong, or not allowed to do this. */
  | 'ERR_AUTH'
  /** Too many requests; `retryAfterMs` may say when to come back. */
  | 'ERR_RATE_LIMITED'
  /** The answer is not what the protocol promises. */
  | 'ERR_PROTOCOL'
  /** A record, body or batch is larger than a limit. */
  | 'ERR_TOO_LARGE'
  /** The topic or partition does not exist. */
  | 'ERR_UNKNOWN_TOPIC'
  /** The backend cannot do what was asked. */
  | 'ERR_UNSUPPORTED'
  /**
   * A record was not acknowledged. The eviction may or may not be in the log: publish it again. What Kafka refuses is certainly
   * not in the log, and rejects with a code that says why: `ERR_AUTH`, `ERR_RATE_LIMITED`, `ERR_TOO_LARGE`,
   * `ERR_UNKNOWN_TOPIC`, `ERR_UNSUPPORTED`.
   */
  | 'ERR_PUBLISH'
  /**
   * A higher version of the row stands, in `version`: the key was evicted, and the value written nowhere. A delete of
   * the key takes that version back.
   */
  | 'ERR_SUPERSEDED'
  /** Freshness could not be proved in time and `onUnreachable` is `'throw'`. */
  | 'ERR_UNREACHABLE'
  /** A loader ran longer than `hardTimeout`. */
  | 'ERR_LOADER_TIMEOUT'
  /** A store ran longer than it was given: whether the write was committed is not known, and it may still be. */
  | 'ERR_STORE_TIMEOUT'
  /** More loads than `maxLoads` at once. */
  | 'ERR_OVERLOADED'
  /** A token that cannot be read. */
  | 'ERR_TOKEN'
  /** A value that cannot be encoded, or held because it cannot outlive a request; or a message that cannot be read. */
  | 'ERR_CODEC'
  /** The cache was closed. */
  | 'ERR_CLOSED'

export interface KedgeErrorOptions {
  readonly cause?: unknown
  /** Whether the same call may succeed later. @default false */
  readonly retryable?: boolean
  /** How long the other side asked to be left alone, in milliseconds. */
  readonly retryAfterMs?: number | undefined
  /** The version that stands, of `ERR_SUPERSEDED`. */
  readonly version?: number | undefined
}

const brand = Symbol.for('kedge.error')

/** An operation that failed. Messages never carry credentials, keys' values or tokens. */
export class KedgeError extends Error {
  override readonly name = 'KedgeError'
  readonly code: KedgeErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  /** The version of the row that won, where the code is `ERR_SUPERSEDED`. */
  readonly version: number | undefined

  constructor(code: KedgeErrorCode, message: string, options: KedgeErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.retryable = options.retryable ?? false
    this.retryAfterMs = options.retryAfterMs
    this.version = options.version
    // By a registered symbol, so that two copies of this package recognise each other's errors.
    Object.defineProperty(this, brand, { value: true })
  }
}

/** What only a refusal of the whole write has as its code. */
const REFUSED: ReadonlySet<KedgeErrorCode> = new Set([
  'ERR_AUTH',
  'ERR_RATE_LIMITED',
  'ERR_TOO_LARGE',
  'ERR_UNKNOWN_TOPIC',
  'ERR_UNSUPPORTED',
])

/** Whether a write that rejected with this is certainly not in the log: none of its records. */
export const isRefused = (error: unknown): boolean => isKedgeError(error) && REFUSED.has(error.code)

/** Whether `error` is a {@link KedgeError}, also one of another copy of this package. */
export function isKedgeError(error: unknown): error is KedgeError {
  return typeof error === 'object' && error !== null && brand in error
}
