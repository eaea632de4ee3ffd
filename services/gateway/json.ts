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

/**
 * Objects written one after the other, as each of them is complete.
 *
 * @param maxValues in all of them together
 * @throws Refusal `malformed` also for anything between them.
 */
export async function* jsonObjects(
  chunks: AsyncIterable<Uint8Array>,
  maxValues: number,
): AsyncGenerator<Json, void, undefined> {
  const scan = new JsonScan(maxValues)
  let held: Uint8Array[] = []
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      if (scan.isOutside && WHITESPACE.has(chunk[at]!)) {
        at++
        continue
      }
      if (scan.isOutside && chunk[at] !== OPEN_OBJECT)
        throw new Refusal('malformed', 'The body is not a sequence of JSON objects.')
      const end = scan.scan(chunk, at, true)
      // A copy: the chunk itself need not stay for what is left of it.
      if (!scan.isOutside) held.push(chunk.slice(at, end))
      else {
        yield parseScanned(concat([...held, chunk.subarray(at, end)]))
        held = []
      }
      at = end
    }
  }
  if (!scan.isOutside) throw new Refusal('malformed', 'The body ends within a JSON object.')
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
