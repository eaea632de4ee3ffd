/**
 * A TTL that may have been meant in seconds: many caches count them, and here `ttl: 300` is a third of one.
 *
 * @module
 */
import type { Emit } from './events.ts'

/** Shorter ones are noticed. A text names its unit, and 0 holds nothing: both are meant. */
const NOTABLE_MS = 1000

export class ShortTtl {
  readonly #namespace: string
  readonly #emit: Emit
  #isSaid = false

  constructor(namespace: string, emit: Emit) {
    this.#namespace = namespace
    this.#emit = emit
  }

  /** Looks at a TTL as it was given, and says once that it is short. */
  notice(ttl: unknown): void {
    if (this.#isSaid || typeof ttl !== 'number' || !(ttl > 0 && ttl < NOTABLE_MS)) return
    this.#isSaid = true
    const message = `ttl is ${ttl} milliseconds: write '${ttl}s' if seconds were meant, and '${ttl}ms' if not`
    this.#emit?.({ type: 'short_ttl', namespace: this.#namespace, ttlMs: ttl, message })
  }
}
