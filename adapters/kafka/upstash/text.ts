/**
 * Bytes as the text that Upstash's REST API carries: it knows keys and values as strings only.
 *
 * UTF-8 goes as it is, so that others can read it; gzip and MessagePack go as base64 behind a mark. Those can be
 * read by this adapter alone: where other protocols share the topic, write JSON and no gzip.
 *
 * @module
 */
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { fromBase64, toBase64 } from '../rest/base64.ts'

const MARK = 'kedge-base64:'

// A byte order mark is part of the text here.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function toText(bytes: Uint8Array): string {
  try {
    const text = decoder.decode(bytes)
    // Servers decode the stored bytes again, and many drop a byte order mark then.
    if (!text.startsWith(MARK) && !text.startsWith('\ufeff')) return text
  } catch {
    // Not UTF-8.
  }
  return MARK + toBase64(bytes)
}

export function fromText(text: string): Uint8Array {
  const bytes = text.startsWith(MARK) ? fromBase64(text.slice(MARK.length)) : undefined
  return bytes ?? encodeUtf8(text)
}
