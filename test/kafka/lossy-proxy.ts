/** A connection between a client and a broker that can be cut at the worst moment. @module */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'

export interface LossyProxy {
  /** `127.0.0.1:port`. */
  readonly address: string
  /** The next answer is swallowed, and its connection cut: the broker did what it was asked. */
  loseNextAnswer(): void
  /** How many answers were lost. */
  readonly lost: number
  close(): Promise<void>
}

/** @param target `host:port`, asked for with each connection. */
export async function lossyProxy(target: () => string): Promise<LossyProxy> {
  const sockets = new Set<Socket>()
  let losing = false
  let lost = 0
  const server = createServer((client) => {
    const [host = '', port] = target().split(':')
    const broker = connect(Number(port), host)
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.pipe(broker)
    broker.on('data', (answer) => {
      if (losing) {
        losing = false
        lost++
        client.destroy()
      } else {
        client.write(answer)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  return {
    address: `127.0.0.1:${typeof bound === 'object' && bound ? bound.port : 0}`,
    loseNextAnswer: () => void (losing = true),
    get lost() {
      return lost
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
