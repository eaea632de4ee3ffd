/** The items of a tier in Memcached: looked at, stored and removed by CAS, server by server. @module */
import type { FoundItem, ItemSession, ItemStore, ItemWrite, Named } from '../shared/tier-of-items.ts'
import type { MemcachedConnection, MemcachedServer } from './connection.ts'
import { PipelinedCall } from './pipelined-call.ts'
import { expiryOf } from './expiry.ts'
import { failureError, isTooLarge } from './failure.ts'
import { MetaFailure, type MetaReply, type MetaRequest } from './meta.ts'
import { condition } from './sink-writes.ts'
import { decodeItem, encodeItem } from './tier-item.ts'

/** Memcached takes 30 days or more for a time of its own clock. The bound costs a miss a month. */
const MAX_TTL_MS = 29 * 86_400_000

export const memcachedItems = (connection: MemcachedConnection): ItemStore<MemcachedServer> => ({
  groupOf: (name) => connection.serverOf(name),
  open: (server, signal) => new MemcachedTierSession(server, new PipelinedCall(connection, signal)),
})

class MemcachedTierSession implements ItemSession {
  readonly #server: MemcachedServer
  /** One for the whole session: a CAS token says nothing over another connection. */
  readonly #call: PipelinedCall

  constructor(server: MemcachedServer, call: PipelinedCall) {
    this.#server = server
    this.#call = call
  }

  async look(names: readonly string[], what: 'values' | 'heads'): Promise<ReadonlyMap<string, FoundItem>> {
    const flags = what === 'values' ? ['v'] : ['v', 'c']
    const replies = await this.#ask(names.map((key) => ({ verb: 'mg', key, flags })))
    const found = new Map<string, FoundItem>()
    for (const [at, name] of names.entries()) {
      const reply = replies[at]
      if (reply instanceof MetaFailure) throw failureError(reply)
      if (reply?.code !== 'VA') continue
      const value = reply.value && decodeItem(reply.value)
      found.set(name, { head: value, bytes: value?.bytes, cas: reply.cas })
    }
    return found
  }

  async put(writes: readonly ItemWrite[]): Promise<readonly ItemWrite[]> {
    const replies = await this.#ask(writes.map(storing))
    // Readers miss a value that the server refuses.
    return writes.filter((_, at) => !isSettled(replies[at]))
  }

  async remove(items: readonly Named<FoundItem>[]): Promise<void> {
    const replies = await this.#ask(
      items.flatMap(({ name: key, thing: { cas } }) =>
        cas === undefined ? [] : [{ verb: 'md', key, flags: [`C${cas}`] }],
      ),
    )
    // A value that another write has put in its place meanwhile is newer, and stays.
    for (const reply of replies) if (reply instanceof MetaFailure) throw failureError(reply)
  }

  #ask(requests: readonly MetaRequest[]): Promise<readonly (MetaReply | MetaFailure)[]> {
    return this.#call.ask(requests.map((request) => ({ server: this.#server, request })))
  }
}

function storing({ name, thing, head, cas }: ItemWrite): MetaRequest {
  const expiry = expiryOf(Math.min(thing.ttlMs, MAX_TTL_MS), 0)
  const value = encodeItem({ ...head, bytes: thing.bytes })
  return { verb: 'ms', key: name, flags: [condition(cas), `T${expiry}`], value }
}

function isSettled(reply: MetaReply | MetaFailure | undefined): boolean {
  if (!(reply instanceof MetaFailure)) return reply?.code === 'HD'
  if (isTooLarge(reply.message)) return true
  throw failureError(reply)
}
