/**
 * The connections to one origin: a bounded number of requests at once, the others in a bounded queue.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import { Connection } from './connection.ts'
import type { ConnectionOptions } from './connection.ts'

export interface OriginPoolOptions extends ConnectionOptions {
  readonly connections: number
  readonly maxQueue: number
  readonly queueMs: number
}

interface Waiter {
  readonly begin: () => void
  readonly refuse: (error: unknown) => void
}

export class OriginPool {
  readonly #origin: string
  readonly #options: OriginPoolOptions
  /** The connection used last is used next, so that the others become idle and are closed. */
  readonly #idle: Connection[] = []
  readonly #running = new Set<Connection>()
  /** In the order in which they came; a set can lose one from its middle. */
  readonly #waiting = new Set<Waiter>()
  #free: number

  constructor(origin: string, options: OriginPoolOptions) {
    this.#origin = origin
    this.#options = options
    this.#free = options.connections
  }

  /** Whether no request is under way and none waits. */
  get isQuiet(): boolean {
    return this.#free === this.#options.connections
  }

  /**
   * A connection, for one request: to be given back.
   * @throws KedgeError `ERR_OVERLOADED`, `ERR_TIMEOUT`; `signal.reason`.
   */
  async take(signal: AbortSignal | undefined): Promise<Connection> {
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    let found = this.#idle.pop()
    while (found?.isStale) {
      void found.destroy()
      found = this.#idle.pop()
    }
    const connection = found ?? new Connection(this.#origin, this.#options)
    this.#running.add(connection)
    if (found) await connection.settled()
    return connection
  }

  give(connection: Connection): void {
    this.#running.delete(connection)
    connection.rest()
    this.#idle.push(connection)
    const [next] = this.#waiting
    // The next waiting request takes this slot.
    if (next) next.begin()
    else this.#free++
  }

  /** Refuses the waiting requests. */
  refuse(error: KedgeError): void {
    for (const waiter of this.#waiting) waiter.refuse(error)
  }

  /** Cuts everything. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#idle, ...this.#running].map((connection) => connection.destroy()))
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    const { maxQueue, queueMs } = this.#options
    if (this.#waiting.size >= maxQueue) {
      const message = `\`maxQueue\` (${maxQueue}) requests wait for ${this.#origin} already`
      throw new KedgeError('ERR_OVERLOADED', message, { retryable: true })
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        this.#waiting.delete(waiter)
      }
      const waiter: Waiter = {
        begin: () => {
          leave()
          resolve()
        },
        refuse: (error) => {
          leave()
          reject(error)
        },
      }
      const onAbort = () => waiter.refuse(signal?.reason)
      const late = `no connection to ${this.#origin} was free within ${queueMs} ms`
      const timer = setTimeout(
        () => waiter.refuse(new KedgeError('ERR_TIMEOUT', late, { retryable: true })),
        queueMs,
      )
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(waiter)
    })
  }
}
