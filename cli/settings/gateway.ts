/** Settings of the gateway: where it listens, what it holds and what it allows. @module */
import { GATEWAY_AUDIT } from './audit.ts'
import { gatewayTls } from './tls.ts'
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import type { Role } from '../../services/gateway/access.ts'
import type { Credential } from '../../services/gateway/credentials.ts'
import { credentialList } from '../credential-list.ts'
import { choice, length, list, text, texts, truth, whole } from '../value-types.ts'

type Optional<T> = Setting<T | undefined>

export const host: Setting<string> = setting('gateway.host', {
  flag: '--host <address>',
  shape: text,
  says: 'the address to listen on',
  otherwise: '127.0.0.1',
})
export const port: Setting<number> = setting('gateway.port', {
  flag: '--port <number>',
  shape: whole(0, 65_535),
  says: 'the port to listen on; 0 takes a free one',
  otherwise: 8082,
})
export type LogKind = 'memory' | 'kafka'
export const logKind: Optional<LogKind> = setting<LogKind | undefined>('gateway.log', {
  flag: '--log <kind>',
  shape: choice('memory', 'kafka'),
  says: 'memory, or kafka with --brokers',
  otherwise: undefined,
  otherwiseSays: 'kafka with brokers, else memory',
})
export const upstream: Optional<string> = setting<string | undefined>('gateway.upstream', {
  flag: '--upstream <url>',
  shape: text,
  says: 'be a relay: ask this REST backend once for all clients; it is asked what it is, unless --flavor says it',
  otherwise: undefined,
})
export const memoryTopics: Setting<readonly string[]> = setting<readonly string[]>('gateway.topics', {
  flag: '--topic <name[:count]>',
  shape: list(text),
  says: 'create a topic in memory; may be repeated',
  otherwise: [],
  many: true,
})
export const memoryPartitions: Setting<number> = setting('gateway.partitions', {
  flag: '--partitions <number>',
  shape: whole(1, 1000),
  says: 'partitions of topics that are created in memory on first use',
  otherwise: 1,
})
export const autoCreate: Setting<boolean> = setting('gateway.autoCreate', {
  flag: '--no-auto-create',
  shape: truth,
  says: 'refuse requests for unknown topics in memory',
  otherwise: true,
})
export const retentionRecords: Setting<number> = setting('gateway.retentionRecords', {
  flag: '--retention-records <n>',
  shape: whole(1),
  says: 'records held in a partition in memory',
  otherwise: 100_000,
})
export const retentionBytes: Setting<number> = setting('gateway.retentionBytes', {
  flag: '--retention-bytes <n>',
  shape: whole(1),
  says: 'bytes held in a partition in memory',
  otherwise: 16_777_216,
})
export const maxWait: Setting<number> = setting('gateway.maxWait', {
  flag: '--max-wait <duration>',
  shape: length,
  says: 'the longest wait of a poll',
  otherwise: 30_000,
})
export const maxPolls: Optional<number> = setting<number | undefined>('gateway.maxPolls', {
  flag: '--max-polls <number>',
  shape: whole(1),
  says: 'polls that may wait at once',
  otherwise: undefined,
  otherwiseSays: '1000',
})
export const drain: Setting<number> = setting('gateway.drain', {
  flag: '--drain <duration>',
  shape: length,
  says: 'how long /readyz answers 503 before the gateway stops listening',
  otherwise: 0,
})
export const grace: Setting<number> = setting('gateway.grace', {
  flag: '--grace <duration>',
  shape: length,
  says: 'how long open requests may take after --drain',
  otherwise: 5000,
})
export const users: Setting<readonly string[]> = setting<readonly string[]>('gateway.user', {
  flag: '--user <name:password>',
  shape: texts,
  says: 'Basic credentials of clients; may be repeated',
  otherwise: [],
  many: true,
  quiet: true,
})
export const tokens: Setting<readonly string[]> = setting<readonly string[]>('gateway.token', {
  flag: '--token <token>',
  shape: texts,
  says: 'a bearer token of clients; may be repeated',
  otherwise: [],
  many: true,
  quiet: true,
})
export const topics: Optional<readonly string[]> = setting<readonly string[] | undefined>(
  'gateway.allowedTopics',
  {
    flag: '--topics <patterns>',
    shape: list(text),
    says: "the topics that clients may use, 'cache-*'; separated by commas",
    otherwise: undefined,
    otherwiseSays: 'all',
  },
)
export const roles: Optional<readonly Role[]> = setting<readonly Role[] | undefined>('gateway.roles', {
  flag: '--roles <list>',
  shape: list(choice('read', 'write', 'admin')),
  says: 'what --user, --token and everybody without credentials may do: read, write, admin',
  otherwise: undefined,
  otherwiseSays: 'read,write; on the log in memory admin too',
})
export const credentials: Setting<readonly Credential[]> = setting<readonly Credential[]>(
  'gateway.credentials',
  {
    flag: '--credentials <list>',
    shape: credentialList,
    says: 'credentials with roles and topics of their own, as JSON',
    otherwise: [],
    secret: true,
  },
)
export const open: Setting<boolean> = setting('gateway.open', {
  flag: '--open',
  shape: truth,
  says: 'let every client in that reaches it, without credentials',
  otherwise: false,
})
export const corsOrigins: Setting<readonly string[]> = setting<readonly string[]>('gateway.corsOrigin', {
  flag: '--cors-origin <origin>',
  shape: list(text),
  says: 'an origin whose web pages may ask, https://app.example; may be repeated',
  otherwise: [],
  many: true,
})
export const upstash: Setting<boolean> = setting('gateway.upstash', {
  flag: '--upstash',
  shape: truth,
  says: "speak Upstash's protocol too",
  otherwise: false,
})
export const accessLog: Setting<boolean> = setting('gateway.accessLog', {
  flag: '--access-log',
  shape: truth,
  says: 'print one line for each request',
  otherwise: false,
})

export const listen: Optional<string> = setting<string | undefined>('gateway.listen', {
  flag: '--listen <[host:]port>',
  shape: text,
  says: 'a second address, for /healthz, /readyz and /metrics alone; port 0 takes a free one',
  otherwise: undefined,
  otherwiseSays: 'nowhere',
})

export const GATEWAY_SETTINGS: readonly AnySetting[] = [
  host,
  port,
  logKind,
  upstream,
  memoryTopics,
  memoryPartitions,
  autoCreate,
  retentionRecords,
  retentionBytes,
  maxWait,
  maxPolls,
  drain,
  grace,
  users,
  tokens,
  topics,
  roles,
  credentials,
  open,
  corsOrigins,
  upstash,
  ...Object.values(gatewayTls),
  ...GATEWAY_AUDIT,
  accessLog,
  listen,
]
