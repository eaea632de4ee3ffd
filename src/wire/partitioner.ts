/**
 * Kafka's own hash of keys, so that a key lands in the partition where a Java producer would put it.
 *
 * Source: `org.apache.kafka.common.utils.Utils.murmur2`; the seed and the mixing constants are part of the
 * protocol in all but name (KIP-480 keeps them for keyed records).
 *
 * @module
 */

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** The hash as a signed 32-bit integer, as Java has it. */
export function murmur2(bytes: Uint8Array): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const whole = bytes.length & ~3
  let h = SEED ^ bytes.length
  for (let at = 0; at < whole; at += 4) {
    let k = Math.imul(words.getInt32(at, true), M)
    k ^= k >>> 24
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  if (whole < bytes.length) {
    for (let at = whole; at < bytes.length; at++) h ^= bytes[at]! << (8 * (at - whole))
    h = Math.imul(h, M)
  }
  h ^= h >>> 13
  h = Math.imul(h, M)
  return h ^ (h >>> 15)
}

/** The partition of a key among `count`, as Kafka's default partitioner chooses it. */
export const partitionOf = (key: Uint8Array, count: number): number => (murmur2(key) & 0x7fffffff) % count
