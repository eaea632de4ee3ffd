/** What the bridge does in its own way. @module */
import { encodeUtf8 } from '../../src/codec.ts'
import type { NewRecord } from '../../src/log.ts'
import { toBase64 } from '../base64.ts'
import type { Dialect } from '../v2/dialect.ts'

export const STRIMZI: Dialect = {
  // A seek past the end is answered with 204; with any other policy the bridge then replays the log in silence.
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
  // The bridge fetches first and measures then: whatever is too large is skipped with a 422. So the bound is the
  // largest body that can be read here, which is just what the bridge measures.
  pollBytes: ({ maxResponseBytes }) => maxResponseBytes,
}

/**
 * A null value would be stored as three junk bytes (the word "null", taken for base64), and a missing one is a 400:
 * an empty value stands for none.
 */
export const entry = ({ key, value, partition, headers }: NewRecord): unknown => ({
  ...(key === null ? {} : { key: toBase64(key) }),
  value: value === null ? '' : toBase64(value),
  ...(partition === undefined ? {} : { partition }),
  ...(headers ? { headers: Object.entries(headers).map(header) } : {}),
})

const header = ([key, value]: [string, string]) => ({ key, value: toBase64(encodeUtf8(value)) })
