/** Ports of the loopback, for servers of tests. @module */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const FIRST_PORT = 20_000
const PORTS = 10_000

/**
 * Free ports. Below those that the system gives to outgoing connections (32768 and up on Linux): a server that goes
 * and comes back would sooner or later find its port taken by a client that tries to connect to it.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held: { readonly port: number; readonly release: () => Promise<void> }[] = []
  // All are held at once, so that no two are the same.
  while (held.length < count) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    const release = await hold(port)
    if (release) held.push({ port, release })
  }
  for (const { release } of held) await release()
  return held.map(({ port }) => port)
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

async function hold(port: number): Promise<(() => Promise<void>) | undefined> {
  const server = createServer()
  const listening = once(server, 'listening')
  server.listen(port, '127.0.0.1')
  try {
    await listening
  } catch {
    return undefined
  }
  return async () => {
    const closed = once(server, 'close')
    server.close()
    await closed
  }
}

/** Whether a server listens on `host:port`. */
export async function listens(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
