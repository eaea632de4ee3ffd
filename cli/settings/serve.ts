/** Settings of the sidecar: what it serves, and to which clients. @module */
import { SERVE_AUDIT } from './audit.ts'
import { serveTls } from './tls.ts'
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { choice, length, list, text, truth, whole } from '../value-types.ts'

type Optional<T> = Setting<T | undefined>

export const host: Setting<string> = setting('serve.host', {
  flag: '--host <address>',
  shape: text,
  says: 'the address to listen on',
  otherwise: '127.0.0.1',
})
export const port: Setting<number> = setting('serve.port', {
  flag: '--port <number>',
  shape: whole(0, 65_535),
  says: 'the port to listen on; 0 takes a free one',
  otherwise: 8080,
})
export const origin: Optional<string> = setting<string | undefined>('serve.origin', {
  flag: '--origin <url>',
  shape: text,
  says: 'the URL that values are loaded from and written to; needs --namespaces',
  otherwise: undefined,
  otherwiseSays: 'none: it serves the values that clients put',
})
export const originToken: Optional<string> = setting<string | undefined>('serve.originToken', {
  flag: '--origin-token <secret>',
  shape: text,
  says: 'a bearer token for the origin',
  otherwise: undefined,
  secret: true,
})
export const originFormat: Setting<'plain' | 'envelope'> = setting<'plain' | 'envelope'>(
  'serve.originFormat',
  {
    flag: '--origin-format <format>',
    shape: choice('plain', 'envelope'),
    says: "the origin's bodies: plain, any JSON is the value; or envelope, { value, tags, ttl }",
    otherwise: 'plain',
  },
)
export const originTagsHeader: Optional<string> = setting<string | undefined>('serve.originTagsHeader', {
  flag: '--origin-tags-header <name>',
  shape: text,
  says: "the header of the origin's plain answers that has their tags",
  otherwise: undefined,
  otherwiseSays: 'cache-tag',
})
export const originTags: Optional<readonly string[]> = setting<readonly string[] | undefined>(
  'serve.originTags',
  {
    flag: '--origin-tags <templates>',
    shape: list(text),
    says: 'further tags, made from plain values: team:{value.teamId}; separated by commas',
    otherwise: undefined,
    otherwiseSays: 'none',
  },
)
export const originCacheControl: Optional<'honour' | 'ignore'> = setting<'honour' | 'ignore' | undefined>(
  'serve.originCacheControl',
  {
    flag: '--origin-cache-control <what>',
    shape: choice('honour', 'ignore'),
    says: 'whether Cache-Control of plain answers decides how long they are kept',
    otherwise: undefined,
    otherwiseSays: 'honour',
  },
)
export const originMaxTtl: Setting<number> = setting('serve.originMaxTtl', {
  flag: '--origin-max-ttl <duration>',
  shape: length,
  says: 'the longest time to live that the origin may give a value',
  otherwise: 86_400_000,
  otherwiseSays: '1d',
})
export const namespaces: Optional<readonly string[]> = setting<readonly string[] | undefined>(
  'serve.namespaces',
  {
    flag: '--namespaces <names>',
    shape: list(text),
    says: 'the namespaces that it serves, separated by commas',
    otherwise: undefined,
    otherwiseSays: 'the first hundred that clients name',
  },
)

const tokens = (path: string, flag: string, says: string): Setting<readonly string[]> =>
  setting<readonly string[]>(path, { flag, shape: list(text), says, otherwise: [], secret: true })

export const readTokens: Setting<readonly string[]> = tokens(
  'serve.readTokens',
  '--read-tokens <secrets>',
  'bearer tokens that may read, separated by commas',
)
export const writeTokens: Setting<readonly string[]> = tokens(
  'serve.writeTokens',
  '--write-tokens <secrets>',
  'bearer tokens that may write',
)
export const evictTokens: Setting<readonly string[]> = tokens(
  'serve.evictTokens',
  '--evict-tokens <secrets>',
  'bearer tokens that may evict',
)
export const open: Setting<boolean> = setting('serve.open', {
  flag: '--open',
  shape: truth,
  says: 'let every client that reaches it do everything',
  otherwise: false,
})

export const ttl: Setting<number> = setting('serve.ttl', {
  flag: '--ttl <duration>',
  shape: length,
  says: 'the time to live of a value',
  otherwise: 300_000,
})
export const swr: Setting<number> = setting('serve.swr', {
  flag: '--swr <duration>',
  shape: length,
  says: 'how long after its ttl a value is served while it is loaded again',
  otherwise: 0,
})
export const staleIfError: Setting<number> = setting('serve.staleIfError', {
  flag: '--stale-if-error <duration>',
  shape: length,
  says: 'how long after its ttl a value is served while its load fails',
  otherwise: 0,
})
export const maxStaleness: Setting<number> = setting('serve.maxStaleness', {
  flag: '--max-staleness <duration>',
  shape: length,
  says: 'the promise: it serves no value whose eviction was acknowledged longer ago',
  otherwise: 2000,
})
export const pollTimeout: Setting<number> = setting('serve.pollTimeout', {
  flag: '--poll-timeout <duration>',
  shape: length,
  says: 'how long a read of a held value waits for a poll of the log',
  otherwise: 500,
})
export const onUnreachable: Setting<'stale' | 'bypass' | 'throw'> = setting<'stale' | 'bypass' | 'throw'>(
  'serve.onUnreachable',
  {
    flag: '--on-unreachable <what>',
    shape: choice('stale', 'bypass', 'throw'),
    says: 'when freshness cannot be proved: stale (for --max-outage, then bypass), bypass or throw',
    otherwise: 'stale',
  },
)
export const maxOutage: Setting<number> = setting('serve.maxOutage', {
  flag: '--max-outage <duration>',
  shape: length,
  says: 'how long stale values are served',
  otherwise: 30_000,
})
export const mode: Setting<'invalidate' | 'replicate'> = setting<'invalidate' | 'replicate'>('serve.mode', {
  flag: '--mode <mode>',
  shape: choice('invalidate', 'replicate'),
  says: 'invalidate reads evictions, replicate also values',
  otherwise: 'invalidate',
})
export const updatesIsolation: Setting<'committed' | 'uncommitted'> = setting<'committed' | 'uncommitted'>(
  'serve.updatesIsolation',
  {
    flag: '--updates-isolation <level>',
    shape: choice('committed', 'uncommitted'),
    says: 'how values are read: uncommitted for proxies that cannot read committed, if no producer uses transactions',
    otherwise: 'committed',
  },
)
export const maxEntries: Setting<number> = setting('serve.maxEntries', {
  flag: '--max-entries <number>',
  shape: whole(1),
  says: 'the most values that it holds',
  otherwise: 10_000,
})
export const maxBytes: Setting<number> = setting('serve.maxBytes', {
  flag: '--max-bytes <number>',
  shape: whole(1),
  says: 'the most bytes of values that it holds',
  otherwise: 32_000_000,
})
export const maxBodyBytes: Setting<number> = setting('serve.maxBodyBytes', {
  flag: '--max-body-bytes <number>',
  shape: whole(1),
  says: 'the largest body that it reads',
  otherwise: 1_000_000,
})

export const bulk: Setting<'on' | 'off'> = setting<'on' | 'off'>('serve.bulk', {
  flag: '--bulk <what>',
  shape: choice('on', 'off'),
  says: 'whether clients that may read get streams of evictions, and dumps of whole namespaces',
  otherwise: 'on',
})

export const transport: Optional<'undici' | 'fetch'> = setting<'undici' | 'fetch' | undefined>(
  'serve.transport',
  {
    flag: '--transport <name>',
    shape: choice('undici', 'fetch'),
    says: 'what sends the requests to the proxy',
    otherwise: undefined,
    otherwiseSays: 'undici where it is installed, else fetch',
  },
)
export const drain: Setting<number> = setting('serve.drain', {
  flag: '--drain <duration>',
  shape: length,
  says: 'how long /readyz answers 503 before the sidecar stops listening',
  otherwise: 0,
})
export const grace: Setting<number> = setting('serve.grace', {
  flag: '--grace <duration>',
  shape: length,
  says: 'how long open requests may take after --drain',
  otherwise: 5000,
})
export const listen: Optional<string> = setting<string | undefined>('serve.listen', {
  flag: '--listen <[host:]port>',
  shape: text,
  says: 'a second address for /healthz, /readyz, /lag and /metrics; port 0 takes a free one',
  otherwise: undefined,
  otherwiseSays: 'nowhere',
})

export const accessLog: Setting<boolean> = setting('serve.accessLog', {
  flag: '--access-log',
  shape: truth,
  says: 'print one line for each request',
  otherwise: false,
})

export const SERVE_SETTINGS: readonly AnySetting[] = [
  host,
  port,
  origin,
  originToken,
  originFormat,
  originTagsHeader,
  originTags,
  originCacheControl,
  originMaxTtl,
  namespaces,
  readTokens,
  writeTokens,
  evictTokens,
  open,
  ttl,
  swr,
  staleIfError,
  maxStaleness,
  pollTimeout,
  onUnreachable,
  maxOutage,
  mode,
  updatesIsolation,
  maxEntries,
  maxBytes,
  maxBodyBytes,
  bulk,
  transport,
  drain,
  grace,
  ...Object.values(serveTls),
  ...SERVE_AUDIT,
  accessLog,
  listen,
]
