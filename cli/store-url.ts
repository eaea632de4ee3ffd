/** Parses the URL of a store. @module */
import { UsageError } from './failure.ts'

export interface StoreUrl {
  readonly kind: 'redis' | 'redis-cluster' | 'memcached' | 'upstash'
  readonly tls: boolean
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number | undefined
  /** The URL without credentials. */
  readonly href: string
}

const KINDS = {
  redis: { kind: 'redis', tls: false, port: 6379 },
  rediss: { kind: 'redis', tls: true, port: 6379 },
  'redis-cluster': { kind: 'redis-cluster', tls: false, port: 6379 },
  'rediss-cluster': { kind: 'redis-cluster', tls: true, port: 6379 },
  memcached: { kind: 'memcached', tls: false, port: 11_211 },
  https: { kind: 'upstash', tls: true, port: 443 },
  http: { kind: 'upstash', tls: false, port: 80 },
} as const

const SHAPE = /^([a-z-]+):\/\/(?:([^@/]*)@)?([^@/?#]+)(\/[^?#]*)?$/
const HOST = /^([\w.-]{1,253}|\[[\da-fA-F:]{2,45}\])(?::(\d{1,5}))?$/

/** The credentials in a URL, encoded as in the URL and decoded. */
export function secretsOf(url: string): string[] {
  const credentials = SHAPE.exec(url)?.[2]
  if (credentials === undefined) return []
  const raw = credentials.slice(credentials.indexOf(':') + 1)
  return [raw, decoded(raw)]
}

/** @throws UsageError, which never quotes the URL. */
export function parseStoreUrl(url: string, password: string | undefined): StoreUrl {
  const [, scheme = '', credentials, list = '', path = ''] = SHAPE.exec(url) ?? []
  if (!Object.hasOwn(KINDS, scheme)) throw wrong()
  const { kind, tls, port } = KINDS[scheme as keyof typeof KINDS]
  const hosts = list.split(',').map((each) => hostOf(each, port))
  const [db, sub] = kind === 'redis' && path.length > 1 ? [Number(path.slice(1)), ''] : [undefined, path]
  if (db !== undefined && !(Number.isInteger(db) && db >= 0)) throw wrong()
  if (
    (hosts.length > 1 && (kind === 'redis' || kind === 'upstash')) ||
    (kind !== 'upstash' && sub.length > 1)
  )
    throw wrong()
  const colon = credentials?.indexOf(':') ?? -1
  const name = credentials === undefined ? '' : colon < 0 ? credentials : credentials.slice(0, colon)
  const given = credentials === undefined || colon < 0 ? undefined : decoded(credentials.slice(colon + 1))
  return {
    kind,
    tls,
    hosts,
    username: name === '' ? undefined : decoded(name),
    password: given ?? password,
    db,
    href: `${scheme}://${list}${path}`,
  }
}

function hostOf(text: string, port: number): { host: string; port: number } {
  const [, host, given] = HOST.exec(text.trim()) ?? []
  if (host === undefined || Number(given ?? port) > 65_535) throw wrong()
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(given ?? port) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const wrong = () =>
  new UsageError(
    '--to (KEDGE_SYNC_TO) must be redis://host:6379, rediss://host, redis-cluster://a:7000,b:7000, memcached://a:11211,b:11211, or the https:// URL of Upstash',
  )
