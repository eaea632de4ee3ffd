/** What a command takes from the process that runs it: all of it may be replaced. @module */
import type { KafkaCluster, KafkaOptions } from '../gateway/kafka/index.ts'
import type { Runtime } from '../src/runtime.ts'
import type { OpenStore, StoreOptions } from './store.ts'
import type { Terminal } from './terminal.ts'

export interface Session {
  readonly terminal: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where relative paths begin. */
  readonly folder: string
  /** Aborted when the process is asked to end. */
  readonly stop: AbortSignal
  readonly runtime: Runtime
  /** The transport to a proxy. */
  readonly fetch: typeof fetch
  /** The client of a Kafka cluster. */
  readonly connect: (options: KafkaOptions) => Promise<KafkaCluster>
  /** Makes a store of its URL. @default the clients of Redis and Memcached, where they are installed */
  readonly openStore?: (url: string, options: StoreOptions) => Promise<OpenStore>
}
