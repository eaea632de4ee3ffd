/**
 * Keys and values inside JSON: as base64 (`binary`) or as themselves (`json`). The latter are carried as text in both
 * directions, so that every digit of a number stays.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import type { ClusterRecord } from './cluster.ts'
import { compact } from './json-text.ts'
import { parseJson } from './json.ts'
import { Refusal } from './refusal.ts'

/** kafka-rest's embedded formats that need no schema registry. */
export type EmbeddedFormat = 'binary' | 'json'

/** What kafka-rest calls `Versions.KAFKA_V2_JSON_BINARY` and `KAFKA_V2_JSON_JSON`. */
export const EMBEDDED_TYPES: {
  readonly binary: 'application/vnd.kafka.binary.v2+json'
  readonly json: 'application/vnd.kafka.json.v2+json'
} = {
  binary: 'application/vnd.kafka.binary.v2+json',
  json: 'application/vnd.kafka.json.v2+json',
}

/** The format that a media type names. */
export function formatOf(type: string): EmbeddedFormat | undefined {
  if (type === EMBEDDED_TYPES.binary) return 'binary'
  return type === EMBEDDED_TYPES.json ? 'json' : undefined
}

const encoder = new TextEncoder()

/**
 * The bytes of a key or value that was sent. `null` and absent are none.
 *
 * @param textOf finds the JSON text of `data`. Called only where that may have digits that a double does not hold: a string
 * may be millions of escapes, which a search goes through one by one
 * @throws Refusal `malformed`.
 */
export function decodeEmbedded(
  format: EmbeddedFormat,
  data: unknown,
  textOf: () => string | undefined,
): Uint8Array | null {
  if (data === null || data === undefined) return null
  if (format === 'binary') return decodeBase64(data)
  const mayHaveDigits = typeof data === 'number' || typeof data === 'object'
  return encoder.encode(mayHaveDigits ? compact(textOf() ?? 'null') : JSON.stringify(data))
}

/**
 * A record as JSON.
 * @throws Refusal `undecodable`, naming the record, where it is not JSON and the format is `json`.
 */
export function recordText(format: EmbeddedFormat, record: ClusterRecord): string {
  const { topic, key, value, partition, offset } = record
  const parts = `"key":${partText(format, key, record, 'key')},"value":${partText(format, value, record, 'value')}`
  return `{"topic":${JSON.stringify(topic)},${parts},"partition":${partition},"offset":${offset}}`
}

/** The most bytes that `recordText` makes of a record: exact in the format `binary`. */
export function recordBytes(
  format: EmbeddedFormat,
  { topic, key, value, partition, offset }: ClusterRecord,
): number {
  const numbers = String(partition).length + String(offset).length
  const frame = '{"topic":,"key":,"value":,"partition":,"offset":}'.length
  const parts = partBytes(format, key) + partBytes(format, value)
  return frame + Buffer.byteLength(JSON.stringify(topic)) + parts + numbers
}

const partBytes = (format: EmbeddedFormat, bytes: Uint8Array | null): number =>
  bytes === null ? 'null'.length : format === 'json' ? bytes.length : 2 + 4 * Math.ceil(bytes.length / 3)

export const isUndecodable = (error: unknown): boolean =>
  error instanceof Refusal && error.reason === 'undecodable'

function partText(
  format: EmbeddedFormat,
  bytes: Uint8Array | null,
  { topic, partition, offset }: ClusterRecord,
  part: 'key' | 'value',
): string {
  if (bytes === null) return 'null'
  if (format === 'binary') return `"${encodeBase64(bytes)}"`
  try {
    return parseJson(bytes).text
  } catch {
    throw new Refusal(
      'undecodable',
      `The ${part} of topic ${topic}, partition ${partition}, offset ${offset} is not JSON. ` +
        `Read it in the binary format, or go on at offset ${offset + 1} (a consumer instance: POST …/positions).`,
    )
  }
}

/** @throws Refusal `malformed` for what is not base64 with its padding: a lenient reader would store garbage. */
export function decodeBase64(data: unknown): Uint8Array {
  if (typeof data !== 'string' || data.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(data))
    throw notBase64()
  const { buffer, byteOffset, length } = Buffer.from(data, 'base64')
  // Not a copy, which costs more than the decoding, and not a `Buffer`, whose `slice` is none.
  return new Uint8Array(buffer, byteOffset, length)
}

function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

const notBase64 = (): Refusal => new Refusal('malformed', 'data is not a valid base64 string.')
