/** What the list of adapters says of each. @module */
import type { KafkaLog, LogCapabilities } from '../../src/ports/kafka-log.ts'
import type { TransportOptions } from '../options.ts'

/** What a factory makes. */
type AdapterKind =
  | 'log'
  | 'sharing'
  | 'store'
  | 'tier'
  | 'sink'
  | 'connection'
  | 'framework'
  | 'transport'
  | 'codec'
  | 'metrics'
  | 'listener'
  | 'feature'

/** Where a proxy is. */
export interface ProxyAddress extends TransportOptions {
  readonly url: string
  readonly auth?: { readonly username: string; readonly password: string }
}

/** A proxy that an adapter speaks to, a row of each table in the README and docs/adapters.md. */
export interface RestProxy {
  /** How the rows in the docs begin. */
  readonly proxy: string
  /** How the docs call the adapter for it. */
  readonly call: string
  /** Its name on the command line; absent for what the command line does not reach. */
  readonly flavor?: string
  /** Whether `kafkaRest()` recognises it. */
  readonly recognised: boolean
  /** Whether its adapter reads and writes by itself. */
  readonly alone: boolean
  /** Whether the gateway speaks its protocol, and may stand for it. */
  readonly gatewayToo: boolean
  /** What a log of it says of itself; `undefined` where that depends on what it is given. */
  readonly capabilities: LogCapabilities | undefined
  /** Whether it gives back a null as such; `'refused'` where none can be written at all. */
  readonly tombstones: boolean | 'refused'
  readonly open?: (at: ProxyAddress) => Promise<KafkaLog>
}

export interface Adapter {
  /** Imported as `kedge/adapters/<name>`. */
  readonly name: string
  readonly source: string
  /** The functions that it exports, and what each makes. */
  readonly factories: Readonly<Record<string, AdapterKind>>
  /** Packages that a program installs beside kedge to use it. Each is an optional peer. */
  readonly peers: readonly string[]
  /** The test that runs the contract of what it makes, or its own tests where there is none. */
  readonly test: string
  /** The page that has its options. */
  readonly page: string
  readonly load: () => Promise<object>
  readonly proxies?: readonly RestProxy[]
}
