/**
 * The consumer instances that are idle, and how many are in use.
 *
 * A read takes an instance out and gives it back; the next read seeks first where its position is not known
 * any more (decision 93). An instance that is not given back (an error, a request that the platform killed half-way)
 * is never used again. No read waits for another: in Workers one request must not await a promise of another.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { Position, ReadOptions } from '../../../src/ports/kafka-log.ts'
import { hasPositions } from './instance.ts'
import type { Instance, Purpose } from './instance.ts'

export class InstancePool {
  readonly #maxInstances: number
  readonly #idleMs: number
  readonly #leaseMs: number
  #idle: Instance[] = []
  /** When the reads under way must have ended. A killed read never ends its own lease. */
  readonly #leases = new Set<{ readonly until: number }>()
  #closed = false

  constructor(limits: { maxInstances: number; idleMs: number; leaseMs: number }) {
    this.#maxInstances = limits.maxInstances
    this.#idleMs = limits.idleMs
    this.#leaseMs = limits.leaseMs
  }

  /**
   * Counts a read that may wait for `waitMs`, until the returned function is called.
   * @throws KedgeError `ERR_OVERLOADED` when `maxInstances` reads are under way, `ERR_CLOSED`
   */
  enter(waitMs: number): () => void {
    if (this.#closed) throw new KedgeError('ERR_CLOSED', 'the log is closed')
    const now = Date.now()
    for (const lease of this.#leases) if (lease.until <= now) this.#leases.delete(lease)
    if (this.#leases.size >= this.#maxInstances) {
      throw new KedgeError(
        'ERR_OVERLOADED',
        `more than \`maxInstances\` (${this.#maxInstances}) reads at once: raise it`,
        {
          retryable: true,
        },
      )
    }
    const lease = { until: now + this.#leaseMs + waitMs }
    this.#leases.add(lease)
    return () => void this.#leases.delete(lease)
  }

  /** Takes the idle instance at exactly these positions. */
  take(
    topic: string,
    positions: readonly Position[],
    isolation: ReadOptions['isolation'],
  ): Instance | undefined {
    const at = this.#idle.findIndex(
      (instance) =>
        instance.topic === topic && instance.isolation === isolation && stands(instance, positions),
    )
    return at === -1 ? undefined : this.#idle.splice(at, 1)[0]
  }

  /** Takes an idle instance of the same partitions, at any positions. */
  takeElsewhere(purpose: Purpose): Instance | undefined {
    const now = Date.now()
    const at = this.#idle.findIndex((instance) => instance.usableAt <= now && covers(instance, purpose))
    return at === -1 ? undefined : this.#idle.splice(at, 1)[0]
  }

  /** Takes the instance back. Returns the instances that the caller must remove. */
  give(instance: Instance): Instance[] {
    if (this.#closed) return [instance]
    // An idle instance with a known position is worth more than one that must seek first.
    if (!hasPositions(instance) && this.#idle.some((other) => covers(other, instance) && hasPositions(other)))
      return [instance]
    // An idle instance elsewhere in the same partitions is behind, or of a deleted topic of this name.
    const [rivals, others] = partition(this.#idle, (other) => covers(other, instance))
    this.#idle = [...others, instance]
    const surplus = Math.max(0, this.#idle.length - this.#maxInstances)
    return [...rivals, ...this.#idle.splice(0, surplus)]
  }

  /** Takes out the instances unused for `idleMs`. There is no timer: each call to the log sweeps. */
  sweep(): Instance[] {
    const limit = Date.now() - this.#idleMs
    const [old, young] = partition(this.#idle, ({ usedAt }) => usedAt <= limit)
    this.#idle = young
    return old
  }

  /** All that are idle. None are taken back from now on. */
  close(): Instance[] {
    this.#closed = true
    return this.#idle.splice(0)
  }
}

const stands = (instance: Instance, positions: readonly Position[]): boolean =>
  instance.positions.length === positions.length &&
  positions.every((wanted) =>
    instance.positions.some(
      ({ partition: number, offset }) => number === wanted.partition && offset === wanted.offset,
    ),
  )

const covers = (one: Purpose, other: Purpose): boolean =>
  one.topic === other.topic &&
  one.isolation === other.isolation &&
  one.positions.length === other.positions.length &&
  one.positions.every(({ partition: number }) => other.positions.some((place) => place.partition === number))

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}
