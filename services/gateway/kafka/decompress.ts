/** Compressed batches, inflated up to a bound: a kilobyte can hold a gigabyte. @module */
import { Buffer } from 'node:buffer'
import zlib from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'

/** Why a batch cannot be read. Its message is for the gateway's operator. */
export class UnreadableBatchError extends Error {
  override readonly name = 'UnreadableBatchError'
}

const [GZIP, SNAPPY, LZ4, ZSTD] = [1, 2, 3, 4]
/** What snappy-java writes before blocks of its own framing, which is what Kafka's clients write. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEAD = 16
const LZ4_MAGIC = 0x184d2204

/**
 * @param codec Kafka's number of the compression, the lowest three bits of a batch's attributes
 * @throws UnreadableBatchError where the codec is unknown, or does not fit the bytes, and beyond `maxBytes`.
 */
export function decompress(codec: number, bytes: Buffer, maxBytes: number): Buffer {
  try {
    // These two inflate step by step, and stop at the bound; the others get their size from the data first.
    if (codec === GZIP) return zlib.gunzipSync(bytes, { maxOutputLength: maxBytes })
    if (codec === ZSTD) return zlib.zstdDecompressSync(bytes, { maxOutputLength: maxBytes })
    if (codec === SNAPPY || codec === LZ4) {
      const size = codec === SNAPPY ? snappySize(bytes) : lz4Size(bytes)
      if (size > maxBytes) throw new UnreadableBatchError(`It inflates to ${size} bytes.`)
      return compressionsAlgorithms[codec === SNAPPY ? 'snappy' : 'lz4'].decompressSync(bytes)
    }
  } catch (error) {
    if (error instanceof UnreadableBatchError) throw error
    throw new UnreadableBatchError(error instanceof Error ? error.message : String(error))
  }
  throw new UnreadableBatchError(`The compression ${codec} is not known.`)
}

/** The sum of the sizes that the blocks announce (snappy's format description: a varint goes before each). */
function snappySize(bytes: Buffer): number {
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) return sizeOfBlock(bytes)
  let size = 0
  for (let at = XERIAL_HEAD; at < bytes.length;) {
    const length = bytes.readUInt32BE(at)
    at += 4
    size += sizeOfBlock(bytes.subarray(at, at + length))
    at += length
  }
  return size
}

function sizeOfBlock(bytes: Buffer): number {
  let size = 0
  for (let at = 0; at < 5; at++) {
    const byte = bytes.readUInt8(at)
    size += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return size
  }
  throw new UnreadableBatchError('A snappy block has no size.')
}

/**
 * The inflated size of an LZ4 frame: its head need not name it, so this adds up the sequences of its blocks.
 */
function lz4Size(bytes: Buffer): number {
  if (bytes.readUInt32LE(0) !== LZ4_MAGIC) throw new UnreadableBatchError('It is not an LZ4 frame.')
  const flags = bytes.readUInt8(4)
  const hasSize = (flags & 0x08) !== 0
  const hasDictionary = (flags & 0x01) !== 0
  const checksum = (flags & 0x10) === 0 ? 0 : 4
  // Magic, flags, the largest block; a checksum of the head at its end.
  let at = 6 + (hasSize ? 8 : 0) + (hasDictionary ? 4 : 0) + 1
  let size = hasSize ? Number(bytes.readBigUInt64LE(6)) : 0
  let found = 0
  for (;;) {
    const head = bytes.readUInt32LE(at)
    if (head === 0) break
    at += 4
    const length = head & 0x7fffffff
    if (at + length > bytes.length) throw new UnreadableBatchError('An LZ4 block is cut off.')
    found += head >>> 31 === 1 ? length : sizeOfSequences(bytes, at, at + length)
    at += length + checksum
  }
  size = Math.max(size, found)
  return size
}

/** Each sequence is a token, literals, and a match; the last has no match (LZ4's block format description). */
function sizeOfSequences(bytes: Buffer, from: number, end: number): number {
  let at = from
  let size = 0
  const long = (nibble: number): number => {
    let length = nibble
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; length += byte) byte = bytes.readUInt8(at++)
    return length
  }
  while (at < end) {
    const token = bytes.readUInt8(at++)
    const literals = long(token >>> 4)
    size += literals
    at += literals
    if (at >= end) break
    at += 2
    size += long(token & 15) + 4
  }
  return size
}
