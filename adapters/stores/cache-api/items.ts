/** The items of a tier in the Cache API. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { TierItem, TierPlace, TierWrite } from '../../../src/ports/tier.ts'
import { inGroups, inOrderOf } from '../shared/concurrency.ts'
import { decodeHead, encodeHead, type ItemHead, takesPlaceOf } from '../shared/item-head.ts'
import { itemName } from '../shared/item-name.ts'
import { printable } from '../../kafka/rest/problem.ts'
import { bodyOf, type CacheLike } from './store.ts'

const HEADER = 'x-kedge-item'
/** Connections that a Worker may have open at once. */
const CONNECTIONS = 6
/** A year: a cache gains nothing from a longer life. */
const MAX_AGE_S = 31_536_000

export interface CacheLayout {
  readonly origin: string
  readonly maxValueBytes: number
}

interface Found {
  readonly url: string
  readonly head: ItemHead
  readonly response: Response
}

export class CacheItems {
  readonly #cache: CacheLike | (() => CacheLike | Promise<CacheLike>)
  readonly #layout: CacheLayout
  #ignored = 0

  constructor(cache: CacheLike | (() => CacheLike | Promise<CacheLike>), layout: CacheLayout) {
    this.#cache = cache
    this.#layout = layout
  }

  get ignored(): number {
    return this.#ignored
  }

  /** A key that cannot be read is a miss. @throws KedgeError where none can be. */
  async get(
    place: TierPlace,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, TierItem>> {
    const found = new Map<string, TierItem>()
    const unique = [...new Set(keys)]
    let failed = 0
    let failure: unknown
    const read = async (key: string) => {
      const item = await this.#look(place, key)
      if (!item) return
      const bytes = await answered(bodyOf(item.response, this.#layout.maxValueBytes))
      if (bytes) found.set(key, { bytes, asOf: item.head.asOf, covered: false })
      else this.#ignored++
    }
    await inGroups(unique, CONNECTIONS, signal, async (key) => {
      try {
        await read(key)
      } catch (error) {
        failed++
        failure = error
      }
    })
    if (failed > 0 && failed === unique.length) throw failure
    return inOrderOf(unique, found)
  }

  async set(place: TierPlace, writes: readonly TierWrite[], signal: AbortSignal): Promise<void> {
    const fit = writes.filter(({ bytes, ttlMs }) => ttlMs > 0 && bytes.length <= this.#layout.maxValueBytes)
    await inGroups(fit, CONNECTIONS, signal, async (write) => {
      const there = await this.#look(place, write.key)
      await there?.response.body?.cancel()
      if (!takesPlaceOf(write, place.logId, there?.head)) return
      const { asOf, version, ttlMs, bytes } = write
      const headers = {
        'cache-control': `public, max-age=${Math.min(Math.ceil(ttlMs / 1000), MAX_AGE_S)}`,
        'content-type': 'application/octet-stream',
        [HEADER]: encodeHead({ asOf, version, logId: place.logId }),
      }
      const response = new Response(bytes as Uint8Array<ArrayBuffer>, { headers })
      const url = await this.#url(place, write.key)
      await answered(this.#open().then((cache) => cache.put(url, response)))
    })
  }

  async remove(
    place: TierPlace,
    keys: readonly string[],
    offset: number,
    signal: AbortSignal,
  ): Promise<void> {
    await inGroups(keys, CONNECTIONS, signal, async (key) => {
      const there = await this.#look(place, key)
      await there?.response.body?.cancel()
      if (there && there.head.asOf <= offset) {
        await answered(this.#open().then((cache) => cache.delete(there.url)))
      }
    })
  }

  async #look(place: TierPlace, key: string): Promise<Found | undefined> {
    const url = await this.#url(place, key)
    const response = await answered(this.#open().then((cache) => cache.match(url)))
    if (!response) return undefined
    const head = response.status === 200 ? decodeHead(response.headers.get(HEADER)) : undefined
    if (head) return { url, head, response }
    this.#ignored++
    await response.body?.cancel()
    return undefined
  }

  async #url({ namespace }: TierPlace, key: string): Promise<string> {
    return `${this.#layout.origin}/${await itemName('t:', namespace, key)}`
  }

  /**
   * Opens the cache at each call: an object of the platform may be usable only in the request that made it.
   */
  async #open(): Promise<CacheLike> {
    return typeof this.#cache === 'function' ? this.#cache() : this.#cache
  }
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    const said = printable(error instanceof Error ? error.message : 'it failed')
    throw new KedgeError('ERR_NETWORK', `no answer from the Cache API: ${said}`, {
      cause: new Error(said),
      retryable: true,
    })
  }
}
