/** Stands before a gateway and notes what is asked of it. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface AskedPaths extends AsyncDisposable {
  readonly url: string
  /** The method and path of each request so far, without its query; `SOCKET` is the method of those that ask to become one. */
  readonly asked: string[]
  /** What the requests for a socket said of who sends them. */
  readonly credentials: (string | undefined)[]
  /** How many sockets are open. */
  readonly open: () => number
}

/** What belongs to a connection, or follows from the body. */
const OWN_HEADERS = ['host', 'connection', 'content-length', 'transfer-encoding']

export async function askedPaths(target: string): Promise<AskedPaths> {
  const asked: string[] = []
  const credentials: (string | undefined)[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url!.split('?')[0]}`)
    pass(target, request, response).catch(() => response.destroy())
  })
  server.on('upgrade', (request, connection: Socket, head) => {
    asked.push(`SOCKET ${request.url!.split('?')[0]}`)
    credentials.push(request.headers.authorization)
    sockets.add(connection)
    connection.once('close', () => sockets.delete(connection))
    passSocket(target, request, connection, head)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    credentials,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** As it came, and all that follows it both ways. */
function passSocket(target: string, request: IncomingMessage, connection: Socket, head: Buffer): void {
  const { hostname, port } = new URL(target)
  const lines = [`${request.method} ${request.url} HTTP/1.1`]
  const { rawHeaders } = request
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  const behind = connect(Number(port), hostname)
  behind.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  connection.pipe(behind).pipe(connection)
  for (const [one, other] of [
    [connection, behind],
    [behind, connection],
  ] as const) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
}

async function pass(target: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request)
  const headers = Object.entries(request.headers).filter(
    (entry): entry is [string, string] => !OWN_HEADERS.includes(entry[0]),
  )
  const answer = await fetch(`${target}${request.url}`, {
    method: request.method!,
    headers,
    ...(body.length > 0 && { body: new Uint8Array(body) }),
  })
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  response.end(new Uint8Array(await answer.arrayBuffer()))
}
