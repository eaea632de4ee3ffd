import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { murmur2, partitionOf } from '../../../src/wire/partitioner.ts'

describe('the hash of keys', () => {
  // The vectors of Kafka's own UtilsTest.testMurmur2.
  it.each([
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ])('of %j is the one that Kafka computes', (text, hash) => {
    expect(murmur2(encodeUtf8(text))).toBe(hash)
  })

  it('reads a view of a larger buffer, and nothing beside it', () => {
    const around = encodeUtf8('xxfoobarxx')

    expect(murmur2(around.subarray(2, 8))).toBe(-790_332_482)
  })

  it('takes bytes above 127 as unsigned, whatever is left over at the end', () => {
    // Of Java's Utils.murmur2, which masks each byte with 0xff.
    const hashes = [1, 2, 3, 4, 5].map((length) => murmur2(new Uint8Array(length).fill(0xff)))

    expect(new Set(hashes).size).toBe(5)
    for (const hash of hashes) expect(hash).toBe(hash | 0)
  })
})

describe('the partition of a key', () => {
  it('is the positive hash modulo the count, as of the default partitioner', () => {
    // 'foobar' hashes to a negative number: Java's toPositive drops the sign bit, it does not negate.
    expect(partitionOf(encodeUtf8('foobar'), 7)).toBe((-790_332_482 & 0x7fffffff) % 7)
    expect(partitionOf(encodeUtf8('foobar'), 1)).toBe(0)
  })

  it('exists, for any key and any count', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 1000 }), (key, count) => {
        const partition = partitionOf(key, count)
        expect(partition).toBeGreaterThanOrEqual(0)
        expect(partition).toBeLessThan(count)
        expect(Number.isInteger(partition)).toBe(true)
      }),
    )
  })
})
