/**
 * Ends that never go back: within a leader's epoch, the gateway returns no end below one that it has returned
 * before, or below a record that it has acknowledged.
 *
 * Under a later epoch an end may be lower only when the cluster has lost records (an unclean election): then
 * the gateway returns the lower end, because caches must learn of the loss.
 *
 * @module
 */
import { CODES, KafkaFailure } from './failure.ts'

export interface End {
  /** The topic's id: a topic created anew has its own ends. */
  readonly id: string
  readonly partition: number
  readonly epoch: number
  readonly end: number
}

/** Partitions that are remembered; more are forgotten, the one longest unused first. */
const MAX_FLOORS = 4000

export class MonotonicEndOffset {
  readonly #ends = new Map<string, { readonly epoch: number; readonly end: number }>()

  /** Keeps an end that the gateway returns to a client, or up to which it has acknowledged records. */
  raise({ id, partition, epoch, end }: End): void {
    const key = `${partition} ${id}`
    const known = this.#ends.get(key)
    if (known && (known.epoch > epoch || (known.epoch === epoch && known.end >= end))) return
    this.#ends.delete(key)
    this.#ends.set(key, { epoch, end })
    const [oldest] = this.#ends.keys()
    if (this.#ends.size > MAX_FLOORS && oldest !== undefined) this.#ends.delete(oldest)
  }

  /** `false` for an end below a known one of the same epoch: it is out of date. */
  bears({ id, partition, epoch, end }: End): boolean {
    const known = this.#ends.get(`${partition} ${id}`)
    return known?.epoch !== epoch || known.end <= end
  }

  /** @throws KafkaFailure for an end that is out of date; the next attempt asks again. */
  check(told: End): void {
    if (!this.bears(told)) {
      throw new KafkaFailure('The broker returned an end below an earlier one.', {
        code: CODES.offsetNotAvailable,
      })
    }
    this.raise(told)
  }
}
