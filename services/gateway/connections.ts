/**
 * The connections of a server: their requests in turn, a share of the places for each address, and an end for those that
 * take nothing.
 *
 * @module
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { GatewayCounters } from './counters.ts'
import { FairBound } from './fair-bound.ts'
import { networkOf } from './remote.ts'

/** Requests that one connection may have in line behind the one at work. */
const MAX_IN_LINE = 256
/** And all connections together: each is some kilobytes. */
const MAX_ALL_IN_LINE = 4096

export interface ConnectionBounds {
  readonly maxConnections: number
  /** What one address may have of them, in percent of what the others leave. @default 75 */
  readonly clientShare?: number
  /**
   * A connection that takes nothing of its answer for so long is cut, and so is one on which nothing is ever asked, in
   * milliseconds. @default 30_000
   */
  readonly stallMs?: number
  /** Counts the connections, and what they carry. @default without */
  readonly counters?: GatewayCounters | undefined
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

export class Connections {
  readonly #answer: Answer
  readonly #places: FairBound
  /** Connections without a request yet: Node counts them as busy, and would wait for them at the end. */
  readonly #silent = new Set<Socket>()
  /** Connections with a request at work. */
  readonly #atWork = new Set<Socket>()
  /** Requests that a client has sent without waiting for the answers before them. */
  readonly #lines = new Map<Socket, [IncomingMessage, ServerResponse][]>()
  readonly #stallMs: number
  readonly #counters: GatewayCounters | undefined
  /** Every connection that is counted; with TLS the bare one. */
  readonly #open = new Set<Socket>()
  /** Node tells again of a connection whose upgrade was not taken. */
  readonly #known = new WeakSet<Socket>()
  #inLine = 0

  constructor(answer: Answer, bounds: ConnectionBounds) {
    const { maxConnections, clientShare = 75, stallMs = 30_000, counters } = bounds
    this.#answer = answer
    this.#counters = counters
    if (counters) counters.maxConnections = maxConnections
    counters?.watch(this.#open)
    this.#stallMs = stallMs
    this.#places = new FairBound(maxConnections, clientShare)
  }

  /** Looks after the connections of this server: with TLS first the bare connection, then the one inside. */
  attend(server: Server): void {
    // Thousands of requests wait: they share the function that hears of their end.
    const ended = (socket: Socket) => this.#next(socket)
    const onClose = function (this: ServerResponse): void {
      ended(this.req.socket)
      // An idle keep-alive connection would keep a server open that has stopped listening.
      if (!server.listening) setImmediate(() => server.closeIdleConnections())
    }
    server.on('request', (request, response) => {
      response.on('close', onClose)
      this.#take(request, response)
    })
    server.timeout = this.#stallMs
    // Node calls this when a socket has neither sent nor taken anything for so long.
    server.on('timeout', (socket) => {
      if (socket.writableLength > 0 || !this.#atWork.has(socket)) socket.destroy()
    })
    // Which bare connection an inner one is of; without TLS none is kept.
    const bare = new Map<string, Socket>()
    const isTls = server instanceof TlsServer
    server.on('connection', (socket) => {
      if (this.#known.has(socket)) return
      this.#known.add(socket)
      const network = socket.remoteAddress === undefined ? undefined : networkOf(socket.remoteAddress)
      if (!this.#places.take(network, 1)) {
        if (this.#counters) this.#counters.connectionsRefused++
        socket.destroy()
        return
      }
      if (this.#counters) this.#open.add(socket)
      this.#silent.add(socket)
      socket.once('close', () => {
        this.#places.give(network, 1)
        this.#open.delete(socket)
        this.#counters?.ended(socket)
        this.#ended(socket)
      })
      if (!isTls) return
      const peer = peerOf(socket)
      bare.set(peer, socket)
      socket.once('close', () => {
        if (bare.get(peer) === socket) bare.delete(peer)
      })
    })
    server.on('secureConnection', (socket: Socket) => {
      const outer = bare.get(peerOf(socket))
      if (outer) this.#silent.delete(outer)
      this.#silent.add(socket)
      socket.once('close', () => this.#ended(socket))
    })
  }

  /**
   * One request after the other: answers to all that a client has sent at once would be in memory together, and the
   * client need not read any of them.
   */
  #take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    if (!this.#atWork.has(socket)) {
      this.#silent.delete(socket)
      this.#atWork.add(socket)
      return this.#answer(request, response)
    }
    const line = this.#lines.get(socket) ?? []
    if (line.length >= MAX_IN_LINE || this.#inLine >= MAX_ALL_IN_LINE) return void socket.destroy()
    this.#lines.set(socket, line)
    line.push([request, response])
    this.#inLine++
    socket.pause()
  }

  /** A connection has become a socket: no request is awaited on it. */
  left(socket: Socket): void {
    this.#silent.delete(socket)
  }

  /** Ends the connections on which nothing was asked. */
  cutSilent(): void {
    for (const socket of this.#silent) socket.destroy()
  }

  #next(socket: Socket): void {
    const line = this.#lines.get(socket)
    const next = socket.destroyed ? undefined : line?.shift()
    if (!next) return void this.#atWork.delete(socket)
    this.#inLine--
    if (line!.length === 0) {
      this.#lines.delete(socket)
      socket.resume()
    }
    this.#answer(...next)
  }

  #ended(socket: Socket): void {
    this.#silent.delete(socket)
    this.#inLine -= this.#lines.get(socket)?.length ?? 0
    this.#lines.delete(socket)
    this.#atWork.delete(socket)
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
