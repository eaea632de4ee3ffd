/** `kedge` in this process: its words, its exit code, and everything it takes from a process under control. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { run } from '../../cli/program.ts'
import type { Session } from '../../cli/session.ts'
import { createGateway, memoryCluster } from '../../services/gateway/index.ts'
import type { GatewayOptions } from '../../services/gateway/index.ts'
import type { KafkaCluster, KafkaOptions } from '../../services/gateway/kafka/index.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { MemoryLog } from '../../src/testing/memory-log.ts'
import type { MemoryLogOptions } from '../../src/testing/memory-log.ts'

export const NOW = 1_700_000_000_000

/** A clock that moves only when the code under test sleeps, and then at once. */
export class Clock {
  ms = NOW
  readonly runtime: Runtime = systemRuntime({
    now: () => this.ms,
    monotonic: () => this.ms,
    random: () => 0.5,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      this.ms += ms
      await new Promise((resolve) => setImmediate(resolve))
      signal?.throwIfAborted()
    },
  })
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Surroundings {
  readonly env?: Record<string, string>
  /** Files in the working folder, by name. */
  readonly files?: Record<string, string | object>
  readonly fetch?: typeof fetch
  readonly connect?: (options: KafkaOptions) => KafkaCluster
  readonly runtime?: Runtime
  readonly stop?: AbortSignal
  readonly colours?: boolean
  /** Called with every piece of the standard output as it comes. */
  readonly onOut?: (text: string) => void
  /** Called with every piece of the standard error as it comes. */
  readonly onErr?: (text: string) => void
  readonly openStore?: Session['openStore']
  readonly screen?: Session['screen']
  /** Whether lines can be written over. */
  readonly live?: boolean
}

export async function kedge(args: readonly string[], around: Surroundings = {}): Promise<Ran> {
  let out = ''
  let err = ''
  const code = await run({
    args,
    version: '1.2.3',
    out: {
      colours: around.colours ?? false,
      live: around.live ?? false,
      write: (text) => {
        out += text
        around.onOut?.(text)
      },
    },
    err: {
      colours: around.colours ?? false,
      write: (text) => {
        err += text
        around.onErr?.(text)
      },
    },
    env: around.env ?? {},
    folder: await folder(around.files ?? {}),
    stop: around.stop ?? new AbortController().signal,
    runtime: around.runtime ?? new Clock().runtime,
    ...(around.openStore && { openStore: around.openStore }),
    ...(around.screen && { screen: around.screen }),
    fetch: around.fetch ?? (() => Promise.reject(new Error('no network here'))),
    connect: async (options) => {
      if (!around.connect) throw new Error('no cluster here')
      return around.connect(options)
    },
  })
  return { code, out, err }
}

async function folder(files: Record<string, string | object>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kedge-cli-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files))
    await writeFile(join(path, name), typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

export interface Proxy {
  readonly log: MemoryLog
  readonly fetch: typeof fetch
  /** Paths that were asked for, each with its method. */
  readonly requests: string[]
}

/** A gateway over a log in memory, without a network. It tells the time, as a server of Node does. */
export function proxy(
  memory: MemoryLogOptions = {},
  options: Partial<GatewayOptions> & { readonly clock?: Clock; readonly date?: () => number } = {},
): Proxy {
  const { clock = new Clock(), date = () => clock.ms, ...rest } = options
  const log = new MemoryLog({ now: () => clock.ms, ...memory })
  const app = createGateway({ cluster: memoryCluster(log), ...rest })
  const requests: string[] = []
  return {
    log,
    requests,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      requests.push(`${request.method} ${new URL(request.url).pathname}`)
      const response = await app.fetch(request)
      response.headers.set('date', new Date(date()).toUTCString())
      return response
    },
  }
}

const encoder = new TextEncoder()

/** Appends a message as JSON, or a text as it stands. */
export function append(log: MemoryLog, topic: string, message: unknown, key: string | null = null): number {
  const value =
    message === null ? null : encoder.encode(typeof message === 'string' ? message : JSON.stringify(message))
  return log.append(topic, { key: key === null ? null : encoder.encode(key), value, partition: 0 }).offset
}

export interface FakeCluster extends KafkaCluster {
  readonly log: MemoryLog
  readonly settings: Map<string, Map<string, string>>
  readonly made: string[]
  closed: number
}

/** A cluster of so many brokers, over a log in memory, whose topics have settings. */
export function cluster(brokers = 1, defaults: Record<string, string> = {}): FakeCluster {
  const log = new MemoryLog({ autoCreate: false })
  const settings = new Map<string, Map<string, string>>()
  const made: string[] = []
  const base = memoryCluster(log, { id: 'the-cluster' })
  const fake: FakeCluster = {
    id: base.id,
    topics: () => base.topics(),
    describe: (topic) => base.describe(topic),
    create: (topic, partitions) => base.create(topic, partitions),
    remove: (topic) => base.remove(topic),
    append: (topic, records) => base.append(topic, records),
    offsets: (topic, partition) => base.offsets(topic, partition),
    offsetAt: (topic, partition, timestamp) => base.offsetAt(topic, partition, timestamp),
    read: (positions, options) => base.read(positions, options),
    log,
    settings,
    made,
    closed: 0,
    brokers: async () =>
      Array.from({ length: brokers }, (_, id) => ({ id, host: 'broker', port: 9092 + id })),
    createTopic: async (name, { partitions, replicas, configs = {} }) => {
      const topic = await base.create(name, partitions)
      made.push(`${name} x${replicas}`)
      settings.set(name, new Map(Object.entries({ ...defaults, ...configs })))
      return topic
    },
    configs: async (topic) => settings.get(topic) ?? new Map(),
    close: async () => {
      fake.closed++
    },
  }
  return fake
}
