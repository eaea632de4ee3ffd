/**
 * The loads that cachified has under way. It keeps a list of them for each cache, and a load is in it from the moment
 * in which it begins until its value has been set. This shows, without any clock, whether a load had begun at a given
 * moment: two calls may begin in one millisecond, and a clock may be set back (decision 90).
 *
 * @module
 */
import { type Cache, getPendingValuesCache } from '@epic-web/cachified'
import type { Began } from '../deferred-fill/framework-loads.ts'

/** Caches that are made of one another (`{ ...cache, name }`), at most: each has a list of its own. */
const MAX_CACHES = 16

/** cachified's own record of a load: one object for each. */
interface Load {
  readonly createdTime: number
}

export class PendingLoads {
  readonly #caches = new Set<object>()
  #isTold = false

  /** Whether its list is the one that is looked at: it is another where the app has a second copy of cachified. */
  get isTold(): boolean {
    return this.#isTold
  }

  /** cachified has called it as a method of this cache. */
  meet(cache: object): void {
    if (this.#caches.size < MAX_CACHES) this.#caches.add(cache)
  }

  /** The load that sets a value that was created then; `undefined` where there is none. */
  setting(cache: object, key: string, createdTime: number): object | undefined {
    const load = this.#load(cache, key)
    // Of two loads under way, because the first took longer than its `ttl`, the list has the second.
    return load?.createdTime === createdTime ? load : undefined
  }

  isUnderWay(key: string): boolean {
    return this.#underWay(key).length > 0
  }

  /** Returns a function that answers later whether a load had begun by now. */
  atNow(key: string): (load: object, cache: object) => Began {
    const [underWay, caches] = [new Set<object>(this.#underWay(key)), new Set(this.#caches)]
    return (load, cache) => (underWay.has(load) ? 'before' : caches.has(cache) ? 'after' : 'unknown')
  }

  #underWay(key: string): Load[] {
    return [...this.#caches].flatMap((cache) => this.#load(cache, key) ?? [])
  }

  #load(cache: object, key: string): Load | undefined {
    const pending = getPendingValuesCache(cache as Cache).get(key) as { metadata?: Load } | undefined
    if (pending?.metadata === undefined) return undefined
    this.#isTold = true
    return pending.metadata
  }
}
