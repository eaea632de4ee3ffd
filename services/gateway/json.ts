/**
 * JSON of clients: bounded in depth, because `JSON.stringify` recurses, and cut into documents where a body
 * holds several one after the other.
 *
 * @module
 */
import { Refusal } from './refusal.ts'

/** The deepest nesting that is read. Jackson, which kafka-rest reads with, stops at 1000. */
const MAX_DEPTH = 100

const decoder = new TextDecoder('utf-8', { fatal: true })
const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const OPENING = new Set([0x5b, 0x7b])
const CLOSING = new Set([0x5d, 0x7d])
const WHITESPACE = new Set([0x20, 0x09, 0x0a, 0x0d])

/** Follows nesting and strings, byte by byte: UTF-8 never hides a bracket inside a character. */
class Nesting {
  depth = 0
  #inString = false
  #escaped = false

  step(byte: number): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (byte === BACKSLASH) this.#escaped = true
      else if (byte === QUOTE) this.#inString = false
    } else if (byte === QUOTE) this.#inString = true
    else if (OPENING.has(byte)) this.depth++
    else if (CLOSING.has(byte)) this.depth--
    if (this.depth > MAX_DEPTH)
      throw new Refusal('malformed', `JSON is nested deeper than ${MAX_DEPTH} levels.`)
  }
}

/** JSON, read and as it was written: numbers that a double does not hold are whole in the text only. */
export interface Json {
  readonly value: unknown
  readonly text: string
}

/** @throws Refusal `malformed`. The message never quotes the body. */
export function parseJson(bytes: Uint8Array): Json {
  const nesting = new Nesting()
  for (const byte of bytes) nesting.step(byte)
  try {
    const text = decoder.decode(bytes)
    return { value: JSON.parse(text), text }
  } catch {
    throw new Refusal('malformed', 'The body is not valid JSON.')
  }
}

/** Objects written one after the other, as each of them is complete. @throws Refusal `malformed` for anything between them. */
export async function* jsonObjects(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Json, void, undefined> {
  let nesting = new Nesting()
  let held: Uint8Array[] = []
  for await (const chunk of chunks) {
    let start = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (nesting.depth === 0) {
        if (WHITESPACE.has(byte)) continue
        if (byte !== 0x7b) throw new Refusal('malformed', 'The body is not a sequence of JSON objects.')
        start = i
      }
      nesting.step(byte)
      if (nesting.depth > 0) continue
      yield parseJson(concat([...held, chunk.subarray(start, i + 1)]))
      held = []
      nesting = new Nesting()
    }
    if (nesting.depth > 0) held.push(chunk.slice(start))
  }
  if (nesting.depth > 0) throw new Refusal('malformed', 'The body ends within a JSON object.')
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
