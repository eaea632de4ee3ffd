/** The dialect of Karapace. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { NewRecord } from '../../../src/ports/kafka-log.ts'
import type { Dialect } from '../v2/dialect.ts'

/** For up to so many records the reader sends a short poll. */
const FEW = 8
/** From 5.1 on a poll fetches a record for each KiB of `max_bytes`. */
const BYTES_A_RECORD = 1024

export const KARAPACE: Dialect = {
  // Karapace knows `earliest` and `latest` only. The reader detects a reset to the end by the bounds.
  reset: 'latest',
  longPoll: false,
  readCommitted: false,
  seeksAfterPoll: true,
  waitsOut: true,
  few: FEW,
  // From 5.1 on, what was fetched beyond `max_bytes` is dropped.
  losesRest: true,
  create: ({ reset }) => ({
    // Karapace refuses a name that exists, so each instance has a random one.
    name: `kedge-${crypto.randomUUID()}`,
    format: 'binary',
    'auto.offset.reset': reset,
    'auto.commit.enable': 'false',
  }),
  // A poll waits out its whole timeout although there are records, unless they reach `max_bytes`. One byte is reached
  // by any record, and a first record is returned whatever its size.
  pollBytes({ maxBytes, behind }) {
    if (behind > FEW) return maxBytes
    return behind === 1 ? 1 : Math.min(maxBytes, behind * BYTES_A_RECORD)
  },
}

/**
 * Karapace writes an empty value and acknowledges it with offset -1, so the writer cannot learn its offset.
 * @throws KedgeError `ERR_UNSUPPORTED`, before anything is written
 */
export function refuseEmpty(records: readonly NewRecord[]): void {
  if (records.every(({ value }) => value !== null && value.length > 0)) return
  throw new KedgeError('ERR_UNSUPPORTED', 'Karapace cannot write null or empty values: no record was written')
}
