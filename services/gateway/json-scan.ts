/**
 * JSON looked at byte by byte before it is parsed: how deep it is nested, and how many values it has. What parsing and
 * checking cost grows with the values: eight megabytes of `{},` are three million.
 *
 * @module
 */
import { Refusal } from './refusal.ts'

/** The deepest nesting that is read. Jackson, which kafka-rest reads with, stops at 1000. */
const MAX_DEPTH = 100

// UTF-8 never hides a bracket inside a character.
const [OTHER, QUOTES, OPENS, CLOSES, SEPARATES] = [0, 1, 2, 3, 4]
const KINDS = new Uint8Array(256).fill(OTHER)
KINDS[0x22] = QUOTES
KINDS[0x5b] = KINDS[0x7b] = OPENS
KINDS[0x5d] = KINDS[0x7d] = CLOSES
KINDS[0x2c] = SEPARATES

const [QUOTE, BACKSLASH] = [0x22, 0x5c]

export class JsonScan {
  readonly #maxValues: number
  /** Items of lists and members of objects, and one for each list and object. */
  #values = 0
  #depth = 0
  #inString = false
  #escaped = false

  constructor(maxValues: number) {
    this.#maxValues = maxValues
  }

  /** Whether what was scanned ends outside of all lists and objects. */
  get isOutside(): boolean {
    return this.#depth === 0
  }

  /**
   * Scans from `start` on, to the end of the bytes, or of the outermost list or object where `one` is set. Returns where it
   * has stopped.
   * @throws Refusal `malformed` for JSON that is nested too deep, `too-large` for too many values.
   */
  scan(bytes: Uint8Array, start: number, one: boolean): number {
    let at = this.#inString ? this.#string(bytes, start) : start
    for (; at < bytes.length; at++) {
      switch (KINDS[bytes[at]!]!) {
        case QUOTES:
          this.#inString = true
          at = this.#string(bytes, at + 1) - 1
          break
        case OPENS:
          this.#count()
          if (++this.#depth > MAX_DEPTH)
            throw new Refusal('malformed', `JSON is nested deeper than ${MAX_DEPTH} levels.`)
          break
        case CLOSES:
          this.#depth--
          if (one && this.#depth === 0) return at + 1
          break
        case SEPARATES:
          this.#count()
          break
        default:
      }
    }
    return at
  }

  /** Past the end of the string, or of the bytes. */
  #string(bytes: Uint8Array, start: number): number {
    let at = start
    if (this.#escaped && at < bytes.length) {
      this.#escaped = false
      at++
    }
    for (; at < bytes.length; at++) {
      const byte = bytes[at]
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) {
        this.#inString = false
        return at + 1
      }
    }
    this.#escaped = at > bytes.length
    return bytes.length
  }

  #count(): void {
    if (++this.#values > this.#maxValues)
      throw new Refusal('too-large', `The JSON has more than ${this.#maxValues} values.`)
  }
}
