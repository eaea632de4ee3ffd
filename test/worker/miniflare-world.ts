/** Isolates of workerd around one log behind the real gateway, and one origin. */
import { startGateway } from '../../services/gateway/index.ts'
import type { RunningGateway } from '../../services/gateway/index.ts'
import { bundle } from '../runtime/bundle.ts'
import type { Replacement } from '../runtime/bundle.ts'
import { Client } from './miniflare-client.ts'
import { startIsolate } from './miniflare-isolate.ts'
import { startSource } from './miniflare-source.ts'
import type { Source } from './miniflare-source.ts'
import { until } from './miniflare-until.ts'

export const EVICTIONS = 'cache-evictions'

/** The worker as it is deployed, or another one. */
const WORKER = new URL('../../worker/cloudflare.ts', import.meta.url)

interface IsolateSpec {
  readonly entry?: URL
  readonly bindings?: Readonly<Record<string, string>>
  /** Classes of Durable Objects, by what they are bound as. */
  readonly objects?: Readonly<Record<string, string>>
  readonly replacements?: readonly Replacement[]
}

export interface World extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly source: Source
  /** Starts an isolate, and waits until it knows the log. */
  isolate(spec?: IsolateSpec): Promise<Client>
  close(): Promise<void>
}

export async function startWorld(rows: Readonly<Record<string, unknown>> = {}): Promise<World> {
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    const closing = closers.splice(0).toReversed()
    const settled = await Promise.allSettled(closing.map((each) => each()))
    for (const each of settled) if (each.status === 'rejected') throw each.reason
  }
  const gateway = await startGateway({ memory: { topics: { [EVICTIONS]: 1 } } })
  closers.push(() => gateway.close())
  const source = await startSource(rows)
  closers.push(() => source.close())
  return {
    gateway,
    source,
    async isolate({ entry = WORKER, bindings = {}, objects = {}, replacements = [] } = {}) {
      const { code } = await bundle(entry, { replacements, external: ['cloudflare:*'] })
      const variables = {
        KAFKA_REST_URL: gateway.url,
        KAFKA_FLAVOR: 'gateway',
        ORIGIN_URL: source.url,
        ORIGIN_FORMAT: 'envelope',
        NAMESPACES: 'rows',
        AUTH: 'open',
        TTL: '1h',
        // Where a test is loaded a poll may take its time; the promises must still hold.
        POLL_TIMEOUT: '5s',
        ON_UNREACHABLE: 'bypass',
        ...bindings,
      }
      const running = await startIsolate(code, variables, objects)
      closers.push(() => running.close())
      const client = new Client(running.url)
      await until(async () => (await client.ask('/readyz')).status === 200, 'the isolate is ready')
      return client
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
