/** The dialect of Strimzi's bridge. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import type { NewRecord } from '../../../src/ports/kafka-log.ts'
import { toBase64 } from '../rest/base64.ts'
import type { Dialect } from '../v2/dialect.ts'

export const STRIMZI: Dialect = {
  // The bridge answers 204 to a seek past the end; with any other policy it then replays the log.
  reset: 'none',
  longPoll: true,
  readCommitted: true,
  seeksAfterPoll: false,
  waitsOut: false,
  few: 0,
  losesRest: false,
  // Any other field, and any other type, is a 400: the body is checked against its schema.
  create: ({ reset, isolation }) => ({
    format: 'binary',
    'auto.offset.reset': reset,
    'enable.auto.commit': false,
    ...(isolation === 'committed' ? { 'isolation.level': 'read_committed' } : {}),
  }),
  // The bridge fetches first and measures then: it skips records that are too large, with a 422. So the bound
  // is the largest body that the reader accepts, which is what the bridge measures.
  pollBytes: ({ maxResponseBytes }) => maxResponseBytes,
}

/**
 * The bridge would store a null value as three junk bytes (the word "null", taken for base64), and answers
 * 400 to a missing one: so the adapter writes an empty value for `null`.
 */
export const entry = ({ key, value, partition, headers }: NewRecord): unknown => ({
  ...(key === null ? {} : { key: toBase64(key) }),
  value: value === null ? '' : toBase64(value),
  ...(partition === undefined ? {} : { partition }),
  ...(headers ? { headers: Object.entries(headers).map(header) } : {}),
})

const header = ([key, value]: [string, string]) => ({ key, value: toBase64(encodeUtf8(value)) })
