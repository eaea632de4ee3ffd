/** Messages in MessagePack: smaller and faster than JSON, on `@msgpack/msgpack`. @module */
import { decode, encode } from '@msgpack/msgpack'
import type { Codec } from '../../src/wire/codec.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import { check } from '../options.ts'
import { count } from '../option-tests.ts'
import type { Options } from '../../src/api/option-check.ts'

export interface MessagePackOptions {
  /** How deep arrays and maps may be nested, written and read. @default 64 */
  readonly maxDepth?: number
}

const shape: Options = {
  maxDepth: count(1),
}

/**
 * A codec for `createCache({ codec })`. Readers without it understand JSON only, so give it to all of them first.
 *
 * Fields that are `undefined` are left out, as JSON does. What is read is measured before it is decoded: five
 * bytes can announce an array of four thousand million elements.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { messagePack } from 'kedge/adapters/messagepack'
 * import { memory } from 'kedge/testing'
 *
 * const cache = createCache({ kafka: memory(), codec: messagePack() })
 * ```
 */
export function messagePack(options: MessagePackOptions = {}): Codec {
  check(shape, options, 'messagePack')
  const { maxDepth = 64 } = options
  return {
    name: 'messagepack',
    encode: (value) => encode(value, { ignoreUndefined: true, maxDepth }),
    decode(bytes) {
      measure(bytes, maxDepth)
      return decode(bytes)
    },
    // A message is a map: fixmap, map 16 or map 32. JSON begins with ASCII, gzip with 1f.
    detects: ([first = 0]) => (first >= 0x80 && first <= 0x8f) || first === 0xde || first === 0xdf,
  }
}

/**
 * Walks over the bytes without building anything.
 * @throws KedgeError `ERR_CODEC` when more is announced than there are bytes, or it is nested too deep.
 */
function measure(bytes: Uint8Array, maxDepth: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  /** Items still to come, of each container around the current place. */
  const open: number[] = [1]
  let owed = 1
  let at = 0
  while (owed > 0) {
    const { size, items } = item(view, at)
    at += size
    owed += items - 1
    // Every item takes a byte at least.
    if (at + owed > bytes.length) throw new KedgeError('ERR_CODEC', 'the MessagePack message ends too early')
    open.push((open.pop() ?? 0) - 1)
    if (items > 0) open.push(items)
    while (open.at(-1) === 0) open.pop()
    if (open.length > maxDepth + 1)
      throw new KedgeError('ERR_CODEC', 'the MessagePack message is nested too deep')
  }
}

/** The bytes of the item itself, and how many items follow inside of it. */
function item(view: DataView, at: number): { size: number; items: number } {
  if (at >= view.byteLength) throw new KedgeError('ERR_CODEC', 'the MessagePack message ends too early')
  const type = view.getUint8(at)
  if (type < 0x80 || type >= 0xe0) return { size: 1, items: 0 }
  if (type < 0x90) return { size: 1, items: (type & 0x0f) * 2 }
  if (type < 0xa0) return { size: 1, items: type & 0x0f }
  if (type < 0xc0) return { size: 1 + (type & 0x1f), items: 0 }
  const layout = LAYOUTS[type]
  if (!layout) throw new KedgeError('ERR_CODEC', 'the message has a byte that MessagePack never uses')
  const [lengthBytes, fixed, per] = layout
  const length = unsigned(view, at + 1, lengthBytes)
  const size = 1 + lengthBytes + fixed
  return per === 0 ? { size: size + length, items: 0 } : { size, items: length * per }
}

function unsigned(view: DataView, at: number, width: number): number {
  if (at + width > view.byteLength)
    throw new KedgeError('ERR_CODEC', 'the MessagePack message ends too early')
  if (width === 0) return 0
  if (width === 1) return view.getUint8(at)
  return width === 2 ? view.getUint16(at) : view.getUint32(at)
}

/** By type: the width of its length, the bytes besides, and the items for each of its length (0: bytes). */
const LAYOUTS: Readonly<Record<number, readonly [number, number, number]>> = {
  0xc0: [0, 0, 0],
  0xc2: [0, 0, 0],
  0xc3: [0, 0, 0],
  0xc4: [1, 0, 0],
  0xc5: [2, 0, 0],
  0xc6: [4, 0, 0],
  0xc7: [1, 1, 0],
  0xc8: [2, 1, 0],
  0xc9: [4, 1, 0],
  0xca: [0, 4, 0],
  0xcb: [0, 8, 0],
  0xcc: [0, 1, 0],
  0xcd: [0, 2, 0],
  0xce: [0, 4, 0],
  0xcf: [0, 8, 0],
  0xd0: [0, 1, 0],
  0xd1: [0, 2, 0],
  0xd2: [0, 4, 0],
  0xd3: [0, 8, 0],
  0xd4: [0, 2, 0],
  0xd5: [0, 3, 0],
  0xd6: [0, 5, 0],
  0xd7: [0, 9, 0],
  0xd8: [0, 17, 0],
  0xd9: [1, 0, 0],
  0xda: [2, 0, 0],
  0xdb: [4, 0, 0],
  0xdc: [2, 0, 1],
  0xdd: [4, 0, 1],
  0xde: [2, 0, 2],
  0xdf: [4, 0, 2],
}
