/** Stands before a gateway and notes what is asked of it. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface AskedPaths extends AsyncDisposable {
  readonly url: string
  /** The method and path of each request so far, without its query. */
  readonly asked: string[]
}

/** What belongs to a connection, or follows from the body. */
const OWN_HEADERS = ['host', 'connection', 'content-length', 'transfer-encoding']

export async function askedPaths(target: string): Promise<AskedPaths> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url!.split('?')[0]}`)
    pass(target, request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
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
