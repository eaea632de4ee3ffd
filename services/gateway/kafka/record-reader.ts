/** The records of a batch, one after the other. @module */
import { Buffer } from 'node:buffer'
import { UnreadableBatchError } from './decompress.ts'

export interface KafkaRecord {
  readonly offsetDelta: number
  /** Milliseconds after the batch's first. */
  readonly timestampDelta: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: Buffer, value: Buffer | null])[]
}

/** Every varint of Kafka's records fits; a longer one is none. */
const MAX_VARINT_BYTES = 10

export class RecordReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** @throws UnreadableBatchError where there is none, or not as its lengths say. */
  next(): KafkaRecord {
    const length = this.#varint()
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw new UnreadableBatchError('A record is cut off.')
    // The attributes, which have no meaning yet.
    this.#at++
    const timestampDelta = this.#varint()
    const offsetDelta = this.#varint()
    const key = this.#sized()
    const value = this.#sized()
    const headers: [Buffer, Buffer | null][] = []
    const count = this.#varint()
    for (let read = 0; read < count && this.#at <= end; read++) {
      headers.push([this.#sized() ?? Buffer.alloc(0), this.#sized()])
    }
    if (this.#at !== end) throw new UnreadableBatchError('A record is not as long as it says.')
    return { offsetDelta, timestampDelta, key, value, headers }
  }

  /** Bytes with their length before them; -1 is null. */
  #sized(): Buffer | null {
    const length = this.#varint()
    if (length < 0) return null
    const end = this.#at + length
    if (end > this.#bytes.length) throw new UnreadableBatchError('A field is cut off.')
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return bytes
  }

  /** Zigzag, seven bits a byte, the lowest first. By multiplication: timestamps need more than 32 bits. */
  #varint(): number {
    let value = 0
    let factor = 1
    for (let read = 0; read < MAX_VARINT_BYTES; read++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new UnreadableBatchError('A number is cut off.')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      factor *= 128
    }
    throw new UnreadableBatchError('A number is too long.')
  }
}
