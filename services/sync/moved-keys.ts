/**
 * Notices keys of the store that come from two partitions: offsets of two partitions do not compare, so the
 * store may take an older value for the newer one.
 *
 * It knows the partition of a sample of the keys (adaptive sampling, Flajolet 1990): those whose hash ends in
 * so many zeros that at most 16,384 of them fit. A sample by hash recognises a key however long ago it came
 * last; a list of recent keys would miss those whose older records stand at the other end of the topic. When
 * a topic grows, most keys move, and the sample has some of them. It misses a single moved key that it does
 * not hold; up to 16,384 keys it holds all.
 *
 * A comparison with Kafka's default partitioner would prove less: librdkafka's default (CRC32) puts nearly
 * every key in another partition, and always in the same one.
 *
 * @module
 */
import { partitionOf } from '../../src/wire/partitioner.ts'
import type { Counters } from './counters.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { SyncSettings } from './settings.ts'
import type { SourcedWrite } from './compact.ts'

const MOST = 16_384
/** Leaves enough bits of a hash to distinguish keys. 500 million keys reach it. */
const MAX_ZEROS = 15
const HIGH = 2 ** 32

export class MovedKeys {
  readonly #settings: SyncSettings
  readonly #counters: Counters
  readonly #course: Checkpoint
  /** By the hash of the key, of 53 bits. */
  readonly #partitions = new Map<number, number>()
  #zeros = 0
  #epoch = ''
  #said = false

  constructor(settings: SyncSettings, counters: Counters, course: Checkpoint) {
    this.#settings = settings
    this.#counters = counters
    this.#course = course
  }

  /** Forgets the sample: a new epoch reads everything again, perhaps from another topic. */
  forget(): void {
    if (this.#epoch === this.#course.epoch) return
    this.#epoch = this.#course.epoch
    this.#partitions.clear()
    this.#zeros = 0
  }

  /** Takes in a write whose version is its offset. */
  meet({ write: { key }, record }: SourcedWrite): void {
    const id = hashOf(key)
    if (!this.#samples(id)) return
    const { partition } = record
    const known = this.#partitions.get(id)
    if (known === partition) return
    this.#partitions.set(id, partition)
    if (known !== undefined) this.#moved(key, known, record)
    while (this.#partitions.size > MOST) this.#thin()
  }

  #samples(id: number): boolean {
    return (Math.floor(id / HIGH) & ((1 << this.#zeros) - 1)) === 0
  }

  /** Halves the sample; where it cannot be halved any more, the oldest goes. */
  #thin(): void {
    if (this.#zeros === MAX_ZEROS) {
      for (const oldest of this.#partitions.keys()) {
        this.#partitions.delete(oldest)
        return
      }
    }
    this.#zeros++
    for (const id of this.#partitions.keys()) if (!this.#samples(id)) this.#partitions.delete(id)
  }

  #moved(key: string, from: number, record: SourcedWrite['record']): void {
    this.#counters.movedKeys++
    if (this.#said) return
    this.#said = true
    const partitions = this.#course.ends.size
    const usual = record.key === null || partitions === 0 ? undefined : partitionOf(record.key, partitions)
    const { partition: to, offset } = record
    this.#settings.emit({ type: 'key_moved', key, from, to, offset, usual, partitions })
  }
}

/** 53 bits: two multiplicative hashes that are mixed at the end, as by MurmurHash3's finalizer. */
function hashOf(text: string): number {
  let [a, b] = [0xdeadbeef, 0x41c6ce57]
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    a = Math.imul(a ^ unit, 0x9e3779b1)
    b = Math.imul(b ^ unit, 0x5f356495)
  }
  a = mixed(a) ^ mixed(b ^ (a >>> 13))
  b = mixed(b) ^ mixed(a ^ (b >>> 13))
  return (b & 0x1fffff) * HIGH + (a >>> 0)
}

function mixed(hash: number): number {
  const first = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35)
  return second ^ (second >>> 16)
}
