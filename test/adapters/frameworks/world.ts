/** Two isolates around one log, each with a namespace that frameworks stand on. */
import { createCache } from '../../../src/index.ts'
import type { CacheOptions, Namespace } from '../../../src/index.ts'
import { memory, MemoryLog } from '../../../src/testing/index.ts'

export interface Isolate<T> {
  readonly space: Namespace<T>
  /** Reads the log to its end. */
  readonly catchUp: () => Promise<void>
}

export async function isolates<T>(
  options: Partial<CacheOptions> = {},
): Promise<readonly [Isolate<T>, Isolate<T>]> {
  const on = new MemoryLog()
  const one = async (): Promise<Isolate<T>> => {
    const cache = createCache({ kafka: memory({ on }), ...options })
    const space = cache.namespace<T>('things')
    await cache.sync()
    return { space, catchUp: async () => void (await cache.sync()) }
  }
  return [await one(), await one()]
}
