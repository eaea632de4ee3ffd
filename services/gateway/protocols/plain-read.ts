/**
 * Answers the polls of isolates without a router: thousands that records wake together then cost half as much.
 *
 * The gateway answers a request here only if all of its middleware would let it pass unchanged. It leaves every other
 * request, and every one that it has to refuse, to the router: the client gets the same answer, and the gateway works longer.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '../access.ts'
import { accessOf } from '../around-each.ts'
import type { AccessEntry } from '../around-each.ts'
import type { AuthorizedCluster } from '../authorized-cluster.ts'
import { clientNamed } from '../client.ts'
import type { Credentials } from '../credentials.ts'
import { formatOf } from '../embedded-format.ts'
import { Refusal } from '../refusal.ts'
import type { Service } from '../service.ts'
import { REQUEST_ID, requestIdGiven } from '../../audit/request-ids.ts'
import { NodeRead } from './node-read.ts'
import { readOf } from './stateless-read.ts'
import type { Asked } from './stateless-read.ts'

export interface PlainReadOptions {
  readonly service: Service
  readonly credentials: Credentials
  /** The cluster as a principal may read it. */
  readonly readerOf: (principal: Principal) => AuthorizedCluster
  readonly allowsHost: ((host: string | undefined) => boolean) | undefined
  readonly onRequest: ((entry: AccessEntry) => void) | undefined
}

/** Answers the request, or says that it does not: `false`. */
export type Answering = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean

/** Nothing in it is written in two ways: no escape, no dot segment. */
const TARGET = /^\/topics\/(?!\.{1,2}\/)([\w.-]{1,249})\/partitions\/(\d{1,9})\/records\?([\w.=&-]{1,512})$/
/** A name or an address of IPv4, perhaps with a port (RFC 9110, section 7.2). */
const HOST = /^[a-z0-9._-]+(?::(?:\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?$/
/** What browsers send, and who has a body: the gateway has rules for them. */
const SPECIAL = ['origin', 'sec-fetch-site', 'content-length', 'transfer-encoding'] as const

export function plainReads({
  service,
  credentials,
  readerOf,
  allowsHost,
  onRequest,
}: PlainReadOptions): Answering {
  const { cors, runtime } = service
  // Each answer has to say for which pages it is.
  if (cors) return () => false
  const onClose = onRequest && accessOf(runtime, onRequest)
  return (incoming, outgoing) => {
    const { headers, method, socket, url = '' } = incoming
    if (method !== 'GET' || SPECIAL.some((name) => headers[name] !== undefined)) return false
    const { accept = '', authorization, host = '' } = headers
    const [, topic, partition, query] = TARGET.exec(url) ?? []
    const format = formatOf(accept)
    if (topic === undefined || !format || !HOST.test(host) || allowsHost?.(host) === false) return false
    const address = socket.remoteAddress ?? ''
    // A credential that needs the check of a hash, or is wrong, is left to the router, which also limits wrong ones.
    const principal = credentials.anybody ?? credentials.known(authorization, address)
    const read = principal && readIn(query!, service)
    if (!read) return false
    const { offset, ...options } = read
    const asked: Asked = {
      ...options,
      position: { topic, partition: Number(partition), offset },
      format,
      ifNoneMatch: headers['if-none-match'],
      client: clientNamed(principal.name, address),
      requestId: requestIdGiven(headers[REQUEST_ID]?.toString()),
      cluster: readerOf(principal),
    }
    new NodeRead(service, asked, outgoing, onClose).begin()
    return true
  }
}

/** What a read may say, each once. */
const NAMES: ReadonlySet<string> = new Set(['offset', 'timeout', 'max_bytes', 'isolation_level', 'log'])

/** `undefined` for what is to be refused, or may mean more than one thing. */
function readIn(text: string, service: Service): ReturnType<typeof readOf> | undefined {
  const query: Record<string, string> = {}
  for (const part of text.split('&')) {
    const at = part.indexOf('=')
    const name = part.slice(0, Math.max(0, at))
    if (!NAMES.has(name) || query[name] !== undefined) return undefined
    query[name] = part.slice(at + 1)
  }
  try {
    return readOf(query, service)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}
