/**
 * Values that come after their read, from a framework that loads by itself: it asks, is told that there is nothing,
 * loads, and brings what it has loaded.
 *
 * The read begins a load of the cache's own, which waits for that value. So its as-of is of before the framework began
 * to load, and an eviction that comes while it loads keeps the value from being held.
 *
 * @module
 */
import type { Loader, LoadOptions, Namespace } from '../src/types.ts'

/** How long a value is waited for. Each that is waited for takes one of the cache's places for loads. */
const PATIENCE = '10s'
/** Values waited for at once, fewer than there are places. What is read beyond is not held. */
const MAX_OPEN = 100

/** Takes the value that is waited for; `undefined` where there is none. */
type Give<T> = (value: T | undefined) => Promise<void>

export class LateFills<T> {
  readonly #space: Namespace<T>
  /** By key; `undefined` until the cache has asked for the value. */
  readonly #open = new Map<string, Give<T> | undefined>()

  constructor(space: Namespace<T>) {
    this.#space = space
  }

  /** The value that is held, a stale one too where `options.swr` says so; else `undefined`, and it is waited for. */
  read(key: string, options: LoadOptions<T> = {}): Promise<T | undefined> {
    // Whoever reads beside somebody who is loading loads too: the other one may fail, and nobody would say so.
    if (this.#open.has(key) || this.#open.size >= MAX_OPEN) return this.#space.get(key)
    this.#open.set(key, undefined)
    let miss!: (stale: T | undefined) => void
    const missed = new Promise<T | undefined>((resolve) => (miss = resolve))
    const asked: Loader<T> = ({ signal, stale }) => {
      miss(stale)
      // That there is none is said with `undefined`: a loader's type has no other word for it.
      return this.#wait(key, signal, () => settled) as Promise<T>
    }
    // A stale value that is taken for a fresh one would never be brought anew.
    const whole: LoadOptions<T> = { hardTimeout: PATIENCE, swr: 0, staleIfError: 0, ...options }
    const entry = this.#space.getEntry(key, asked, whole)
    const ended = (): void => {
      if (this.#open.get(key) === undefined) this.#open.delete(key)
    }
    const settled = entry.then(ended, ended)
    return Promise.race([missed, entry.then(({ value }) => value)])
  }

  /**
   * Brings the value; resolves when it is held, or refused; where its reader was given a stale one, soon after. `false`
   * where nobody waits for it: it is not held.
   */
  async bring(key: string, value: T | undefined): Promise<boolean> {
    const give = this.#open.get(key)
    await give?.(value)
    return give !== undefined
  }

  #wait(key: string, signal: AbortSignal, done: () => Promise<void>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        if (this.#open.get(key) === give) this.#open.delete(key)
      }
      const give: Give<T> = (value) => {
        end()
        resolve(value)
        return done()
      }
      this.#open.set(key, give)
      const giveUp = (): void => {
        end()
        reject(signal.reason)
      }
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }
}
