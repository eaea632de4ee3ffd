/** How many wrong credentials an address may show: a bucket of tries that fills up again. @module */
import QuickLRU from 'quick-lru'
import type { Runtime } from '../../src/ports/runtime.ts'
import { networkOf } from './remote.ts'

/** Tries that an address has at once: a person mistypes a password some times. */
const BURST = 10
/** Then one in this time. */
const REFILL_MS = 6000
/** Addresses that are remembered: those that tried least recently are forgotten, and begin anew. */
const MAX_ADDRESSES = 10_000

export class WrongCredentials {
  readonly #runtime: Runtime
  /** When the bucket of an address will be full again. */
  readonly #fullAt = new QuickLRU<string, number>({ maxSize: MAX_ADDRESSES })

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Seconds until the address may try again; 0 where it may now. */
  waitOf(address: string): number {
    const missing = (this.#fullAt.get(networkOf(address)) ?? 0) - this.#runtime.monotonic()
    return Math.max(0, Math.ceil((missing - (BURST - 1) * REFILL_MS) / 1000))
  }

  count(address: string): void {
    const network = networkOf(address)
    const now = this.#runtime.monotonic()
    const fullAt = Math.max(now, this.#fullAt.get(network) ?? 0) + REFILL_MS
    this.#fullAt.set(network, Math.min(fullAt, now + BURST * REFILL_MS))
  }
}
