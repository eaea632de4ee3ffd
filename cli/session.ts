/** What a command takes from its process: tests may replace all of it. @module */
import type { KafkaCluster, KafkaOptions } from '../services/gateway/kafka/index.ts'
import type { Runtime } from '../src/ports/runtime.ts'
import type { Screen } from './top/screen.ts'
import type { OpenStore, StoreOptions } from './store.ts'
import type { Terminal } from './terminal.ts'

export interface Session {
  readonly terminal: Terminal
  /** The arguments of the process. */
  readonly args: readonly string[]
  /** The version of this package. */
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder of relative paths. */
  readonly folder: string
  /** Aborted when the process gets a signal to end. */
  readonly stop: AbortSignal
  readonly runtime: Runtime
  /** The transport to a proxy. */
  readonly fetch: typeof fetch
  /** The client of a Kafka cluster. */
  readonly connect: (options: KafkaOptions) => Promise<KafkaCluster>
  /** The screen and the keyboard, where there is a terminal for both. */
  readonly screen?: Screen | undefined
  /** Makes a store from its URL. @default the clients of Redis and Memcached, where they are installed */
  readonly openStore?: (url: string, options: StoreOptions) => Promise<OpenStore>
}
