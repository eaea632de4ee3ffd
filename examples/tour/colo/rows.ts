/** The source: one row, that a writer changes and evicts again and again. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { createCache } from '../../../src/index.ts'

const EVERY_MS = 2000
const READ_MS = 20

export class Rows {
  readonly key = 'KEF'
  #version = 1
  /** When the eviction of the version before each was acknowledged. */
  readonly #acknowledged: number[] = []
  #evictions = 0

  get version(): number {
    return this.#version
  }

  get evictions(): number {
    return this.#evictions
  }

  async read(): Promise<number> {
    await sleep(READ_MS)
    return this.#version
  }

  /** For how long this version is outdated, as its readers may know: 0 for the present one. */
  lateMs(version: number, now: number): number {
    const acknowledged = this.#acknowledged[version + 1]
    return acknowledged === undefined ? 0 : now - acknowledged
  }

  /** Changes the row, then evicts it: every two seconds, until the signal aborts. */
  async write(url: string, signal: AbortSignal): Promise<void> {
    const cache = createCache({ kafka: gateway({ url }), ttl: '1m' })
    const space = cache.namespace<number>('rows')
    while (!signal.aborted) {
      await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) break
      const version = ++this.#version
      await space.delete(this.key)
      this.#acknowledged[version] = performance.now()
      this.#evictions++
    }
    await cache.close()
  }
}
