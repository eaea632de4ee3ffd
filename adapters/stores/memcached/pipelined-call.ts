/** The requests of one call, each to its server, every server over one connection. @module */
import type { MemcachedConnection, MemcachedServer, MemcachedSession } from './connection.ts'
import type { MetaFailure, MetaReply, MetaRequest } from './meta.ts'

export interface Addressed {
  readonly server: MemcachedServer
  readonly request: MetaRequest
}

/**
 * A server that restarts counts its CAS tokens from the beginning: a token read before the restart may name
 * another item after it. Within a conversation that cannot happen, because it ends with its first broken
 * connection.
 */
export class PipelinedCall {
  readonly connection: MemcachedConnection
  readonly signal: AbortSignal
  readonly #sessions = new Map<MemcachedServer, Promise<MemcachedSession>>()

  constructor(connection: MemcachedConnection, signal: AbortSignal) {
    this.connection = connection
    this.signal = signal
  }

  /**
   * Sends each server all its requests at once. Replies are in the order of requests.
   * @throws KedgeError; `signal.reason`
   */
  async ask(asked: readonly Addressed[]): Promise<readonly (MetaReply | MetaFailure)[]> {
    const byServer = new Map<MemcachedServer, number[]>()
    for (const [index, { server }] of asked.entries()) {
      const there = byServer.get(server)
      if (there) there.push(index)
      else byServer.set(server, [index])
    }
    const replies: (MetaReply | MetaFailure)[] = []
    const exchanges = [...byServer].map(async ([server, indexes]) => {
      const session = await this.#open(server)
      const requests = indexes.map((index) => asked[index]!.request)
      const found = await session.exchange(requests, this.signal)
      for (const [at, index] of indexes.entries()) replies[index] = found[at]!
    })
    await Promise.all(exchanges)
    return replies
  }

  #open(server: MemcachedServer): Promise<MemcachedSession> {
    const open = this.#sessions.get(server) ?? server.open(this.signal)
    this.#sessions.set(server, open)
    return open
  }
}
