/** A server of Node that can stop, gently or at once, and listen again. @module */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { getRequestListener } from '@hono/node-server'
import { Connections } from './connections.ts'
import type { ConnectionBounds } from './connections.ts'
import type { Sockets } from './sockets/sockets.ts'
import { TlsFiles } from './tls-files.ts'
import type { TlsOptions } from './tls-files.ts'
import { harmless } from '../../src/runtime/listener.ts'

/** HTTP headers of a request; more are dropped (Node's own limit for their bytes is 16 KiB). */
const MAX_HEADERS = 100
/** A request has this long to arrive whole, and its headers half of it: a client cannot hold a connection by sending slowly. */
const REQUEST_TIMEOUT_MS = 60_000
/** How often Node looks for requests that take too long. */
const LOOK_MS = 5000
/**
 * How long a connection is kept for the next poll: longer than balancers keep theirs (60 s is usual), so that
 * no balancer sends a request into a connection that the gateway is closing. Node's own 5 s are less than a
 * busy client may take.
 */
const KEEP_ALIVE_MS = 65_000

/** A client has this long for the handshake of TLS: until then it holds a connection, and has asked nothing. */
const HANDSHAKE_TIMEOUT_MS = 10_000

export interface ListenerOptions extends ConnectionBounds {
  readonly host: string
  /** @default without TLS */
  readonly tls?: TlsOptions | undefined
  /** Answers requests that need no `fetch`; `false` for all others. */
  readonly plain?: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Takes the requests that ask to become a socket. @default none becomes one */
  readonly sockets?: Sockets | undefined
  /** Called with the errors of files that were replaced; the server goes on with those before. */
  readonly onError?: ((error: unknown) => void) | undefined
}

export class Listener {
  readonly #connections: Connections
  readonly #options: ListenerOptions
  #files: TlsFiles | undefined
  #server: Server | undefined

  constructor(fetch: Parameters<typeof getRequestListener>[0], options: ListenerOptions) {
    // The gateway must not replace the globals of its process.
    const answer = getRequestListener(fetch, { overrideGlobalObjects: false })
    const begin = (request: IncomingMessage, response: ServerResponse) => {
      if (!options.plain?.(request, response)) void answer(request, response)
    }
    this.#connections = new Connections(begin, options)
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#server !== undefined
  }

  /** Listens, if it does not yet; the port that it has. Rejects with the error of `listen`, or a TypeError for `tls`. */
  async open(port: number): Promise<number> {
    if (this.#server) return port
    const server = await this.#made()
    this.#connections.attend(server)
    this.#options.sockets?.attend(server, (connection) => this.#connections.left(connection))
    server.maxHeadersCount = MAX_HEADERS
    server.maxConnections = this.#options.maxConnections
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.headersTimeout = REQUEST_TIMEOUT_MS / 2
    server.keepAliveTimeout = KEEP_ALIVE_MS
    server.listen(port, this.#options.host)
    try {
      await once(server, 'listening')
    } catch (error) {
      this.#files?.close()
      throw error
    }
    this.#server = server
    const address = server.address()
    return typeof address === 'object' && address ? address.port : port
  }

  async #made(): Promise<Server> {
    const { tls, sockets, onError } = this.#options
    const upgrades = sockets && { shouldUpgradeCallback: sockets.asked }
    const checks = { connectionsCheckingInterval: LOOK_MS, ...upgrades }
    if (!tls) return createServer(checks)
    const files = (this.#files = await TlsFiles.read(tls, harmless(onError)))
    const demands = tls.clientCa !== undefined && { requestCert: true, rejectUnauthorized: true }
    const timing = { ...checks, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }
    const server = createTlsServer({ ...files.texts, ...demands, ...timing })
    files.watch((texts) => server.setSecureContext(texts))
    return server
  }

  /**
   * Accepts no new connection. Resolves when the requests under way have ended; after `graceMs` it cuts them.
   */
  async close(graceMs: number): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    this.#files?.close()
    const closed = once(server, 'close')
    server.close()
    this.#connections.cutSilent()
    const cut = () => {
      server.closeAllConnections()
      this.#options.sockets?.cut()
    }
    const timer = graceMs > 0 ? setTimeout(cut, graceMs) : cut()
    await closed
    if (timer) clearTimeout(timer)
  }
}
