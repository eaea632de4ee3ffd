/** The sockets of a tail's clients: one for each partition. A caller says how to open one. @module */
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import type { SocketTerms, TailSocket } from './options.ts'
import { PushedLog } from './pushed-log.ts'
import { type LinkCounts, type LinkStart, SocketLink, type WebSocketLike } from './socket-link.ts'

/** Where a socket is to be opened, and with what. */
export interface SocketAddress {
  /** `ws:` or `wss:`. */
  readonly url: string
  readonly authorization: string | undefined
  /** Without `authorization`. */
  readonly headers: Readonly<Record<string, string>>
}

export interface SocketsOptions {
  readonly dial: (address: SocketAddress, runtime: Runtime) => WebSocketLike | Promise<WebSocketLike>
  /** Topics of values that sockets bring as well, committed records alone. */
  readonly updates: readonly string[]
  /** A socket that no caller has asked for so long is closed. @default 30,000 */
  readonly lingerMs?: number
}

/** What the sockets of a process, or of an object, have done. */
export interface TailSocketStats {
  /** Sockets that have brought a beat, and are open. */
  readonly live: number
  readonly opened: number
  /** Sockets that broke, or did not open. */
  readonly broken: number
  /** Frames that were none, or did not fit what came before them. */
  readonly refused: number
}

/** A process follows few partitions. */
const MAX_LINKS = 64

export function socketsBy(options: SocketsOptions): TailSocket & { stats(): TailSocketStats } {
  const counts: LinkCounts = { opened: 0, broken: 0, refused: 0 }
  const all = new Set<SocketLink>()
  return {
    over: (terms) => over(terms, options, counts, all),
    stats: () => ({ ...counts, live: [...all].filter(({ isLive }) => isLive).length }),
  }
}

/** @throws TypeError where a topic of values is one that the tail follows */
function over(
  { asked, topics, runtime, endpoint }: SocketTerms,
  { dial, updates, lingerMs }: SocketsOptions,
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
    const origin = endpoint.origin.replace(/^http/, 'ws')
    const url = `${origin}${endpoint.path}/tail/${place}/ws?${query.toString()}`
    return dial({ url, authorization, headers }, runtime)
  }
  const linkOf = (topic: string, partition: number): SocketLink | undefined => {
    const place = `${encodeURIComponent(topic)}/${partition}`
    const known = links.get(place)
    if (known || links.size >= MAX_LINKS) return known
    const link = new SocketLink({
      partition,
      runtime,
      counts,
      ...(lingerMs !== undefined && { lingerMs }),
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
