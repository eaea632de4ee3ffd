/**
 * The worker in which herds are counted: each request has callers of one key, and its load takes 5 ms.
 *
 * @module
 */
import { createCache } from '../../../src/index.ts'
import type { RequestContext } from '../../../src/index.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import { memory } from '../../../src/testing/index.ts'

/** What the isolate has done so far. */
export interface Counted {
  readonly loads: number
  readonly timers: number
}

const LOADER_MS = 5

let loads = 0
let timers = 0
const platform = systemRuntime()
const runtime = {
  ...platform,
  sleep: (ms: number, signal?: AbortSignal) => {
    timers++
    return platform.sleep(ms, signal)
  },
}
const cache = createCache({ kafka: memory(), ttl: '1h', maxStaleness: '1h', maxEntries: 500, runtime })
cache.namespace<string>('users')

export default {
  async fetch(request: Request, _: unknown, context: RequestContext): Promise<Response> {
    const { searchParams } = new URL(request.url)
    const key = searchParams.get('key')
    if (key === null) return Response.json({ loads, timers } satisfies Counted)
    const users = cache.for(context).namespace<string>('users')
    const read = async (): Promise<string> =>
      users.getOrSet(key, async () => {
        loads++
        await new Promise((resolve) => setTimeout(resolve, LOADER_MS))
        return key
      })
    const callers = Array.from({ length: Number(searchParams.get('callers')) }, read)
    for (const value of await Promise.all(callers)) if (value !== key) throw new Error('another value')
    return new Response()
  },
}
