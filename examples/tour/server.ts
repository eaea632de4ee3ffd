/**
 * One HTTP server of the demo, on this machine only.
 *
 * @module
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'

export const HOST = '127.0.0.1'

/** Which port is wanted, and whether another one will do when it is taken. */
export interface PortWish {
  /** 0 for any that is free. */
  readonly port: number
  readonly orAnother: boolean
}

/** An error at start that needs no stack trace: its message is all there is to say. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** What an error has to say, for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/**
 * The port to listen on: the one that is wanted if it is free at this moment, else 0 for any other.
 * @throws StartError when the port cannot be had and no other will do.
 */
export async function choosePort({ port, orAnother }: PortWish): Promise<number> {
  const probe = createServer()
  try {
    probe.listen(port, HOST)
    await once(probe, 'listening')
    return port
  } catch (cause) {
    const code = codeOf(cause)
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw cause
    if (orAnother) return 0
    const reason = code === 'EACCES' ? 'is not allowed' : 'is taken'
    throw new StartError(`Port ${port} ${reason}. Choose others with --port.`, { cause })
  } finally {
    probe.close()
  }
}

/** Something that listens. */
export interface OpenServer {
  /** Without a trailing slash. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves `app`. Closing it also ends connections that are kept alive.
 * @throws StartError as {@link choosePort} does.
 */
export async function serveApp(app: Hono, wish: PortWish): Promise<OpenServer> {
  const server = createAdaptorServer({ fetch: app.fetch })
  server.listen(await choosePort(wish), HOST)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a server without a port')
  return {
    url: `http://${HOST}:${address.port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      if ('closeAllConnections' in server) server.closeAllConnections()
      await closed
    },
  }
}
