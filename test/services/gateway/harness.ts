/** A gateway on a clock that stands still until a test moves it. */
import type { Hono } from 'hono'
import { createGateway, memoryCluster } from '../../../services/gateway/index.ts'
import type { Cluster, GatewayOptions } from '../../../services/gateway/index.ts'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { MemoryLog } from '../../../src/testing/memory-log.ts'
import type { MemoryLogOptions } from '../../../src/testing/memory-log.ts'

export const BINARY = 'application/vnd.kafka.binary.v2+json'
export const JSON_FORMAT = 'application/vnd.kafka.json.v2+json'
export const V2 = 'application/vnd.kafka.v2+json'

export class Clock {
  ms = 1_700_000_000_000
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  readonly runtime: Runtime = systemRuntime({
    now: () => this.ms,
    monotonic: () => this.ms,
    random: () => 0.5,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: this.ms + ms, wake: resolve }
        this.#sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          this.#sleepers.delete(sleeper)
          reject(signal.reason)
        })
      }),
  })

  get sleeping(): number {
    return this.#sleepers.size
  }

  advance(ms: number): void {
    this.ms += ms
    for (const sleeper of this.#sleepers) {
      if (sleeper.at > this.ms) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }
}

export interface Harness {
  readonly app: Hono
  readonly log: MemoryLog
  readonly cluster: Cluster
  readonly clock: Clock
  /** Errors that were the gateway's own: there must be none. */
  readonly errors: unknown[]
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>
  readonly post: (path: string, body: unknown, type?: string) => Promise<Response>
}

export function harness(memory: MemoryLogOptions = {}, options: Partial<GatewayOptions> = {}): Harness {
  const clock = new Clock()
  let id = 0
  const log = new MemoryLog({ now: () => clock.ms, random: () => (id++ % 64) / 64, ...memory })
  const errors: unknown[] = []
  const cluster = memoryCluster(log, { runtime: clock.runtime })
  const app = createGateway({
    cluster,
    runtime: clock.runtime,
    onError: (error) => errors.push(error),
    ...options,
  })
  return {
    app,
    log,
    cluster,
    clock,
    errors,
    get: async (path, headers = {}) => app.request(path, { headers }),
    post: async (path, body, type = 'application/json') =>
      app.request(path, {
        method: 'POST',
        headers: { 'content-type': type },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  }
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64')
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Only a wait that fails takes this long. */
const PATIENCE_MS = 15_000

/** Lets what is under way go on until `condition` holds: what comes over a socket has a time, and no number of turns. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('never happened')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

export const answer = async (response: Response): Promise<[number, unknown]> => [
  response.status,
  await response.json(),
]
