/** The REST proxies that a person names, so that the contract of a log is tested on them. @module */
import { confluent } from '../../adapters/kafka/confluent.ts'
import { karapace } from '../../adapters/kafka/karapace.ts'
import { redpanda } from '../../adapters/kafka/redpanda.ts'
import { strimzi } from '../../adapters/kafka/strimzi.ts'
import { upstash } from '../../adapters/kafka/upstash.ts'
import type { KafkaLog, LogCapabilities } from '../../src/ports/kafka-log.ts'

interface Address {
  readonly url: string
  readonly auth?: { readonly username: string; readonly password: string }
}

/** How a proxy is reached by its adapter, and what is expected of it. */
interface Kind {
  readonly open: (address: Address) => KafkaLog
  readonly capabilities: LogCapabilities
  /** Whether it gives back a null as such; `'refused'` where none can be written at all. */
  readonly tombstones: boolean | 'refused'
  /** Whether the gateway speaks this protocol, and may stand for it. */
  readonly gatewayToo: boolean
}

export const GATEWAY: LogCapabilities = { identity: true, longPoll: true, readCommitted: true }
const NO_IDENTITY: LogCapabilities = { ...GATEWAY, identity: false }
const UNCOMMITTED: LogCapabilities = { ...NO_IDENTITY, readCommitted: false }
const NOTHING: LogCapabilities = { ...UNCOMMITTED, longPoll: false }
const NOBODY = { username: 'nobody', password: 'none' }

/** A proxy that hangs fails a test by the adapter's error, not by the runner's. */
const limits = { requestTimeout: '20s' } as const

const KINDS = {
  confluent: {
    open: (address) => confluent({ ...address, ...limits }),
    capabilities: NOTHING,
    tombstones: true,
    gatewayToo: true,
  },
  gateway: {
    open: (address) => confluent({ ...address, ...limits, gateway: true }),
    capabilities: GATEWAY,
    tombstones: true,
    gatewayToo: true,
  },
  karapace: {
    open: (address) => karapace({ ...address, ...limits }),
    capabilities: NOTHING,
    tombstones: 'refused',
    gatewayToo: false,
  },
  redpanda: {
    open: (address) => redpanda({ ...address, ...limits }),
    capabilities: UNCOMMITTED,
    tombstones: true,
    gatewayToo: true,
  },
  strimzi: {
    open: (address) => strimzi({ ...address, ...limits }),
    capabilities: NO_IDENTITY,
    tombstones: false,
    gatewayToo: false,
  },
  upstash: {
    open: ({ url, auth = NOBODY }) => upstash({ url, ...auth, ...limits }),
    capabilities: UNCOMMITTED,
    tombstones: false,
    gatewayToo: true,
  },
} as const satisfies Readonly<Record<string, Kind>>

export type ProxyName = keyof typeof KINDS

export interface NamedProxy extends Address {
  readonly name: ProxyName
  /** `host:port` of the Kafka behind it: topics are made and emptied there. */
  readonly broker: string
}

export const kindOf = (name: ProxyName): Kind => KINDS[name]

const KAFKA = '127.0.0.1:9092'
/** What `compose.yaml` starts. */
const COMPOSE = [
  'confluent=http://127.0.0.1:8082',
  'strimzi=http://127.0.0.1:8083',
  'karapace=http://127.0.0.1:8084',
  'redpanda=http://127.0.0.1:8085#127.0.0.1:9093',
].join(',')

/**
 * Reads `name=url[#host:port]`, several with commas between them, or `compose` for those of `compose.yaml`. The
 * address behind `#` is that of a broker, 127.0.0.1:9092 where none is given; credentials may stand in the URL.
 *
 * @throws Error that says what is wrong, and quotes no password.
 */
export function namedProxies(given: string): NamedProxy[] {
  const text = given === 'compose' ? COMPOSE : given
  return text === '' ? [] : text.split(',').map((one) => proxyOf(one.trim()))
}

function proxyOf(given: string): NamedProxy {
  const [name = '', ...rest] = given.split('=')
  const names = Object.keys(KINDS).join(', ')
  if (!isName(name)) throw new Error(`KEDGE_PROXIES names a proxy that is none of ${names}`)
  const text = rest.join('=')
  if (!/^https?:/.test(text) || !URL.canParse(text)) throw new Error(`KEDGE_PROXIES gives no URL for ${name}`)
  const { origin, pathname, username, password, hash } = new URL(text)
  const auth = { username: decodeURIComponent(username), password: decodeURIComponent(password) }
  return {
    name,
    url: `${origin}${pathname.replace(/\/$/, '')}`,
    broker: hash.slice(1) || KAFKA,
    ...(username !== '' && { auth }),
  }
}

const isName = (name: string): name is ProxyName => Object.hasOwn(KINDS, name)
