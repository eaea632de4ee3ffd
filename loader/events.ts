/**
 * What happens in a loader service.
 *
 * @module
 */

/** Why a request was not loaded for. */
export type DroppedReason =
  /** Nobody waits any more. */
  | 'expired'
  /** More keys waited than may. */
  | 'overflow'
  /** Its load failed a moment ago. */
  | 'failing'
  /** Its value cannot be shared: its TTL is 0, it is being written at its source, or was evicted again and again. */
  | 'unshareable'

export type LoaderEvent =
  | {
      /** A batch is done. */
      readonly type: 'batch'
      readonly namespace: string
      /** Keys that were asked for. */
      readonly keys: number
      /** Values that were published, from the source or from the service's own cache. */
      readonly values: number
      /** Keys of which it was published that they have none. */
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
      /** Requests between the offsets were lost: to retention, or with the log. */
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
