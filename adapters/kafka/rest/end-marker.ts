/** Finds the end of a log by writing a record, where the proxy does not answer where the log ends. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { NewRecord } from '../../../src/ports/kafka-log.ts'
import type { BeatMessage } from '../../../src/wire/messages.ts'
import { type Bounds, type Probe, searchBounds } from './offset-search.ts'

/** Compacted topics refuse a record without a key. */
const KEY = encodeUtf8('kedge-beat')

/**
 * The bounds, by a heartbeat that no cache acts on: its offset is where the log ended after the call began.
 *
 * @param write appends the record and resolves with its offset; absent where none may be written
 * @throws KedgeError `ERR_UNSUPPORTED` without `write`; what it throws
 */
export async function markedBounds(
  probe: Probe,
  partition: number,
  write: ((record: NewRecord) => Promise<number | undefined>) | undefined,
): Promise<Bounds> {
  if (!write) {
    throw new KedgeError(
      'ERR_UNSUPPORTED',
      'reading offsets: this proxy cannot tell them, and the log no longer begins at 0: set `marker`',
    )
  }
  const beat: BeatMessage = { v: 1, op: 'beat', at: Date.now() }
  const offset = await write({ key: KEY, value: encodeUtf8(JSON.stringify(beat)), partition })
  const bounds = offset === undefined ? undefined : await searchBounds(probe, { end: offset + 1 })
  if (bounds) return bounds
  throw new KedgeError('ERR_PROTOCOL', 'reading offsets: the proxy does not return the record just written', {
    retryable: true,
  })
}
