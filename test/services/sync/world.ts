/** A topic, a store and a clock in memory, and syncs between them. */
import { onTestFinished } from 'vitest'
import { createSync } from '../../../services/sync/index.ts'
import type { Sync, SyncEvent, SyncOptions } from '../../../services/sync/index.ts'
import { fakeRuntime, memory, MemoryLog, memorySink, MemoryStore } from '../../../src/testing/index.ts'
import type {
  FakeRuntime,
  MemoryKafka,
  MemoryOptions,
  MemorySink,
  MemorySinkOptions,
} from '../../../src/testing/index.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const bytes = (text: string): Uint8Array => encoder.encode(text)

interface Running {
  readonly sync: Sync
  readonly kafka: MemoryKafka
  readonly sink: MemorySink
  readonly events: SyncEvent[]
  /** Events of one type. */
  readonly said: <T extends SyncEvent['type']>(type: T) => Extract<SyncEvent, { type: T }>[]
  /** Starts `run`. */
  readonly start: () => void
  /** Ends it, and resolves with what it ended with. */
  readonly stop: () => Promise<unknown>
}

export interface World {
  readonly runtime: FakeRuntime
  readonly log: MemoryLog
  readonly store: MemoryStore
  readonly make: (
    options?: Partial<SyncOptions>,
    more?: { kafka?: MemoryOptions; sink?: MemorySinkOptions },
  ) => Running
  /** Appends to `orders`; an object as JSON. */
  readonly put: (key: string | null, value: unknown, partition?: number) => number
  /** What stands in the store, as text. */
  readonly text: (key: string) => string | undefined
  readonly all: () => Record<string, string>
}

export function world(partitions = 1, seed = 1): World {
  const runtime = fakeRuntime({ seed })
  const log = new MemoryLog({ now: () => runtime.now(), random: () => runtime.random(), autoCreate: false })
  log.createTopic('orders', { partitions })
  const store = new MemoryStore(() => runtime.now())
  const text = (key: string) => {
    const value = store.get(key)
    return value && decoder.decode(value)
  }
  return {
    runtime,
    log,
    store,
    text,
    all: () => Object.fromEntries(store.keys().map((key) => [key, text(key)!])),
    put(key, value, partition) {
      const raw =
        value === null
          ? null
          : value instanceof Uint8Array
            ? value
            : bytes(typeof value === 'string' ? value : JSON.stringify(value))
      return log.append('orders', { key: key === null ? null : bytes(key), value: raw, partition }).offset
    },
    make(options = {}, more = {}) {
      const kafka = memory({ on: log, runtime, ...more.kafka })
      const sink = memorySink({ on: store, runtime, ...more.sink })
      const events: SyncEvent[] = []
      const sync = createSync({
        kafka,
        topic: 'orders',
        sink,
        key: 'order:{key}',
        runtime,
        onEvent: (event) => void events.push(event),
        ...options,
      })
      const stopping = new AbortController()
      let ran: Promise<unknown> = Promise.resolve('never ran')
      onTestFinished(() => stopping.abort())
      return {
        sync,
        kafka,
        sink,
        events,
        said: (type) => events.filter((event) => event.type === type) as never,
        start: () => {
          ran = sync.run({ signal: stopping.signal }).then(
            () => 'ended',
            (error: unknown) => error,
          )
        },
        stop: async () => {
          stopping.abort()
          await runtime.advance(15_000)
          return ran
        },
      }
    },
  }
}
