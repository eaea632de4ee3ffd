/**
 * What happens in a loader service.
 *
 * @module
 */

/** Why the service dropped a request. */
export type DroppedReason =
  /** The deadlines of all askers are over. */
  | 'expired'
  /** More than `maxQueue` keys waited. */
  | 'overflow'
  /** Its load failed a moment ago. */
  | 'failing'
  /**
   * Its value cannot be shared: its TTL is 0, a writer is writing it, or evictions matched each of its loads.
   */
  | 'unshareable'

export type LoaderEvent =
  | {
      /** A batch is done. */
      readonly type: 'batch'
      readonly namespace: string
      /** Keys of the batch. */
      readonly keys: number
      /** Published values, from the source or from the service's own cache. */
      readonly values: number
      /** Keys that were published as having no value. */
      readonly none: number
      readonly durationMs: number
    }
  | {
      readonly type: 'batch_failed'
      readonly namespace: string
      readonly keys: readonly string[]
      /** What the loader threw, or why its values could not be published. */
      readonly error: unknown
    }
  | {
      readonly type: 'request_dropped'
      readonly namespace: string
      readonly key: string
      readonly reason: DroppedReason
    }
  | {
      /** The requests topic could not be read. */
      readonly type: 'requests_unread'
      readonly error: unknown
      readonly retryInMs: number
    }
  | {
      /** Requests between the offsets are lost: retention deleted them, or the log was replaced. */
      readonly type: 'requests_skipped'
      readonly partition: number
      readonly from: number
      readonly to: number
    }
  | {
      readonly type: 'request_unreadable'
      readonly partition: number
      readonly offset: number
      readonly error: unknown
    }
