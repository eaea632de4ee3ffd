/** Loader services around the log of a world. */
import { createLoader } from '../../../services/loader/index.ts'
import type { LoaderEvent, LoaderOptions, LoaderService, Loaders } from '../../../services/loader/index.ts'
import type { KedgeEvent } from '../../../src/index.ts'
import { memory } from '../../../src/testing/index.ts'
import type { MemoryKafka, MemoryOptions } from '../../../src/testing/index.ts'
import type { World } from '../../src/world.ts'

type AnyEvent = KedgeEvent | LoaderEvent

export interface TestService {
  readonly service: LoaderService
  readonly kafka: MemoryKafka
  readonly events: AnyEvent[]
  readonly of: <Type extends AnyEvent['type']>(type: Type) => Extract<AnyEvent, { type: Type }>[]
  /** Stops it; resolves when it has ended. */
  readonly stop: () => Promise<void>
}

export function makeService(
  at: World,
  loaders: Loaders,
  options: Partial<LoaderOptions> = {},
  kafkaOptions: MemoryOptions = {},
): Omit<TestService, 'stop'> {
  const kafka = memory({ on: at.log, runtime: at.runtime, ...kafkaOptions })
  const events: AnyEvent[] = []
  const service = createLoader({
    kafka,
    runtime: at.runtime,
    gzipAboveBytes: Infinity,
    loaders,
    onEvent: (event) => void events.push(event),
    ...options,
  })
  return {
    service,
    kafka,
    events,
    of: <Type extends AnyEvent['type']>(type: Type) =>
      events.filter((event): event is Extract<AnyEvent, { type: Type }> => event.type === type),
  }
}

/** A service that runs. */
export async function running(
  at: World,
  loaders: Loaders,
  options: Partial<LoaderOptions> = {},
  kafkaOptions: MemoryOptions = {},
): Promise<TestService> {
  const made = makeService(at, loaders, options, kafkaOptions)
  const stop = new AbortController()
  const over = made.service.run({ signal: stop.signal })
  await at.runtime.advance(10)
  return {
    ...made,
    stop: async () => {
      stop.abort()
      await at.run(over)
    },
  }
}

const encoder = new TextEncoder()

/** Asks by hand, as a client without kedge would. */
export function ask(at: World, key: string, more: Record<string, unknown> = {}): void {
  const deadline = at.runtime.now() + 2000
  const message = { v: 1, op: 'load', ns: 'users', key, deadline, end: 0, asOf: 0, ...more }
  at.log.append('cache-requests', {
    key: encoder.encode(key),
    value: encoder.encode(JSON.stringify(message)),
  })
}

/** Everything in the updates topic, in order. */
export function updates(at: World, topic = 'cache-updates'): Record<string, unknown>[] {
  if (at.log.describe(topic) === undefined) return []
  const options = { maxBytes: Infinity, isolation: 'uncommitted' } as const
  const { records } = at.log.read(topic, { partition: 0, offset: 0 }, options)!
  return records.map(({ value }) => JSON.parse(new TextDecoder().decode(value!)) as Record<string, unknown>)
}

export const evict = (at: World, key: string): number =>
  at.log.append('cache-evictions', {
    key: null,
    value: encoder.encode(JSON.stringify({ v: 1, op: 'evict', ns: 'users', keys: [key] })),
  }).offset
