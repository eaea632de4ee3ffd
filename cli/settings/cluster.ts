/** Settings: how commands reach the brokers of a Kafka cluster. @module */
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { broker, choice, length, list, text, truth } from '../value-types.ts'

type Optional<T> = Setting<T | undefined>

export const brokers: Optional<readonly string[]> = setting<readonly string[] | undefined>('brokers', {
  flag: '--brokers <host:port,…>',
  shape: list(broker),
  says: 'brokers of the Kafka cluster',
  otherwise: undefined,
})
export const tls: Setting<boolean> = setting('tls.enabled', {
  flag: '--tls',
  shape: truth,
  says: 'speak TLS to the brokers; implied by the other --tls options',
  otherwise: false,
  env: 'KEDGE_TLS',
})
const pem = (path: string, flag: string, says: string): Optional<string> =>
  setting<string | undefined>(path, { flag, shape: text, says, otherwise: undefined })
export const tlsCa: Optional<string> = pem(
  'tls.ca',
  '--tls-ca <file>',
  'the certificate authorities to trust, PEM',
)
export const tlsCert: Optional<string> = pem(
  'tls.cert',
  '--tls-cert <file>',
  'the certificate of this client, PEM',
)
export const tlsKey: Optional<string> = pem(
  'tls.key',
  '--tls-key <file>',
  'the private key of --tls-cert, PEM',
)
export const tlsServername: Optional<string> = pem(
  'tls.servername',
  '--tls-servername <name>',
  'the name that the certificate of the brokers must have',
)
export const tlsInsecure: Setting<boolean> = setting('tls.insecure', {
  flag: '--tls-insecure',
  shape: truth,
  says: 'accept any certificate: for tests only',
  otherwise: false,
})
export type Mechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'
export const saslMechanism: Setting<Mechanism> = setting<Mechanism>('sasl.mechanism', {
  flag: '--sasl-mechanism <name>',
  shape: choice('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'),
  says: 'PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER',
  otherwise: 'PLAIN',
})
export const saslUsername: Optional<string> = setting<string | undefined>('sasl.username', {
  flag: '--sasl-username <name>',
  shape: text,
  says: 'the user name for the brokers',
  otherwise: undefined,
})
export const saslPassword: Optional<string> = setting<string | undefined>('sasl.password', {
  flag: '--sasl-password <secret>',
  shape: text,
  says: 'the password of --sasl-username',
  otherwise: undefined,
  secret: true,
})
export const saslToken: Optional<string> = setting<string | undefined>('sasl.token', {
  flag: '--sasl-token <secret>',
  shape: text,
  says: 'the bearer token for the brokers',
  otherwise: undefined,
  secret: true,
})
const ofToken = (name: string, flag: string, says: string): Optional<string> =>
  setting<string | undefined>(`sasl.${name}`, { flag, shape: text, says, otherwise: undefined })
export const saslTokenFile: Optional<string> = ofToken(
  'tokenFile',
  '--sasl-token-file <file>',
  'the file with the bearer token, read again for each connection',
)
export const saslTokenUrl: Optional<string> = ofToken(
  'tokenUrl',
  '--sasl-token-url <url>',
  'the token endpoint that gives bearer tokens by client credentials',
)
export const saslClientId: Optional<string> = ofToken(
  'clientId',
  '--sasl-client-id <id>',
  'the client at --sasl-token-url',
)
export const saslClientSecret: Optional<string> = setting<string | undefined>('sasl.clientSecret', {
  flag: '--sasl-client-secret <secret>',
  shape: text,
  says: 'the secret of --sasl-client-id',
  otherwise: undefined,
  secret: true,
})
export const saslScope: Optional<string> = ofToken(
  'scope',
  '--sasl-scope <scopes>',
  'the scopes to ask --sasl-token-url for',
)
export const saslExtensions: Setting<readonly string[]> = setting<readonly string[]>('sasl.extensions', {
  flag: '--sasl-extension <name=value>',
  shape: list(text),
  says: 'a SASL extension to send with the bearer token; may be repeated',
  otherwise: [],
  many: true,
})

export const sessionTimeout: Setting<number> = setting('session.timeout', {
  flag: '--session-timeout <duration>',
  shape: length,
  says: "the cluster's broker.session.timeout.ms: after this silence of a leader another broker may lead",
  otherwise: 9000,
})

export const CLUSTER_SETTINGS: readonly AnySetting[] = [
  brokers,
  tls,
  tlsCa,
  tlsCert,
  tlsKey,
  tlsServername,
  tlsInsecure,
  saslMechanism,
  saslUsername,
  saslPassword,
  saslToken,
  saslTokenFile,
  saslTokenUrl,
  saslClientId,
  saslClientSecret,
  saslScope,
  saslExtensions,
  sessionTimeout,
]
