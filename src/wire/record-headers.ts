/**
 * Headers of a record, bounded: a stranger has written them.
 *
 * @module
 */
import type { LogHeader } from '../ports/kafka-log.ts'

const MAX_HEADERS = 32
const MAX_NAME_LENGTH = 1024
const MAX_VALUE_BYTES = 4096

/**
 * `headers` of a record, or nothing where there are none. What is no header, is beyond the first 32, or has a name of more than 1024
 * characters or a value of more than 4096 bytes, is left out.
 */
export function boundedHeaders(said: readonly (readonly [name: unknown, value: unknown])[]): {
  readonly headers?: readonly LogHeader[]
} {
  const headers = said.slice(0, MAX_HEADERS).filter(isHeader)
  return headers.length === 0 ? {} : { headers }
}

function isHeader(said: readonly [name: unknown, value: unknown]): said is LogHeader {
  const [name, value] = said
  if (typeof name !== 'string' || name.length > MAX_NAME_LENGTH) return false
  return value === null || (value instanceof Uint8Array && value.length <= MAX_VALUE_BYTES)
}
