/** Settings: how commands reach Kafka over HTTP. @module */
import type { Flavor as KafkaRestFlavor } from '../../adapters/kafka/kafka-rest.ts'
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { choice, length, text } from '../value-types.ts'
import { SIGNING_SETTINGS } from './signing.ts'

type Optional<T> = Setting<T | undefined>

/** The protocol of a proxy. */
export type Flavor = 'auto' | KafkaRestFlavor | 'upstash'

const FLAVORS = [
  'auto',
  'gateway',
  'confluent',
  'redpanda',
  'strimzi',
  'karapace',
  'warpstream',
  'upstash',
] as const satisfies readonly Flavor[]

export const url: Setting<string> = setting('url', {
  flag: '--url <url>',
  shape: text,
  says: 'the HTTP proxy in front of Kafka',
  otherwise: 'http://127.0.0.1:8082',
})
export const flavor: Setting<Flavor> = setting<Flavor>('flavor', {
  flag: '--flavor <name>',
  shape: choice(...FLAVORS),
  says: `the kind of proxy: one of ${FLAVORS.join(', ')}`,
  otherwise: 'gateway',
})
export const username: Optional<string> = setting<string | undefined>('username', {
  flag: '--username <name>',
  shape: text,
  says: 'the user name for the proxy, with a password',
  otherwise: undefined,
})
export const password: Optional<string> = setting<string | undefined>('password', {
  flag: '--password <secret>',
  shape: text,
  says: 'the password of --username',
  otherwise: undefined,
  secret: true,
})
export const authToken: Optional<string> = setting<string | undefined>('authToken', {
  flag: '--auth-token <secret>',
  shape: text,
  says: 'a bearer token for the proxy',
  otherwise: undefined,
  secret: true,
})
export const requestTimeout: Setting<number> = setting('requestTimeout', {
  flag: '--request-timeout <duration>',
  shape: length,
  says: 'how long one request may take',
  otherwise: 5000,
})

/** How a backend is spoken to, wherever it is. */
export const UPSTREAM_SETTINGS: readonly AnySetting[] = [
  flavor,
  username,
  password,
  authToken,
  requestTimeout,
]

export const PROXY_SETTINGS: readonly AnySetting[] = [
  url,
  flavor,
  username,
  password,
  authToken,
  requestTimeout,
  ...SIGNING_SETTINGS,
]
