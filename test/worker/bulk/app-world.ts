/** Workers over one log in memory, in virtual time, with the routes for many. */
import { createCache } from '../../../src/index.ts'
import type { Cache, CacheOptions } from '../../../src/index.ts'
import { fakeRuntime, memory, MemoryLog } from '../../../src/testing/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { createApp } from '../../../worker/app.ts'
import type { AppOptions } from '../../../worker/app-options.ts'
import { openToAll } from '../../../worker/auth.ts'
import { SentEvents } from './sse.ts'

interface IsolateOptions {
  readonly app?: Partial<AppOptions>
  readonly cache?: Partial<CacheOptions>
  readonly kafka?: MemoryOptions
  readonly context?: object
}

export function appWorld(options: { readonly isolatesRequests?: boolean } = {}) {
  const runtime = fakeRuntime(options)
  const log = new MemoryLog({ now: () => runtime.now(), random: () => runtime.random() })

  /** Settles the promise while virtual time goes on. */
  const run = async <T>(promise: Promise<T> | T, ms = 30_000): Promise<T> => {
    let isSettled = false
    const settling = Promise.resolve(promise).finally(() => (isSettled = true))
    settling.catch(() => undefined)
    for (let passed = 0; !isSettled && passed <= ms; passed += 10) {
      await turn()
      if (!isSettled) await runtime.advance(10)
    }
    if (!isSettled) throw new Error(`still pending after ${ms} ms of virtual time`)
    return settling
  }
  /** Lets everything happen that waits for no time: streams and responses take turns of the loop. */
  const turn = async (): Promise<void> => {
    for (let n = 0; n < 4; n++) {
      await new Promise((resolve) => setImmediate(resolve))
      await runtime.settle()
    }
  }
  const advance = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      await runtime.advance(Math.min(50, ms - passed))
      await turn()
    }
  }

  const isolate = ({
    app: appOptions = {},
    cache: cacheOptions = {},
    kafka: kafkaOptions = {},
    context,
  }: IsolateOptions = {}) => {
    const kafka = memory({ on: log, runtime, ...kafkaOptions })
    const cache: Cache = createCache({ kafka, runtime, ttl: '5m', ...cacheOptions })
    const app = createApp({ cache, auth: openToAll, namespaces: ['users', 'orders'], ...appOptions })
    const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
      run(Promise.resolve(app.request(path, init, {}, context as never)))
    return {
      kafka,
      cache,
      app,
      users: cache.namespace('users'),
      orders: cache.namespace('orders'),
      ask,
      /** Opens a stream of evictions; `after` as a browser sends it. */
      follow: async (after?: string, namespace = 'users') => {
        const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after }
        const response = await ask(`/cache/${namespace}/events`, { headers })
        if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
        const events = new SentEvents(response)
        await turn()
        return events
      },
      /** The lines of a dump. */
      dump: async (init: RequestInit = {}, namespace = 'users') => {
        const response = await ask(`/cache/${namespace}/dump`, init)
        const text = await run(response.text())
        return text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Record<string, unknown>)
      },
      run,
    }
  }
  return { runtime, log, run, turn, advance, isolate }
}
