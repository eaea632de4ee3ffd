/**
 * Ends that never go back: what was told to somebody, or acknowledged, lies below every end of the same leader's epoch.
 *
 * Under a later epoch an end may be lower only when the cluster has lost records (an unclean election): then it is told,
 * because caches must learn of it.
 *
 * @module
 */
import { CODES, KafkaFailure } from './failure.ts'

export interface End {
  /** Of the topic: another log begins anew. */
  readonly id: string
  readonly partition: number
  readonly epoch: number
  readonly end: number
}

/** Partitions that are remembered; more are forgotten, the one longest unused first. */
const MAX_FLOORS = 4000

export class Floor {
  readonly #ends = new Map<string, { readonly epoch: number; readonly end: number }>()

  /** Somebody was told that the log reaches up to there. */
  raise({ id, partition, epoch, end }: End): void {
    const key = `${partition} ${id}`
    const known = this.#ends.get(key)
    if (known && (known.epoch > epoch || (known.epoch === epoch && known.end >= end))) return
    this.#ends.delete(key)
    this.#ends.set(key, { epoch, end })
    const [oldest] = this.#ends.keys()
    if (this.#ends.size > MAX_FLOORS && oldest !== undefined) this.#ends.delete(oldest)
  }

  /** Whether it can be: `false` for an end below one of the same epoch, which is none of now. */
  bears({ id, partition, epoch, end }: End): boolean {
    const known = this.#ends.get(`${partition} ${id}`)
    return known?.epoch !== epoch || known.end <= end
  }

  /** @throws KafkaFailure for an end that cannot be; the next attempt asks again. */
  check(told: End): void {
    if (!this.bears(told)) {
      throw new KafkaFailure('The broker tells an end that is past.', { code: CODES.offsetNotAvailable })
    }
    this.raise(told)
  }
}
