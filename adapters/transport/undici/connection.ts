/** One connection to an origin, and how long it may be idle before it counts as stale. @module */
import { Client } from 'undici'
import type { Dispatcher } from 'undici'
import type { Runtime } from '../../../src/ports/runtime.ts'

/** After a longer idle time the other side may have closed the connection, and undici not read it yet. */
const SETTLED_MS = 100
/** Subtracted from what a server announces: its answer was on the way for a while. */
const MARGIN_MS = 1000

export interface ConnectionOptions {
  readonly connectMs: number
  readonly headersMs: number
  readonly bodyMs: number
  readonly keepAliveMs: number
  readonly tls: object
  readonly runtime: Pick<Runtime, 'now' | 'monotonic'>
}

/**
 * A client of undici, with one request at a time. It connects when it has something to send, and again where the
 * connection was closed meanwhile.
 *
 * undici closes an idle connection by a timer. That does not help where the process was frozen (Lambda): no
 * timer ran, and a NAT or a balancer that has dropped the connection sends nothing. So the sender checks
 * {@link isStale} first.
 */
export class Connection {
  readonly #client: Client
  readonly #options: ConnectionOptions
  #idleMs: number
  #usedAt: { readonly wall: number; readonly monotonic: number }

  constructor(origin: string, options: ConnectionOptions) {
    const { connectMs, headersMs, bodyMs, keepAliveMs, tls } = options
    this.#options = options
    this.#idleMs = keepAliveMs
    this.#usedAt = this.#now()
    this.#client = new Client(origin, {
      pipelining: 1,
      // HTTP/2 sends requests again after a GOAWAY.
      allowH2: false,
      connect: { ...tls, timeout: connectMs },
      headersTimeout: headersMs,
      bodyTimeout: bodyMs,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      keepAliveTimeoutThreshold: MARGIN_MS,
    })
  }

  /**
   * Whether it was idle too long by the wall clock or the monotonic one: a freeze may have stopped either.
   */
  get isStale(): boolean {
    return this.#idleSince() > this.#idleMs
  }

  /**
   * Resolves when Node has read whether the other side has closed the connection: undici then connects anew,
   * and no request is lost. (Before it writes, undici waits for one check phase of the loop; between that
   * phase and this one Node delivers all pending events.)
   */
  async settled(): Promise<void> {
    if (this.#idleSince() > SETTLED_MS) await new Promise((resolve) => setImmediate(resolve))
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(options, handler)
  }

  /** Its server has said for how long it keeps a connection: `timeout=5`. */
  heard(keepAlive: string): void {
    const seconds = /\btimeout=(\d{1,9})/i.exec(keepAlive)?.[1]
    if (seconds === undefined) return
    this.#idleMs = Math.min(this.#options.keepAliveMs, Math.max(0, Number(seconds) * 1000 - MARGIN_MS))
  }

  /** It is idle from now on. */
  rest(): void {
    this.#usedAt = this.#now()
  }

  /** Cuts it, and fails what is under way. */
  async destroy(): Promise<void> {
    await this.#client.destroy()
  }

  #idleSince(): number {
    const { wall, monotonic } = this.#now()
    return Math.max(wall - this.#usedAt.wall, monotonic - this.#usedAt.monotonic)
  }

  #now(): { wall: number; monotonic: number } {
    const { runtime } = this.#options
    return { wall: runtime.now(), monotonic: runtime.monotonic() }
  }
}
