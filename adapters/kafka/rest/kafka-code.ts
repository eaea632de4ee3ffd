/** Kafka's own error codes, which some proxies pass on as they are. Source: `org.apache.kafka.common.protocol.Errors`. @module */
import { KedgeError, type KedgeErrorCode } from '../../../src/ports/errors.ts'

export const OFFSET_OUT_OF_RANGE = 1

/** The codes for which kedge has a code of its own. */
const NAMED: Readonly<Record<number, KedgeErrorCode>> = {
  3: 'ERR_UNKNOWN_TOPIC', // UNKNOWN_TOPIC_OR_PARTITION
  10: 'ERR_TOO_LARGE', // MESSAGE_TOO_LARGE
  17: 'ERR_UNKNOWN_TOPIC', // INVALID_TOPIC_EXCEPTION
  18: 'ERR_TOO_LARGE', // RECORD_LIST_TOO_LARGE
  29: 'ERR_AUTH', // TOPIC_AUTHORIZATION_FAILED
  31: 'ERR_AUTH', // CLUSTER_AUTHORIZATION_FAILED
  35: 'ERR_UNSUPPORTED', // UNSUPPORTED_VERSION
  58: 'ERR_AUTH', // SASL_AUTHENTICATION_FAILED
  89: 'ERR_RATE_LIMITED', // THROTTLING_QUOTA_EXCEEDED
  100: 'ERR_UNKNOWN_TOPIC', // UNKNOWN_TOPIC_ID
}

/** What Kafka calls retriable, of the codes that a produce or a fetch can meet. */
const RETRIABLE: ReadonlySet<number> = new Set([
  2, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 56, 70, 71, 74, 75, 78, 89, 103,
])

/** The error for one of Kafka's codes. `doing` names the call that failed. */
export function kafkaError(code: number, doing: string): KedgeError {
  const named = NAMED[code] ?? 'ERR_HTTP'
  return new KedgeError(named, `${doing}: Kafka answers with its code ${code}`, {
    retryable: RETRIABLE.has(code),
  })
}
