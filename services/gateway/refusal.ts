/** What the gateway refuses, before any protocol gives it a status and a code. @module */

export const REFUSAL_REASONS = [
  /** The request cannot be read: JSON, base64, a number. */
  'malformed',
  /** The gateway can read the request, and a value in it is not allowed. */
  'invalid',
  'too-large',
  'unsupported-media',
  'not-acceptable',
  /** The credential, or that of the gateway itself, has not the right. */
  'forbidden',
  'unknown-topic',
  'unknown-partition',
  'unknown-instance',
  'unknown-cluster',
  /** An assigned partition that the cluster does not have. */
  'not-hosted',
  'out-of-range',
  'exists',
  'instance-exists',
  'not-assigned',
  'format-mismatch',
  'instance-options',
  /** A record is not in the format that was asked for. */
  'undecodable',
  /** A limit of the gateway is reached for now: come back later. */
  'busy',
  /** The cluster behind the gateway does not answer. */
  'unavailable',
  'unsupported',
] as const

export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/**
 * A request that the gateway refuses. The client sees the message: it must not quote data of another client.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: RefusalReason
  /** When to come back, in seconds, where that is known. */
  readonly retryAfter: number | undefined

  constructor(reason: RefusalReason, message: string, options: { readonly retryAfter?: number } = {}) {
    super(message)
    this.reason = reason
    this.retryAfter = options.retryAfter
  }
}
