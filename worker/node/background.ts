/** Work that goes on after its request was answered, and is waited for when the server stops. @module */
import { sleep } from '../../src/ports/runtime.ts'
import { settledWithin } from '../../src/runtime/deadline.ts'

/** What an app is given as its execution context. */
export interface BackgroundContext {
  waitUntil(promise: Promise<unknown>): void
  passThroughOnException(): void
  readonly props: unknown
  /** Aborted when the server stops: an answer that has no end of its own is to end. */
  readonly stopping: AbortSignal
}

export class Background {
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  /** The same for all requests: what it keeps alive belongs to the process. */
  readonly context: BackgroundContext = {
    waitUntil: (promise) => {
      const settled: Promise<void> = Promise.resolve(promise)
        .then(
          () => undefined,
          () => undefined,
        )
        .then(() => void this.#running.delete(settled))
      this.#running.add(settled)
    },
    // There is no origin behind this server that could answer instead.
    passThroughOnException: () => undefined,
    props: {},
    stopping: this.#stop.signal,
  }

  /** Has answers end that have no end of their own. */
  stop(): void {
    this.#stop.abort('the server stops')
  }

  /** Resolves when all of it has ended, at the latest after `ms`. */
  async settle(ms: number): Promise<void> {
    const until = performance.now() + ms
    // Work may begin more work.
    for (let inTime = true; inTime && this.#running.size > 0;) {
      inTime = await settledWithin({ sleep }, Promise.all(this.#running), until - performance.now())
    }
  }
}
