/** Texts of JSON as one array of them, in bytes: as a text a large answer would be in memory twice while it goes out. @module */
import { Buffer } from 'node:buffer'

export class JsonArray {
  /** All but the last are full. */
  readonly #parts: Buffer<ArrayBuffer>[] = []
  #last: Buffer<ArrayBuffer> = Buffer.allocUnsafe(0)
  #at = 0
  #count = 0

  /** Room for `count` texts of so many bytes together. */
  reserve(bytes: number, count: number): void {
    this.#seal()
    this.#last = Buffer.allocUnsafeSlow(bytes + count + 1)
  }

  /** A text for which there is room. */
  add(text: string): void {
    this.#at += this.#last.write(this.#count++ === 0 ? '[' : ',', this.#at)
    this.#at += this.#last.write(text, this.#at)
  }

  /** The whole array. There is nothing to be added any more. */
  end(): Uint8Array<ArrayBuffer> {
    if (this.#count === 0) return Buffer.from('[]')
    this.#at += this.#last.write(']', this.#at)
    this.#seal()
    return this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
  }

  #seal(): void {
    if (this.#at > 0) this.#parts.push(this.#last.subarray(0, this.#at))
    this.#at = 0
  }
}
