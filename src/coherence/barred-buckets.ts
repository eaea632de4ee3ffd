/**
 * Until when loads are barred, by hash buckets of keys: for more announced writes than are remembered one by one.
 *
 * Every writer that may append to the log may announce writes of any keys. Those beyond the bounds bar the keys of their buckets,
 * not the whole namespace: of 10,000 such keys nearly half of all others are met, of 1000 six in a hundred. Each namespace has a
 * table of its own, so that the writes of one bar no key of another.
 *
 * @module
 */
import { hashOf } from '../store/ghost.ts'
import { MAX_INTENT_MS } from '../wire/messages.ts'

/** 64 KiB, once there is one key too many, and until ten minutes after all of them are over. */
const BUCKETS = 16_384

export class BarredBuckets {
  /** Whole seconds, rounded up. Made for the first key. */
  #until: Uint32Array | undefined
  /** No load that begins now or later is barred. */
  #last = -Infinity
  /** All loads that began before it are barred: the table of that time is gone. */
  #gone = -Infinity

  /** Bars loads of the key that begin before `until`. */
  bar(key: string, until: number): void {
    this.#last = Math.max(this.#last, until)
    this.#until ??= new Uint32Array(BUCKETS)
    const at = hashOf(key) % BUCKETS
    this.#until[at] = Math.max(this.#until[at]!, Math.ceil(until / 1000))
  }

  /** Whether a load of the key that began at `began` is barred. */
  blocks(key: string, began: number): boolean {
    if (began >= this.#last) {
      // Not at once: loads that began earlier still ask which of them are barred.
      if (this.#until && began >= this.#last + MAX_INTENT_MS) {
        this.#gone = this.#last
        this.#until = undefined
      }
      return false
    }
    if (began < this.#gone || this.#until === undefined) return true
    return began < this.#until[hashOf(key) % BUCKETS]! * 1000
  }
}
