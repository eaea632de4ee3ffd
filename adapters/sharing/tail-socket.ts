/**
 * A socket to the tail, for processes that live: the tail sends what is new, and proofs of freshness, and is asked for nothing.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { encodeUtf8 } from '../../src/wire/codec.ts'
import { toBase64 } from '../kafka/rest/base64.ts'
import { callback, topicNames } from '../option-tests.ts'
import { check } from '../options.ts'
import { AUTH_PROTOCOL, TAIL_PROTOCOL } from './tail/protocol.ts'
import { PushedLog } from './tail/pushed-log.ts'
import { type LinkCounts, type LinkStart, SocketLink, type WebSocketLike } from './tail/socket-link.ts'
import type { SocketTerms, TailSocket } from './tail.ts'

export type { WebSocketLike } from './tail/socket-link.ts'
export type { TailSocket } from './tail.ts'

export interface TailSocketOptions {
  /**
   * Topics of values, such as `['cache-updates']`, that sockets bring as well, committed records alone: for `replicate()`, which then
   * asks for nothing in calm either.
   *
   * @default none: they are read from `origin`
   */
  readonly updates?: readonly string[]
  /**
   * Opens a socket. Where the platform has no `WebSocket` (Node 20), or `headers` of `tail()` must reach a proxy, which the
   * constructor of the web cannot send: `(url, protocols, headers) => new WebSocket(url, protocols, { headers })` with the one of `ws`.
   *
   * @default the platform's `WebSocket`, looked up at each call
   */
  readonly connect?: (
    url: string,
    protocols: string[],
    headers: Readonly<Record<string, string>>,
  ) => WebSocketLike | Promise<WebSocketLike>
}

/** What the sockets of a process have done. */
export interface TailSocketStats {
  /** Sockets that have brought a beat, and are open. */
  readonly live: number
  readonly opened: number
  /** Sockets that broke, or did not open. */
  readonly broken: number
  /** Frames that were none, or did not fit what came before them. */
  readonly refused: number
}

const shape: Options = { connect: callback, updates: topicNames }
/** A process follows few partitions. */
const MAX_LINKS = 64

/**
 * Has `tail({ url, socket })` follow its topics over a WebSocket while it is asked for them, and answer by what that has brought: a
 * quiet process sends no request, and an eviction is there as soon as the tail has it. Where the socket is away, or what it has brought
 * is too old, the tail is asked by requests, as without one; `maxAgeMs: 0` always is.
 *
 * It is for processes that live, with `cache.follow()`. Not for Workers, whose sockets end with their request, nor for Lambda.
 *
 * @throws TypeError where an option is wrong or unknown; `tail()` does for a runtime that isolates requests.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { tail } from 'kedge/adapters/tail'
 * import { tailSocket } from 'kedge/adapters/tail-socket'
 *
 * const url = 'https://kafka.example'
 * const stopping = new AbortController()
 * const cache = createCache({ kafka: tail({ origin: gateway({ url }), url, socket: tailSocket() }) })
 * void cache.follow({ signal: stopping.signal })
 * ```
 */
export function tailSocket(options: TailSocketOptions = {}): TailSocket & { stats(): TailSocketStats } {
  check(shape, options, 'tailSocket')
  const counts: LinkCounts = { opened: 0, broken: 0, refused: 0 }
  const all = new Set<SocketLink>()
  return {
    over: (terms) => over(terms, options, counts, all),
    stats: () => ({ ...counts, live: [...all].filter(({ isLive }) => isLive).length }),
  }
}

type Connect = NonNullable<TailSocketOptions['connect']>

const connect: Connect = (url, protocols) => {
  if (globalThis.WebSocket === undefined)
    throw new TypeError('`connect`: this platform has no WebSocket of its own: give one')
  return new globalThis.WebSocket(url, protocols)
}

function over(
  { asked, topics, runtime, endpoint }: SocketTerms,
  { connect: connectTo = connect, updates = [] }: TailSocketOptions,
  counts: LinkCounts,
  all: Set<SocketLink>,
): Pick<KafkaLog, 'offsets' | 'read'> & { close(): void } {
  const links = new Map<string, SocketLink>()
  const committed = new Set(updates)
  for (const topic of updates)
    if (topics.has(topic))
      throw new TypeError(`\`updates\`: ${topic} is among the topics that the tail follows`)
  const open = async (
    place: string,
    isCommitted: boolean,
    { from, logId }: LinkStart,
    everyMs: number,
  ): Promise<WebSocketLike> => {
    const { authorization, ...headers } = (await endpoint.credentials()).headers
    const query = new URLSearchParams({ from: String(from), beat: String(everyMs) })
    if (logId !== undefined) query.set('log', logId)
    if (isCommitted) query.set('committed', '1')
    const protocols = [TAIL_PROTOCOL]
    if (authorization !== undefined) protocols.push(AUTH_PROTOCOL + base64Url(authorization))
    const origin = endpoint.origin.replace(/^http/, 'ws')
    return connectTo(`${origin}${endpoint.path}/tail/${place}/ws?${query.toString()}`, protocols, headers)
  }
  const linkOf = (topic: string, partition: number): SocketLink | undefined => {
    const place = `${encodeURIComponent(topic)}/${partition}`
    const known = links.get(place)
    if (known || links.size >= MAX_LINKS) return known
    const link = new SocketLink({
      partition,
      runtime,
      counts,
      open: (start, everyMs) => open(place, committed.has(topic), start, everyMs),
    })
    links.set(place, link)
    all.add(link)
    return link
  }
  const isolations = new Map<string, 'committed' | 'uncommitted'>(
    [...topics].map((topic) => [topic, 'uncommitted']),
  )
  for (const topic of updates) isolations.set(topic, 'committed')
  const log = new PushedLog({ asked, topics: isolations, runtime, linkOf })
  return {
    offsets: (topic, how) => log.offsets(topic, how),
    read: (topic, positions, how) => log.read(topic, positions, how),
    close() {
      for (const link of links.values()) {
        link.close()
        all.delete(link)
      }
    },
  }
}

const base64Url = (text: string): string =>
  toBase64(encodeUtf8(text)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
