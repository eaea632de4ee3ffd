/**
 * What a gateway counts, for its metrics. A request, a poll that waits and a connection cost a number here and no object
 * of their own: who wants the figures reads them.
 *
 * @module
 */
import type { Socket } from 'node:net'
import type { TailStats } from '../../adapters/sharing/tail/state.ts'
import type { RefusalReason } from './refusal.ts'

/** Called once a request is answered. The route is a pattern, and `other` where none fits. */
export type Answered = (method: string, route: string, status: number, ms: number) => void

/** Why a client was not let in. */
export type CredentialFault =
  /** It has shown none. */
  | 'missing'
  | 'wrong'
  /** Its address has shown too many wrong ones. */
  | 'limited'

/** Counters since construction, and gauges of this moment. The gateway changes them; others read them alone. */
export class GatewayCounters {
  /** Polls that wait now. */
  pollsWaiting = 0
  /** Sockets that follow a partition. */
  sockets: () => number = () => 0
  /** How many may wait at once, and how many connections there may be; `undefined` until a gateway has been made with them. */
  maxPolls: number | undefined
  maxConnections: number | undefined
  /** Loops of a shared tail. */
  tails: () => number = () => 0
  /** What the gateway has done as the tail that isolates ask for proofs; `undefined` until a gateway has been made with them. */
  proofs: () => TailStats | undefined = () => undefined
  /** Reads that the window of a shared tail has answered. */
  tailHits = 0
  /** Reads that a shared tail has handed on to the cluster. */
  tailReads = 0
  /** Connections that were refused because there are too many, of all or of this address. */
  connectionsRefused = 0
  /** Requests, or single records of them, that were refused. */
  readonly refused: Map<RefusalReason, number> = new Map()
  readonly credentials: Record<CredentialFault, number> = { missing: 0, wrong: 0, limited: 0 }
  answered: Answered | undefined
  readonly #open = new Set<Iterable<Socket>>()
  #received = 0
  #sent = 0

  refuse(reason: RefusalReason, count = 1): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + count)
  }

  /** Counts the connections of a listener, for as long as it lives. */
  watch(sockets: Iterable<Socket>): void {
    this.#open.add(sockets)
  }

  /** A connection has ended: what it has carried stays counted. */
  ended({ bytesRead, bytesWritten }: Socket): void {
    this.#received += bytesRead
    this.#sent += bytesWritten
  }

  get connections(): number {
    let count = 0
    for (const sockets of this.#open) for (const _ of sockets) count++
    return count
  }

  /** Bytes that clients have sent, with those of headers and of TLS. */
  get receivedBytes(): number {
    return this.#sum(this.#received, ({ bytesRead }) => bytesRead)
  }

  /** Bytes that clients were sent. */
  get sentBytes(): number {
    return this.#sum(this.#sent, ({ bytesWritten }) => bytesWritten)
  }

  #sum(ended: number, bytesOf: (socket: Socket) => number): number {
    let bytes = ended
    for (const sockets of this.#open) for (const socket of sockets) bytes += bytesOf(socket)
    return bytes
  }
}
