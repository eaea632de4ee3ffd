/**
 * Until when loads are barred, by hash buckets of keys: for more announced writes than are remembered one by one.
 *
 * Every writer that may append to the log may announce writes of any keys. Those beyond the bounds bar the keys of their buckets,
 * not the whole namespace: of 10,000 such keys about a quarter of all others are met, of 1000 three in a hundred.
 *
 * @module
 */
import { hashOf } from '../store/ghost.ts'

/** 256 KiB, once there is one key too many. */
const BUCKETS = 32_768

export class BarredBuckets {
  /** Made for the first key. */
  #until: Float64Array | undefined

  /** Bars loads of the key that begin before `until`. */
  bar(key: string, until: number): void {
    this.#until ??= new Float64Array(BUCKETS).fill(-Infinity)
    const at = hashOf(key) % BUCKETS
    this.#until[at] = Math.max(this.#until[at]!, until)
  }

  /** Whether a load of the key that began at `began` is barred. */
  blocks(key: string, began: number): boolean {
    return this.#until !== undefined && began < this.#until[hashOf(key) % BUCKETS]!
  }
}
