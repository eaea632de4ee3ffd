/**
 * Slots of Redis Cluster: which node a key lives on (redis cluster specification, "Key distribution model").
 *
 * @module
 */
import { encodeUtf8 } from '../../../src/wire/codec.ts'

const SLOTS = 16_384

/** CRC-16/XMODEM, by which Redis spreads keys: polynomial 0x1021, nothing reflected. */
const TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ byte]!
  return crc
}

/** The part of a key that Redis hashes: the text between its first `{` and the next `}`, or all of it. */
function hashTag(key: string): string | undefined {
  const open = key.indexOf('{')
  if (open < 0) return undefined
  const close = key.indexOf('}', open + 1)
  return close > open + 1 ? key.slice(open + 1, close) : undefined
}

export const slotOf = (key: string): number => crc16(encodeUtf8(hashTag(key) ?? key)) % SLOTS

/**
 * A text that is its own hash tag and lands in the same slot as the key. Mostly the key's own tag, or the key; for a
 * key that would end the braces around it (`a}b`), the smallest number that lands there.
 */
export function tagOf(key: string): string {
  const tag = hashTag(key)
  if (tag !== undefined) return tag
  return key === '' || key.includes('}') ? numberFor(slotOf(key)) : key
}

/** For each slot the smallest number whose digits land there. Filled when first needed: 160,000 hashes, once. */
let numbers: string[] | undefined

function numberFor(slot: number): string {
  if (numbers === undefined) {
    numbers = Array.from<string>({ length: SLOTS })
    let found = 0
    for (let number = 0; found < SLOTS; number++) {
      const text = String(number)
      const at = slotOf(text)
      if (numbers[at] !== undefined) continue
      numbers[at] = text
      found++
    }
  }
  return numbers[slot]!
}

/**
 * `count` hash tags spread evenly over the slots: one in each of `count` equal ranges, so that every node which owns
 * more than two such ranges' length of neighbouring slots has one.
 */
export function spreadTags(count: number): readonly string[] {
  const tags = Array.from<string>({ length: count })
  let found = 0
  for (let number = 0; found < count; number++) {
    const text = String(number)
    const range = Math.floor((slotOf(text) * count) / SLOTS)
    if (tags[range] !== undefined) continue
    tags[range] = text
    found++
  }
  return tags
}
