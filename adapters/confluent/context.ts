/** What the parts of the Confluent adapter share. @module */
import { z } from 'zod'
import type { Http } from '../http.ts'

/** The media types of the v2 API: `Versions.java` of kafka-rest. */
export const V2 = 'application/vnd.kafka.v2+json'
/** Keys and values in base64. The JSON format would write string keys with their quotes. */
export const V2_BINARY = 'application/vnd.kafka.binary.v2+json'

/** Answers name what they like: offsets and partitions are checked before anything else sees them. */
export const offsetShape: z.ZodType<number> = z.int().nonnegative()

/** The partitions of a topic are at most this many here; an isolate polls one or a few. */
export const MAX_PARTITIONS = 4096

/** A call in progress: where it goes, and when it must end. */
export interface Call {
  readonly http: Http
  readonly signal: AbortSignal
}
