/**
 * Compression without a thread of its own: the platform's answers at an arbitrary moment. Only what the codec
 * uses: `new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip')).getReader()`.
 *
 * @module
 */
import { gunzipSync, gzipSync } from 'node:zlib'

export interface Transform {
  readonly apply: (bytes: Uint8Array) => Uint8Array
}

/** What a stream hands out at once. */
const CHUNK = 16_384
const MAX_INFLATED = 33_554_432
const QUICK = { level: 1, memLevel: 1, windowBits: 9 }

export const gzipped: Transform = { apply: (bytes) => gzipSync(bytes, QUICK) }
export const inflated: Transform = {
  apply: (bytes) => gunzipSync(bytes, { maxOutputLength: MAX_INFLATED }),
}

/** What stands for a `Blob` of one part. @throws TypeError where it would be one of several, or is asked for anything else */
export function blobOf(parts: readonly Uint8Array[]): object {
  if (parts.length !== 1) throw new TypeError(`a simulated Blob has one part, not ${parts.length}`)
  const stream = () => ({
    pipeThrough: ({ apply }: Transform) => ({ getReader: () => readerOf(parts[0]!, apply) }),
  })
  return { stream }
}

function readerOf(bytes: Uint8Array, apply: Transform['apply']) {
  let left: Uint8Array | undefined
  return {
    read: async () => {
      left ??= apply(bytes)
      if (left.length === 0) return { done: true, value: undefined }
      const value = left.subarray(0, CHUNK)
      left = left.subarray(CHUNK)
      return { done: false, value }
    },
    cancel: async () => undefined,
  }
}
