/** The name of a stream in the store. @module */
import { encodeUtf8 } from '../../src/wire/codec.ts'

const MAX_LENGTH = 64

/** A name made of topic and template: readable, the same at every start, and short enough for any store. */
export function streamName(topic: string, template: string): string {
  const mark = fnv1a(`${topic} ${template}`).toString(16).padStart(8, '0')
  return `${topic.slice(0, MAX_LENGTH - mark.length - 1)}.${mark}`
}

/** FNV-1a of 32 bits (draft-eastlake-fnv). */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of encodeUtf8(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
