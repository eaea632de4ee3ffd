/** The lines to all origins, until they are closed. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import { OriginPool } from './origin-pool.ts'
import type { OriginPoolOptions } from './origin-pool.ts'

/** Adapters have one or two. Beyond this number, lines without a request are dropped. */
const MAX_ORIGINS = 100

export class Agent {
  readonly #options: OriginPoolOptions
  readonly #lines = new Map<string, OriginPool>()
  /** Responses that are not over. */
  #open = 0
  #closed = false
  #quiet: () => void = () => {}

  constructor(options: OriginPoolOptions) {
    this.#options = options
  }

  /** @throws KedgeError `ERR_CLOSED`, `ERR_OVERLOADED` */
  to(origin: string): OriginPool {
    if (this.#closed) throw closed()
    let line = this.#lines.get(origin)
    if (line === undefined) {
      if (this.#lines.size >= MAX_ORIGINS) this.#forget()
      line = new OriginPool(origin, this.#options)
      this.#lines.set(origin, line)
    }
    return line
  }

  /** A request has a connection. */
  begin(): void {
    this.#open++
  }

  /** Its connection was given back. */
  end(): void {
    if (--this.#open === 0) this.#quiet()
  }

  /** Refuses waiting and new requests; those under way have `graceMs` to end. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    for (const line of this.#lines.values()) line.refuse(closed())
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs)
        this.#quiet = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    await Promise.all([...this.#lines.values()].map((line) => line.destroy()))
  }

  #forget(): void {
    for (const [origin, line] of this.#lines) {
      if (!line.isQuiet) continue
      this.#lines.delete(origin)
      void line.destroy()
      return
    }
    throw new KedgeError(
      'ERR_OVERLOADED',
      `requests to ${MAX_ORIGINS} origins are under way, the most that the transport allows`,
      {
        retryable: true,
      },
    )
  }
}

const closed = () => new KedgeError('ERR_CLOSED', 'the transport was closed')
