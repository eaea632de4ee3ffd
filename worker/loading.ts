/**
 * How values are loaded from the origin: one, or many at once, with the tags that the origin gives them.
 *
 * @module
 */
import { durationMs } from '../src/duration.ts'
import type { Duration, Loader, LoadOptions, ManyLoader } from '../src/types.ts'
import type { Origin, OriginValue } from './origin.ts'

/** Requests to the origin at once for one batch. Workers keeps six connections open and queues the rest. */
const BATCH_CONCURRENCY = 6

/** A loader, and the options that tell the tags of what it loaded. */
export interface Loading<L> {
  readonly loader: L
  readonly options: LoadOptions<unknown>
}

type Noted = Omit<OriginValue, 'value'>

/**
 * Remembers what the origin said of each value between its load and the moment the cache asks for it. Equal primitives
 * share an entry, all tags of it and the shortest life: an eviction too many is safe, one too few is not.
 */
class Notes {
  readonly #notes = new Map<unknown, Noted>()

  note({ value, tags, ttl, swr, staleIfError }: OriginValue): void {
    const noted = this.#notes.get(value)
    const all = {
      tags: [...new Set([...(noted?.tags ?? []), ...tags])],
      ttl: shorter(noted?.ttl, ttl),
      swr: shorter(noted?.swr, swr),
      staleIfError: shorter(noted?.staleIfError, staleIfError),
    }
    this.#notes.set(value, all)
  }

  /** For the cache: what the origin does not say, the settings do. */
  get options(): LoadOptions<unknown> {
    return {
      tags: (value) => this.#notes.get(value)?.tags ?? [],
      ttl: (value) => this.#notes.get(value)?.ttl,
      swr: (value) => this.#notes.get(value)?.swr,
      staleIfError: (value) => this.#notes.get(value)?.staleIfError,
    }
  }
}

function shorter(one: Duration | undefined, other: Duration | undefined): Duration | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return durationMs(one, 'ttl') < durationMs(other, 'ttl') ? one : other
}

export function loadingOne(origin: Origin, namespace: string): Loading<Loader<unknown>> {
  const notes = new Notes()
  return {
    loader: async ({ key, signal }) => {
      const found = await origin.read(namespace, key, signal)
      if (found === undefined) return undefined
      notes.note(found)
      return found.value
    },
    options: notes.options,
  }
}

/** One request for each key, a few at a time. One that fails fails the batch, and ends the others. */
export function loadingMany(origin: Origin, namespace: string): Loading<ManyLoader<unknown>> {
  const notes = new Notes()
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
          notes.note(found)
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
    options: notes.options,
  }
}
