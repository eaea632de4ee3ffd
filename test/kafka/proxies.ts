/** The REST proxies that a person names, so that the contract of a log is tested on them. @module */
import { REST_PROXIES } from '../../adapters/manifest.ts'
import type { ProxyAddress, RestProxy } from '../../adapters/manifest.ts'
import type { KafkaLog, LogCapabilities } from '../../src/ports/kafka-log.ts'

interface Address {
  readonly url: string
  readonly auth?: { readonly username: string; readonly password: string }
}

/** How a proxy is reached by its adapter, and what is expected of it. */
interface Kind extends Pick<RestProxy, 'tombstones' | 'gatewayToo'> {
  readonly open: (address: ProxyAddress) => Promise<KafkaLog>
  readonly capabilities: LogCapabilities
}

/** A proxy that hangs fails a test by the adapter's error, not by the runner's. */
const limits = { requestTimeout: '20s' } as const

const KINDS = new Map<string, Kind>(
  REST_PROXIES.flatMap(({ flavor, alone, open, capabilities, ...rest }) =>
    flavor !== undefined && alone && open && capabilities
      ? [[flavor, { ...rest, capabilities, open: (at) => open({ ...at, ...limits }) }]]
      : [],
  ),
)

export const kindOf = (name: string): Kind => KINDS.get(name)!

export const GATEWAY: LogCapabilities = kindOf('gateway').capabilities

export interface NamedProxy extends Address {
  readonly name: string
  /** `host:port` of the Kafka behind it: topics are made and emptied there. */
  readonly broker: string
}

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
  const names = [...KINDS.keys()].toSorted().join(', ')
  if (!KINDS.has(name)) throw new Error(`KEDGE_PROXIES names a proxy that is none of ${names}`)
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
