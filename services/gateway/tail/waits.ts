/** The waits of a shared tail: until a loop has records, the time is over, or the read is not wanted any more. @module */
import { eitherSignal, onAbort } from '../../../src/runtime/abort.ts'
import type { EitherSignal } from '../../../src/runtime/abort.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import type { Cluster } from '../cluster.ts'
import type { TopicPosition } from '../topic-position.ts'
import type { PartitionReadOptions } from '../partition-reader.ts'
import type { TailLoops } from './loops.ts'
import type { Ended, Waiting } from './waiters.ts'

/** The reason with which a wait is aborted: without one `abort` makes an error with a stack. */
const ENDED = 'the wait has ended'

export class TailWaits {
  readonly #cluster: Cluster
  readonly #loops: TailLoops
  readonly #runtime: Runtime
  /** Aborted when the tail is closed. */
  readonly #closed: AbortSignal
  /** The waits that a signal of the gateway ends. */
  readonly #ends = new WeakMap<AbortSignal, Set<Waiting>>()

  constructor(cluster: Cluster, loops: TailLoops, runtime: Runtime, closed: AbortSignal) {
    this.#cluster = cluster
    this.#loops = loops
    this.#runtime = runtime
    this.#closed = closed
  }

  /** Waits until the loop wakes the read, or its time ends, or the gateway stops, or its request is gone. */
  wait(waiting: Waiting, { signal, stopping, leaving }: PartitionReadOptions): Promise<Ended> {
    // Thousands wait here: each adds the listeners that it has, and no further object.
    leaving?.on('close', waiting.leave)
    if (stopping) this.#endWith(stopping, waiting)
    if (!signal) return waiting.ended
    signal.addEventListener('abort', waiting.end, { once: true })
    return waiting.ended.finally(() => signal.removeEventListener('abort', waiting.end))
  }

  /** After a wait: what ends with `stopping` does not know it any more. */
  forget(waiting: Waiting, { stopping }: PartitionReadOptions): void {
    if (stopping) this.#ends.get(stopping)?.delete(waiting)
  }

  /** Ends the wait with `stopping`: one listener serves all waits. */
  #endWith(stopping: AbortSignal, waiting: Waiting): void {
    if (stopping.aborted) return waiting.end()
    let ends = this.#ends.get(stopping)
    if (!ends) {
      const all = (ends = new Set())
      this.#ends.set(stopping, all)
      stopping.addEventListener('abort', () => all.forEach(({ end }) => end()), { once: true })
    }
    ends.add(waiting)
    return undefined
  }

  /** Waits until a loop has records, or the time is over. */
  async news(
    positions: readonly TopicPosition[],
    options: PartitionReadOptions,
    leftMs: number,
  ): Promise<'waiting' | 'over'> {
    if (leftMs <= 0) return 'over'
    const { signal, stopping } = options
    const ended = eitherSignal(signal, stopping)
    try {
      const told = positions.map(async (position): Promise<'waiting'> => {
        const loop = this.#loops.find(position, options.isolation)
        if (loop) {
          const waiting = loop.news(position.offset, Infinity)
          onAbort(ended.signal, waiting.end)
          await waiting.ended
        } else await this.#unshared(position, options, leftMs, ended)
        return 'waiting'
      })
      const slept = this.#runtime.sleep(leftMs, ended.signal).then(() => 'over' as const)
      return await Promise.race([...told, slept])
    } catch (error) {
      signal?.throwIfAborted()
      if (!ended.signal.aborted) throw error
      return 'waiting'
    } finally {
      ended.done()
      ended.abort(ENDED)
    }
  }

  /** Where the limit allows no further loop, the cluster waits. A loop that has just ended starts again. */
  async #unshared(
    position: TopicPosition,
    { isolation }: PartitionReadOptions,
    waitMs: number,
    ended: EitherSignal,
  ): Promise<void> {
    if (this.#closed.aborted || !this.#loops.full) return
    const off = onAbort(this.#closed, (reason) => ended.abort(reason))
    try {
      await this.#cluster.read([position], { maxBytes: 1, waitMs, isolation, signal: ended.signal })
    } finally {
      off()
    }
  }
}
