/**
 * How values are loaded from the origin: one, or many at once, with the tags that the origin gives them.
 *
 * @module
 */
import type { Loader, LoadOptions, ManyLoader } from '../src/types.ts'
import type { Origin } from './origin.ts'

/** Requests to the origin at once for one batch. Workers keeps six connections open and queues the rest. */
const BATCH_CONCURRENCY = 6

/** A loader, and the options that tell the tags of what it loaded. */
export interface Loading<L> {
  readonly loader: L
  readonly options: LoadOptions<unknown>
}

/**
 * Remembers the tags of each value between its load and the moment the cache asks for them. Equal primitives share
 * an entry and so each other's tags: an eviction too many is safe, one too few is not.
 */
class TagBook {
  readonly #tags = new Map<unknown, readonly string[]>()

  note(value: unknown, tags: readonly string[]): void {
    const noted = this.#tags.get(value)
    this.#tags.set(value, noted === undefined ? tags : [...new Set([...noted, ...tags])])
  }

  readonly tagsOf = (value: unknown): readonly string[] => this.#tags.get(value) ?? []
}

export function loadingOne(origin: Origin, namespace: string): Loading<Loader<unknown>> {
  const book = new TagBook()
  return {
    loader: async ({ key, signal }) => {
      const found = await origin.read(namespace, key, signal)
      if (found === undefined) return undefined
      book.note(found.value, found.tags)
      return found.value
    },
    options: { tags: book.tagsOf },
  }
}

/** One request for each key, a few at a time. One that fails fails the batch, and ends the others. */
export function loadingMany(origin: Origin, namespace: string): Loading<ManyLoader<unknown>> {
  const book = new TagBook()
  return {
    loader: async (keys, { signal }) => {
      const values = new Map<string, unknown>()
      const failed = new AbortController()
      const either = AbortSignal.any([signal, failed.signal])
      const rest = keys[Symbol.iterator]()
      const work = async (): Promise<void> => {
        // All of them draw from the same iterator, so each key is read once.
        for (const key of rest) {
          either.throwIfAborted()
          const found = await origin.read(namespace, key, either)
          if (found === undefined) continue
          book.note(found.value, found.tags)
          values.set(key, found.value)
        }
      }
      const workers = Array.from({ length: Math.min(BATCH_CONCURRENCY, keys.length) }, work)
      await Promise.all(workers).catch((error: unknown) => {
        failed.abort(error)
        throw error
      })
      return values
    },
    options: { tags: book.tagsOf },
  }
}
