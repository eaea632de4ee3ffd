/** What the adapters of the v2 API share. @module */
import type { Http } from '../rest/http.ts'

/** The media types of the v2 API: `Versions.java` of kafka-rest. */
export const V2 = 'application/vnd.kafka.v2+json'
/** Keys and values in base64. The JSON format would write string keys with their quotes. */
export const V2_BINARY = 'application/vnd.kafka.binary.v2+json'

/** A call in progress: where it goes, and when it must end. */
export interface Call {
  readonly http: Http
  readonly signal: AbortSignal
}
