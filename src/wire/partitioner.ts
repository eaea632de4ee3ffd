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
  let h = SEED ^ bytes.length
  const whole = bytes.length & ~3
  for (let i = 0; i < whole; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    k = Math.imul(k, M)
    k ^= k >>> 24
    k = Math.imul(k, M)
    h = Math.imul(h, M) ^ k
  }
  const rest = bytes.length - whole
  if (rest > 2) h ^= bytes[whole + 2]! << 16
  if (rest > 1) h ^= bytes[whole + 1]! << 8
  if (rest > 0) h = Math.imul(h ^ bytes[whole]!, M)
  h ^= h >>> 13
  h = Math.imul(h, M)
  return h ^ (h >>> 15)
}

/** The partition of a key among `count`, as Kafka's default partitioner chooses it. */
export const partitionOf = (key: Uint8Array, count: number): number => (murmur2(key) & 0x7fffffff) % count
