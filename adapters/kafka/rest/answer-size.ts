/** How much a read asks for, so that the answer stays within its bound. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { ReadResult } from '../../../src/ports/kafka-log.ts'

/**
 * Reads at most `maxBytes` of keys and values, and less where base64 and field names would make the answer
 * larger than `maxResponseBytes`. Many tiny records can still exceed that bound: the adapter then asks once
 * more, for less.
 *
 * @throws what `read` throws.
 */
export async function fitting(
  maxBytes: number,
  maxResponseBytes: number,
  read: (maxBytes: number) => Promise<ReadResult>,
): Promise<ReadResult> {
  const most = Math.max(1, Math.floor(Math.min(maxBytes, maxResponseBytes / 2)))
  try {
    return await read(most)
  } catch (error) {
    if (!(error instanceof KedgeError) || error.code !== 'ERR_TOO_LARGE') throw error
    return read(Math.ceil(most / 16))
  }
}
