/**
 * Requests that become sockets: they pass the app as every request does, and a route of it takes them.
 *
 * @module
 */
import { STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { Context } from 'hono'
import { WebSocketServer } from 'ws'
import type { ServerOptions, WebSocket } from 'ws'
import { TAIL_PROTOCOL } from '../../../adapters/sharing/tail/protocol.ts'
import { unveil } from './credential.ts'

/** A socket's route: no other has a request become one. */
const PATH = /^\/tail\/[^/?]+\/\d+\/ws(?:\?|$)/
/** Clients send questions alone, which are short. */
const MAX_PAYLOAD = 1024
/** How long a client may take to close its side; then the gateway cuts it. */
const CLOSE_TIMEOUT_MS = 5000

type Taken = (socket: WebSocket) => void

/** What the app finds beside a request that asks to become a socket. */
interface SocketBindings {
  readonly incoming: IncomingMessage
  /** The connection, before it is a socket. */
  readonly connection: Socket
  taken?: Taken
}

type Answer = (request: Request, bindings: object) => Response | Promise<Response>

/** Whether the request may become a socket. Other kinds of upgrades, such as Java's `h2c`, are answered as if none was asked for. */
const asksForSocket = ({ method, url = '', headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && PATH.test(url)

/** What the request of a route came with; `undefined` where it asks for no socket, or no server of Node has it. */
export function bindingsOf(c: Context): SocketBindings | undefined {
  const env = c.env as Partial<SocketBindings> | undefined
  return env?.connection && (env as SocketBindings)
}

/** Has the request become a socket. The answer is only for those who look at it on its way. */
export function takeSocket(bindings: SocketBindings, taken: Taken): Response {
  bindings.taken = taken
  return new Response(null)
}

/** Whether a route has taken the request. */
export const isTaken = (c: Context): boolean => bindingsOf(c)?.taken !== undefined

const OPTIONS: ServerOptions & { closeTimeout: number } = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MAX_PAYLOAD,
  closeTimeout: CLOSE_TIMEOUT_MS,
  handleProtocols: (offered) => offered.has(TAIL_PROTOCOL) && TAIL_PROTOCOL,
}

export class Sockets {
  readonly asked: (request: IncomingMessage) => boolean = asksForSocket
  readonly #answer: Answer
  readonly #server = new WebSocketServer(OPTIONS)
  /** Those that became sockets, and those that still ask. */
  readonly #connections = new Set<Socket>()

  constructor(answer: Answer) {
    this.#answer = answer
  }

  /** @param onUpgrade told of each connection that is none of HTTP any more */
  attend(server: Server, onUpgrade: (connection: Socket) => void): void {
    server.on('upgrade', (request: IncomingMessage, connection: Socket, head: Buffer) => {
      if (!asksForSocket(request)) return asBefore(server, request, connection, head)
      onUpgrade(connection)
      connection.on('error', ignore)
      this.#connections.add(connection)
      connection.once('close', () => this.#connections.delete(connection))
      this.#upgrade(request, connection, head).catch(() => connection.destroy())
    })
  }

  /** Cuts all of them. */
  cut(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  async #upgrade(incoming: IncomingMessage, connection: Socket, head: Buffer): Promise<void> {
    unveil(incoming)
    const { host = 'localhost' } = incoming.headers
    const bindings: SocketBindings = { incoming, connection }
    const headers = Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
      values.map((value): [string, string] => [name, value]),
    )
    const response = await this.#answer(new Request(`http://${host}${incoming.url}`, { headers }), bindings)
    if (connection.destroyed) return
    const { taken } = bindings
    if (taken === undefined) return refuse(connection, response)
    this.#server.handleUpgrade(incoming, connection, head, taken)
  }
}

const ignore = () => undefined

/** Answers as HTTP, and closes. */
async function refuse(connection: Socket, response: Response): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer())
  const { status, headers } = response
  const fields = [...headers].filter(([name]) => name !== 'connection' && name !== 'content-length')
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
    'connection: close',
  ]
  // A client that takes nothing, or does not close its side, would keep the connection, and the gateway from stopping.
  connection.setTimeout(CLOSE_TIMEOUT_MS, () => connection.destroy())
  connection.once('finish', () => connection.destroy())
  connection.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]))
}

/** Node before 24.9 takes every upgrade: it gets the connection back with the request, without what asks for one. */
function asBefore(server: Server, request: IncomingMessage, connection: Socket, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  const { rawHeaders } = request
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at]!, rawHeaders[at + 1]!]
    if (/^(?:upgrade|http2-settings)$/i.test(name)) continue
    lines.push(`${name}: ${/^connection$/i.test(name) ? 'keep-alive' : value}`)
  }
  connection.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit(server instanceof TlsServer ? 'secureConnection' : 'connection', connection)
}
