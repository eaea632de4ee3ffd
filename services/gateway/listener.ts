/** A server of Node that can stop, gently or at once, and listen again. @module */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'

/** HTTP headers of a request; more are dropped (Node's own limit for their bytes is 16 KiB). */
const MAX_HEADERS = 100
/** A request has this long to arrive whole: a client cannot hold a connection by sending slowly. */
const REQUEST_TIMEOUT_MS = 60_000
/**
 * How long a connection is kept for the next poll: longer than balancers keep theirs (60 s is usual), so that
 * no balancer sends a request into a connection that the gateway is closing. Node's own 5 s are less than a
 * busy client may take.
 */
const KEEP_ALIVE_MS = 65_000

export class Listener {
  readonly #answer: ReturnType<typeof getRequestListener>
  readonly #host: string
  readonly #maxConnections: number
  #server: Server | undefined
  /** Connections without a request yet: Node counts them as busy, and would wait for them at the end. */
  readonly #silent = new Set<Socket>()

  constructor(fetch: Parameters<typeof getRequestListener>[0], host: string, maxConnections: number) {
    // The gateway must not replace the globals of its process.
    this.#answer = getRequestListener(fetch, { overrideGlobalObjects: false })
    this.#host = host
    this.#maxConnections = maxConnections
  }

  get isOpen(): boolean {
    return this.#server !== undefined
  }

  /** Listens, if it does not yet; the port that it has. Rejects with the error of `listen`. */
  async open(port: number): Promise<number> {
    if (this.#server) return port
    const server = createServer((request, response) => {
      this.#silent.delete(request.socket)
      // An idle keep-alive connection would keep a server open that has stopped listening.
      response.once('close', () => setImmediate(() => server.listening || server.closeIdleConnections()))
      void this.#answer(request, response)
    })
    server.on('connection', (socket) => {
      this.#silent.add(socket)
      socket.once('close', () => this.#silent.delete(socket))
    })
    server.maxHeadersCount = MAX_HEADERS
    server.maxConnections = this.#maxConnections
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.keepAliveTimeout = KEEP_ALIVE_MS
    server.listen(port, this.#host)
    await once(server, 'listening')
    this.#server = server
    const address = server.address()
    return typeof address === 'object' && address ? address.port : port
  }

  /**
   * Accepts no new connection. Resolves when the requests under way have ended; after `graceMs` it cuts them.
   */
  async close(graceMs: number): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#silent) socket.destroy()
    const cut = () => server.closeAllConnections()
    const timer = graceMs > 0 ? setTimeout(cut, graceMs) : cut()
    await closed
    if (timer) clearTimeout(timer)
  }
}
