/** JSON of clients: bounded before it is parsed, and cut into documents where a body holds several. @module */
import { JsonScan } from './json-scan.ts'
import { Refusal } from './refusal.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })
const OPEN_OBJECT = 0x7b
const WHITESPACE = new Set([0x20, 0x09, 0x0a, 0x0d])

/** JSON, read and as it was written: numbers that a double does not hold are whole in the text only. */
export interface Json {
  readonly value: unknown
  readonly text: string
}

/** JSON of a record, which may have any number of values. @throws Refusal `malformed`. The message never quotes it. */
export function parseJson(bytes: Uint8Array): Json {
  new JsonScan(Infinity).scan(bytes, 0, false)
  return parseScanned(bytes)
}

/** JSON that was scanned. @throws Refusal `malformed`. */
export function parseScanned(bytes: Uint8Array): Json {
  try {
    const text = decoder.decode(bytes)
    return { value: JSON.parse(text), text }
  } catch {
    throw new Refusal('malformed', 'The body is not valid JSON.')
  }
}

/** Objects that are handed on together, at most: others have their turn between two lots. */
const MAX_TOGETHER = 100

/**
 * Objects written one after the other, as they are complete: those that came in one piece together. What stands before a
 * fault is handed on before it is thrown.
 *
 * @param maxValues in all of them together
 * @throws Refusal `malformed` also for anything between them.
 */
export async function* jsonObjects(
  chunks: AsyncIterable<Uint8Array>,
  maxValues: number,
): AsyncGenerator<readonly Json[], void, undefined> {
  const cut = new ObjectCutter(maxValues)
  for await (const chunk of chunks) {
    let lot: Json[] = []
    try {
      for (const one of cut.take(chunk)) {
        if (lot.push(one) < MAX_TOGETHER) continue
        const full = lot
        lot = []
        yield full
      }
    } catch (error) {
      if (lot.length > 0) yield lot
      throw error
    }
    if (lot.length > 0) yield lot
  }
  cut.end()
}

class ObjectCutter {
  readonly #scan: JsonScan
  #held: Uint8Array[] = []

  constructor(maxValues: number) {
    this.#scan = new JsonScan(maxValues)
  }

  /** The objects that this piece completes. @throws Refusal as `jsonObjects`. */
  *take(chunk: Uint8Array): Generator<Json, void, undefined> {
    const scan = this.#scan
    for (let at = 0; at < chunk.length;) {
      if (scan.isOutside && WHITESPACE.has(chunk[at]!)) {
        at++
        continue
      }
      if (scan.isOutside && chunk[at] !== OPEN_OBJECT)
        throw new Refusal('malformed', 'The body is not a sequence of JSON objects.')
      const end = scan.scan(chunk, at, true)
      const part = chunk.subarray(at, end)
      at = end
      // A copy: the chunk itself need not stay for what is left of it.
      if (!scan.isOutside) this.#held.push(part.slice())
      else if (this.#held.length === 0) yield parseScanned(part)
      else {
        const whole = concat([...this.#held, part])
        this.#held = []
        yield parseScanned(whole)
      }
    }
  }

  /** @throws Refusal `malformed` where an object is not whole. */
  end(): void {
    if (!this.#scan.isOutside) throw new Refusal('malformed', 'The body ends within a JSON object.')
  }
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
