/**
 * Records as the text of an answer. What many polls get at once is encoded, held and counted once.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import type { HeldBytes } from './answers.ts'
import type { ClusterRecord } from './cluster.ts'
import { isUndecodable, recordBytes, recordText } from './embedded-format.ts'
import type { EmbeddedFormat } from './embedded-format.ts'
import { JsonArray } from './json-array.ts'

/** Up to here a text goes out fastest as a string: Node sends it in one piece with the headers. */
const SMALL = 16_384

interface EncodedRecords {
  readonly body: string | Uint8Array<ArrayBuffer>
  readonly length: number
  /** The records in it: in the format `json` those before the first that is not JSON. */
  readonly count: number
}

interface Shared {
  encoded: EncodedRecords | undefined
  held: HeldBytes | undefined
  answers: number
}

export interface HeldRecords {
  readonly encoded: EncodedRecords
  /** To be called once, when the answer has gone out. */
  readonly release: (() => void) | undefined
}

const EMPTY: HeldRecords = { encoded: { body: '[]', length: 2, count: 0 }, release: undefined }

const shared = new WeakMap<readonly ClusterRecord[], Partial<Record<EmbeddedFormat, Shared>>>()

/**
 * The records as a JSON array. It counts until all who have it have released it.
 *
 * @param open begins to count an answer
 * @throws Refusal `busy`, or `undecodable` where the first of all is not JSON and the format is `json`.
 */
export function encodedRecords(
  records: readonly ClusterRecord[],
  format: EmbeddedFormat,
  open: () => HeldBytes,
): HeldRecords {
  if (records.length === 0) return EMPTY
  let known = shared.get(records)
  if (!known) shared.set(records, (known = {}))
  const one = (known[format] ??= { encoded: undefined, held: undefined, answers: 0 })
  if (!one.held) {
    const held = open()
    try {
      held.add(one.encoded?.length ?? bytesOf(records, format))
      one.encoded ??= encode(records, format)
    } catch (error) {
      held.release()
      throw error
    }
    one.held = held
  }
  one.answers++
  return {
    encoded: one.encoded!,
    release: () => {
      if (--one.answers > 0) return
      one.held?.release()
      one.held = undefined
      // A large text does not stay with its records, which may be held for long.
      if (one.encoded!.length > SMALL) one.encoded = undefined
    },
  }
}

/** The most that their text can take. */
const bytesOf = (records: readonly ClusterRecord[], format: EmbeddedFormat): number =>
  records.reduce((sum, record) => sum + recordBytes(format, record), 0)

/** Into one buffer, record after record: a text of all of them would be there beside it. */
function encode(records: readonly ClusterRecord[], format: EmbeddedFormat): EncodedRecords {
  const most = bytesOf(records, format)
  if (most <= SMALL) {
    const texts: string[] = []
    const count = each(records, format, (text) => void texts.push(text))
    const body = `[${texts.join(',')}]`
    return { body, length: Buffer.byteLength(body), count }
  }
  const array = new JsonArray()
  array.reserve(most, records.length)
  const count = each(records, format, (text) => array.add(text))
  const body = array.end()
  return { body, length: body.length, count }
}

/** Up to the first that is not JSON; how many there were. */
function each(
  records: readonly ClusterRecord[],
  format: EmbeddedFormat,
  take: (text: string) => void,
): number {
  for (const [index, record] of records.entries()) {
    try {
      take(recordText(format, record))
    } catch (error) {
      if (index === 0 || !isUndecodable(error)) throw error
      return index
    }
  }
  return records.length
}
