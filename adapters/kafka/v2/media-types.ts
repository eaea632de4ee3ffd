/** The media types of the v2 API: `Versions.java` of kafka-rest. @module */

export const V2 = 'application/vnd.kafka.v2+json'
/** Keys and values in base64. The JSON format would write string keys with their quotes. */
export const V2_BINARY = 'application/vnd.kafka.binary.v2+json'
