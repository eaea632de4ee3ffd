/** Bytes as clients that run on Node take them. @module */
import type { RedisArgument } from './connection.ts'

interface BufferOfNode {
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array
}

/**
 * Both clients ask `instanceof Buffer`, and take any other array for something to be made a string. Where they run
 * there is a `Buffer`; the bytes are not copied.
 */
export function nodeBytes(arg: RedisArgument): RedisArgument {
  if (typeof arg === 'string') return arg
  const { Buffer } = globalThis as { readonly Buffer?: BufferOfNode }
  return Buffer ? Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength) : arg
}

/** What replies are asked to be made of; absent where there is no Node. */
export const bufferType = (): unknown => (globalThis as { readonly Buffer?: unknown }).Buffer
