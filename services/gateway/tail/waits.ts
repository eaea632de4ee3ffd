/** The waits of a shared tail: until a loop has records, the time is over, or the read is not wanted any more. @module */
import { eitherSignal, onAbort } from '../../../src/runtime/abort.ts'
import type { EitherSignal } from '../../../src/runtime/abort.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import type { Cluster } from '../cluster.ts'
import type { TopicPosition } from '../topic-position.ts'
import type { PartitionReadOptions } from '../partition-reader.ts'
import type { TailLoops } from './loops.ts'
import type { TailLoop } from './loop.ts'

/** The reason with which a wait is aborted: without one `abort` makes an error with a stack. */
const ENDED = 'the wait has ended'

export class TailWaits {
  readonly #cluster: Cluster
  readonly #loops: TailLoops
  readonly #runtime: Runtime
  /** Aborted when the tail is closed. */
  readonly #closed: AbortSignal
  /** Signals that end waits. */
  readonly #heard = new WeakSet<AbortSignal>()

  constructor(cluster: Cluster, loops: TailLoops, runtime: Runtime, closed: AbortSignal) {
    this.#cluster = cluster
    this.#loops = loops
    this.#runtime = runtime
    this.#closed = closed
  }

  /** Ends waits with `stopping` once that is aborted: one listener serves all of them. */
  endWith(stopping: AbortSignal): void {
    if (this.#heard.has(stopping)) return
    this.#heard.add(stopping)
    const end = () => this.#loops.endWaits((waiter) => waiter.stopping === stopping)
    stopping.addEventListener('abort', end, { once: true })
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
      const news = positions.map(async (position): Promise<'waiting'> => {
        const loop = this.#loops.find(position, options.isolation)
        if (loop) {
          await told(loop, position.offset, ended.signal)
        } else await this.#unshared(position, options, leftMs, ended)
        return 'waiting'
      })
      const slept = this.#runtime.sleep(leftMs, ended.signal).then(() => 'over' as const)
      return await Promise.race([...news, slept])
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

/** Resolves when the loop may have records from the offset on, or the signal is aborted. */
const told = (loop: TailLoop, offset: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const waiter = { offset, deadline: Infinity, settle: () => resolve(), refuse: reject }
    if (!loop.join(waiter)) return resolve()
    onAbort(signal, () => {
      loop.leave(waiter)
      resolve()
    })
  })
