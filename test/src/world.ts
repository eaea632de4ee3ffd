/** Isolates around one log, in one virtual time. */
import { createCache } from '../../src/index.ts'
import type { Cache, CacheOptions, KedgeEvent, RequestContext } from '../../src/index.ts'
import { fakeRuntime, memory, MemoryLog } from '../../src/testing/index.ts'
import type { FakeRuntime, FakeRuntimeOptions, MemoryKafka, MemoryOptions } from '../../src/testing/index.ts'

export interface Isolate {
  readonly cache: Cache
  readonly kafka: MemoryKafka
  readonly events: KedgeEvent[]
  /** Events of one type. */
  readonly of: <Type extends KedgeEvent['type']>(type: Type) => Extract<KedgeEvent, { type: Type }>[]
}

export interface World {
  readonly runtime: FakeRuntime
  readonly log: MemoryLog
  isolate(options?: Partial<CacheOptions>, kafka?: MemoryOptions): Isolate
  /** Settles the promise while virtual time goes on, for at most `ms`. */
  run<T>(promise: Promise<T>, ms?: number): Promise<T>
}

export function world(options: FakeRuntimeOptions = {}): World {
  const runtime = fakeRuntime(options)
  const log = new MemoryLog({ now: () => runtime.now(), random: () => runtime.random() })
  return {
    runtime,
    log,
    isolate(cacheOptions = {}, kafkaOptions = {}) {
      const kafka = memory({ on: log, runtime, ...kafkaOptions })
      const events: KedgeEvent[] = []
      const cache = createCache({
        kafka,
        runtime,
        gzipAboveBytes: Infinity,
        onEvent: (event) => void events.push(event),
        ...cacheOptions,
      })
      return {
        cache,
        kafka,
        events,
        of: <Type extends KedgeEvent['type']>(type: Type) =>
          events.filter((event): event is Extract<KedgeEvent, { type: Type }> => event.type === type),
      }
    },
    async run(promise, ms = 60_000) {
      let state: 'pending' | 'settled' = 'pending'
      promise.then(
        () => (state = 'settled'),
        () => (state = 'settled'),
      )
      await runtime.settle()
      for (let passed = 0; state === 'pending' && passed < ms; passed += 10) await runtime.advance(10)
      if (state === 'pending') throw new Error(`still pending after ${ms} ms of virtual time`)
      return promise
    },
  }
}

/** A request: what it asked to be kept alive can be waited for. */
export function request(): RequestContext & { readonly work: Promise<unknown>[] } {
  const work: Promise<unknown>[] = []
  return { work, waitUntil: (promise) => void work.push(promise) }
}

/** A source that counts how often it is read, and can be made to wait. */
export function source<T>(initial: Record<string, T> = {}) {
  const rows = new Map(Object.entries(initial))
  let reads = 0
  return {
    rows,
    get reads() {
      return reads
    },
    load: async ({ key }: { key: string }): Promise<T> => {
      reads++
      return rows.get(key) as T
    },
  }
}

/** A promise and what settles it. */
export function deferred<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** An isolate that has proved its freshness once, and its namespace `users`. */
export async function readyIn(at: World, options: Partial<CacheOptions> = {}, kafka: MemoryOptions = {}) {
  const isolate = at.isolate(options, kafka)
  const users = isolate.cache.namespace<string>('users')
  await at.run(isolate.cache.sync())
  return { ...isolate, users }
}
