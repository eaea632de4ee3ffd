/**
 * JSON bodies of strangers: bounded in bytes while they stream, and in depth before they are parsed. A number that a
 * double does not hold is refused, since it would come out as another one.
 *
 * @module
 */
import { inexactNumber } from './exact-numbers.ts'

/** Arrays and objects within one another, at most. Deeper ones overflow the stack of what walks them later. */
export const MAX_JSON_DEPTH = 100

/** Characters of a number quoted in an error. */
const MAX_QUOTED = 40

/** Why a body could not be read. */
export type BodyFault =
  | 'empty'
  | 'too large'
  | 'not utf-8'
  | 'not json'
  | 'too deep'
  | 'inexact'
  | 'broken off'

export class BodyError extends Error {
  override readonly name = 'BodyError'
  readonly fault: BodyFault
  /** For `'inexact'`: the number, as it was written; a long one is cut. */
  readonly number: string | undefined

  constructor(fault: BodyFault, options: ErrorOptions & { readonly number?: string } = {}) {
    super(`the body is ${fault}`, options)
    this.fault = fault
    this.number = options.number
  }
}

/**
 * The JSON in the body of a request or response.
 * @param count called with the length of each piece as it arrives; what it throws ends the reading
 * @throws BodyError
 */
export async function readJson(
  message: Request | Response,
  maxBytes: number,
  count: (bytes: number) => void = () => {},
): Promise<unknown> {
  const text = decode(await readBytes(message, maxBytes, count))
  if (text.trim() === '') throw new BodyError('empty')
  if (isTooDeep(text)) throw new BodyError('too deep')
  const json = parse(text)
  const number = inexactNumber(text)
  if (number !== undefined) throw new BodyError('inexact', { number: number.slice(0, MAX_QUOTED) })
  return json
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new BodyError('not json', { cause })
  }
}

/** Whether a media type is JSON: `application/json`, or any with the suffix `+json` (RFC 6839). */
export function isJson(contentType: string | null | undefined): boolean {
  return /^application\/(?:[\w.!#$&^+-]+\+)?json[\t ]*(?:;|$)/i.test(contentType ?? '')
}

async function readBytes(
  message: Request | Response,
  maxBytes: number,
  count: (bytes: number) => void,
): Promise<Uint8Array> {
  const { body } = message
  if (body === null) throw new BodyError('empty')
  if (Number(message.headers.get('content-length') ?? 0) > maxBytes) {
    await body.cancel().catch(() => undefined)
    throw new BodyError('too large')
  }
  // The announced length may be missing or wrong: what arrives is what counts.
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new BodyError('broken off', { cause })
    })
    if (done) return joined(chunks, length)
    length += value.length
    if (length > maxBytes) {
      await reader.cancel().catch(() => undefined)
      throw new BodyError('too large')
    }
    try {
      count(value.length)
    } catch (error) {
      await reader.cancel().catch(() => undefined)
      throw error
    }
    chunks.push(value)
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new BodyError('not utf-8', { cause })
  }
}

/** One pass over the text, because a pattern that looks for the end of each string can be made to take long. */
function isTooDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (inString) {
      if (char === '\\') at += 1
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '[' || char === '{') depth += 1
    else if (char === ']' || char === '}') depth -= 1
    if (depth > MAX_JSON_DEPTH) return true
  }
  return false
}
