/**
 * How values are loaded from the origin: one, or many at once, with the tags that the origin gives them.
 *
 * @module
 */
import { eitherSignal } from '../src/runtime/abort.ts'
import { seeingFarther, shorter } from '../src/api/lifetime-options.ts'
import type { LifetimeByValue } from '../src/api/lifetime-options.ts'
import type { Duration } from '../src/runtime/duration.ts'
import type { Loader, LoadOptions, ManyLoader } from '../src/api/load-types.ts'
import type { Origin, OriginValue } from './origin.ts'

/** Requests to the origin at once for one batch. Workers keeps six connections open and queues the rest. */
const BATCH_CONCURRENCY = 6

/** A loader, and the options that tell the tags of what it loaded. */
export interface OriginLoaders<L> {
  readonly loader: L
  readonly options: LoadOptions<unknown>
  /** Why what was loaded must not be kept; `undefined` where nothing was loaded, and where it may be. */
  readonly unheld: () => string | undefined
}

/** The shortest lifetime that answers with one value have said, and whether one of them said none. */
interface Life {
  readonly said: Duration | undefined
  readonly leftToSettings: boolean
}

interface Noted extends Record<'ttl' | 'swr' | 'staleIfError', Life> {
  readonly tags: readonly string[]
}

/**
 * Remembers tags and TTL that the origin gave each value, until the cache asks for them. Equal primitives
 * share an entry with all their tags and the shortest TTL: an eviction too many is safe, one too few is not.
 */
class Notes {
  readonly #notes = new Map<unknown, Noted>()
  /** Of the value that was loaded last. */
  unheld: string | undefined

  note({ value, tags, ttl, swr, staleIfError, unheld }: OriginValue): void {
    this.unheld = unheld
    const noted = this.#notes.get(value)
    const all = {
      tags: [...new Set([...(noted?.tags ?? []), ...tags])],
      ttl: lifeWith(noted?.ttl, ttl),
      swr: lifeWith(noted?.swr, swr),
      staleIfError: lifeWith(noted?.staleIfError, staleIfError),
    }
    this.#notes.set(value, all)
  }

  /** Options for the cache: settings fill in what the origin does not say. */
  get options(): LoadOptions<unknown> {
    return {
      tags: (value) => this.#notes.get(value)?.tags ?? [],
      ttl: this.#life('ttl'),
      swr: this.#life('swr'),
      staleIfError: this.#life('staleIfError'),
    }
  }

  #life(of: 'ttl' | 'swr' | 'staleIfError'): LifetimeByValue<unknown> {
    return seeingFarther((value, farther) => lifeOf(this.#notes.get(value)?.[of], farther))
  }
}

/** @param life of the answers before with this value; absent for the first */
function lifeWith(life: Life | undefined, said: Duration | undefined): Life {
  const leftToSettings = said === undefined || (life?.leftToSettings ?? false)
  if (said === undefined || life?.said === undefined) return { said: said ?? life?.said, leftToSettings }
  return { said: shorter(life.said, said), leftToSettings }
}

/** Where one answer left the life to the settings, and an equal one did not, the shorter of both counts. */
function lifeOf(life: Life | undefined, ofSettings: () => Duration | undefined): Duration | undefined {
  if (life?.said === undefined) return ofSettings()
  const other = life.leftToSettings ? ofSettings() : undefined
  return other === undefined ? life.said : shorter(life.said, other)
}

/** For one request: a loader of its own. */
export function loadingOne(origin: Origin, namespace: string): OriginLoaders<Loader<unknown>> {
  const notes = new Notes()
  return {
    loader: async ({ key, signal }) => {
      const found = await origin.read(namespace, key, signal)
      if (found === undefined) return undefined
      notes.note(found)
      return found.value
    },
    options: notes.options,
    unheld: () => notes.unheld,
  }
}

/** One request for each key, a few at a time. One that fails fails the batch, and ends the others. */
export function loadingMany(origin: Origin, namespace: string): OriginLoaders<ManyLoader<unknown>> {
  const notes = new Notes()
  return {
    loader: async (keys, { signal }) => {
      const values = new Map<string, unknown>()
      const either = eitherSignal(signal)
      const rest = keys[Symbol.iterator]()
      const work = async (): Promise<void> => {
        // All of them draw from the same iterator, so each key is read once.
        for (const key of rest) {
          either.signal.throwIfAborted()
          const found = await origin.read(namespace, key, either.signal)
          if (found === undefined) continue
          notes.note(found)
          values.set(key, found.value)
        }
      }
      const workers = Array.from({ length: Math.min(BATCH_CONCURRENCY, keys.length) }, work)
      try {
        await Promise.all(workers)
        return values
      } catch (error) {
        either.abort(error)
        throw error
      } finally {
        either.done()
      }
    },
    options: notes.options,
    unheld: () => notes.unheld,
  }
}
