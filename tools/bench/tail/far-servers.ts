/** What stands far from the isolates, or has an address of its own: the gateway over a long way, and the source. @module */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Served {
  readonly url: string
  readonly requests: () => number
  close(): Promise<void>
}

/** The way to the server of this address, longer by so many milliseconds there and back. */
export const farFrom = (url: string, roundTripMs: number): Promise<Served> =>
  serve(async (path, headers) => {
    await sleep(roundTripMs / 2)
    const answer = await fetch(url + path, { headers })
    const told = await answer.text()
    await sleep(roundTripMs / 2)
    return { status: answer.status, headers: answer.headers, text: told }
  })

/** A source that answers with a number. */
export const serveSource = (valueOf: (key: string) => number): Promise<Served> =>
  serve(async (path) => ({ status: 200, headers: new Headers(), text: String(valueOf(path.slice(1))) }))

/** Without those of the connection that they came by. */
function passedOn(headers: Headers): Headers {
  const passed = new Headers(headers)
  for (const name of [
    'host',
    'connection',
    'content-encoding',
    'content-length',
    'keep-alive',
    'transfer-encoding',
  ])
    passed.delete(name)
  return passed
}

interface Told {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Answers GET requests. */
async function serve(answer: (path: string, headers: Headers) => Promise<Told>): Promise<Served> {
  let requests = 0
  const listener: RequestListener = (request, response) => {
    requests++
    void (async () => {
      const asked = new Headers(request.headers as Record<string, string>)
      const told = await answer(request.url!, passedOn(asked))
      response.setHeaders(passedOn(told.headers))
      response.writeHead(told.status).end(told.text)
    })().catch(() => response.destroy())
  }
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a server without a port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests: () => requests,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
