/** A wire between clients and a server that can be cut and slowed. @module */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'

export class Wire {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** How long each piece of data takes, either way. */
  delayMs = 0

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const server = connect(target, '127.0.0.1')
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => to.destroy())
        from.on('close', () => {
          this.#sockets.delete(from)
          to.destroy()
        })
        from.pipe(this.#slow()).pipe(to)
      }
    })
  }

  static async to(target: number): Promise<Wire> {
    const wire = new Wire(target)
    wire.#server.listen(0, '127.0.0.1')
    await once(wire.#server, 'listening')
    return wire
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  /** Cuts every connection, whatever is under way on it. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #slow(): Transform {
    return new Transform({
      transform: (piece, _, done) => {
        if (this.delayMs === 0) done(null, piece)
        else setTimeout(() => done(null, piece), this.delayMs)
      },
    })
  }
}
