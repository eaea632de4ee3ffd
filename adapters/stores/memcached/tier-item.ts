/** A value in Memcached, after a line with its as-of. @module */
import { decodeUtf8, encodeUtf8 } from '../../../src/wire/codec.ts'
import { decodeHead, encodeHead, type ItemHead } from '../shared/item-head.ts'

/** A log's identity is the only part of it that may be long. */
const MAX_HEAD_BYTES = 2048
const LF = 10

export interface TierValue extends ItemHead {
  readonly bytes: Uint8Array
}

export function encodeItem({ bytes, ...head }: TierValue): Uint8Array {
  const line = encodeUtf8(`${encodeHead(head)}\n`)
  const item = new Uint8Array(line.length + bytes.length)
  item.set(line)
  item.set(bytes, line.length)
  return item
}

/** `undefined` for what another program wrote. */
export function decodeItem(item: Uint8Array): TierValue | undefined {
  const end = item.subarray(0, MAX_HEAD_BYTES).indexOf(LF)
  const head = end < 0 ? undefined : decodeHead(decodeUtf8(item.subarray(0, end)))
  return head && { ...head, bytes: item.subarray(end + 1) }
}
