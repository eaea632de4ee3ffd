/**
 * The entries that Next.js is making: it names their key, and not which of the reads that missed it answers.
 *
 * @module
 */
import { sleep } from '../../../src/ports/runtime.ts'
import { settledWithin } from '../../../src/runtime/deadline.ts'

/** Keys that Next.js may make at once; the handler does not hold entries beyond them. */
const MAX_OPEN = 1000
/** Keys in the cache that one of them may be for. */
const MAX_READS = 16
/** How long a read waits for an entry that is being stored, in milliseconds. */
const WAIT_FOR_SET_MS = 10_000

export class PendingSets {
  /** The reads that missed: by Next.js' key, the keys in the cache. */
  readonly #reads = new Map<string, Set<string>>()
  readonly #running = new Map<string, Promise<void>>()

  /** A read has missed `key`: Next.js may make an entry for it. */
  expect(cacheKey: string, key: string): void {
    const keys = this.#reads.get(cacheKey) ?? new Set()
    this.#reads.delete(cacheKey)
    this.#reads.set(cacheKey, keys.size < MAX_READS ? keys.add(key) : new Set([key]))
    if (this.#reads.size > MAX_OPEN) this.#reads.delete(this.#reads.keys().next().value!)
  }

  /** Takes out the keys that an entry may be for. */
  expected(cacheKey: string): readonly string[] {
    const keys = this.#reads.get(cacheKey)
    this.#reads.delete(cacheKey)
    return [...(keys ?? [])]
  }

  /** Lets reads of the key wait for `work`, which does not reject. */
  async run(cacheKey: string, work: Promise<void>): Promise<void> {
    if (this.#running.size < MAX_OPEN) this.#running.set(cacheKey, work)
    await work
    if (this.#running.get(cacheKey) === work) this.#running.delete(cacheKey)
  }

  /** Resolves when no store under the key is under way, or it took too long. */
  async ended(cacheKey: string): Promise<void> {
    const work = this.#running.get(cacheKey)
    if (work !== undefined) await settledWithin({ sleep }, work, WAIT_FOR_SET_MS)
  }
}
