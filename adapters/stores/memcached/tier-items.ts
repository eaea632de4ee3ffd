/** The items of a tier in Memcached: looked at, stored and removed by CAS, server by server. @module */
import type { TierItem, TierPlace, TierWrite } from '../../../src/ports/tier.ts'
import { inOrderOf } from '../shared/concurrency.ts'
import { takesPlaceOf } from '../shared/item-head.ts'
import { itemName } from '../shared/item-name.ts'
import type { MemcachedConnection, MemcachedServer } from './connection.ts'
import { PipelinedCall } from './pipelined-call.ts'
import { expiryOf } from './expiry.ts'
import { failureError, isTooLarge } from './failure.ts'
import { MetaFailure, type MetaReply, type MetaRequest } from './meta.ts'
import { condition } from './sink-writes.ts'
import { decodeItem, encodeItem, type TierValue } from './tier-item.ts'

/** A write that has met other writes at its key this often stores nothing: readers miss. */
const MAX_ROUNDS = 32
/** Memcached takes 30 days or more for a time of its own clock. The bound costs a miss a month. */
const MAX_TTL_MS = 29 * 86_400_000

/** Something to do with an item. */
interface Named<T> {
  readonly name: string
  readonly thing: T
}

/** All items of one tier: every read, write and delete below a prefix. */
export class TierItems {
  readonly #connection: MemcachedConnection
  readonly #prefix: string
  #ignored = 0

  constructor(connection: MemcachedConnection, prefix: string) {
    this.#connection = connection
    this.#prefix = prefix
  }

  get ignored(): number {
    return this.#ignored
  }

  async get(
    place: TierPlace,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, TierItem>> {
    const found = new Map<string, TierItem>()
    const each = async (conversation: ServerConversation, named: readonly Named<string>[]) => {
      const replies = await conversation(named.map(({ name }) => ({ verb: 'mg', key: name, flags: ['v'] })))
      for (const [at, { thing: key }] of named.entries()) {
        const value = this.#valueOf(replies[at])
        if (value) found.set(key, { bytes: value.bytes, asOf: value.asOf, covered: false })
      }
    }
    const unique = [...new Set(keys)]
    const outcomes = await this.#spread(place, unique, (key) => key, signal, each)
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed && outcomes.every(({ status }) => status === 'rejected')) throw failed.reason
    return inOrderOf(unique, found)
  }

  async set(place: TierPlace, writes: readonly TierWrite[], signal: AbortSignal): Promise<void> {
    const alive = writes.filter(({ ttlMs }) => ttlMs > 0)
    const each = async (ask: ServerConversation, named: readonly Named<TierWrite>[]) => {
      let left = named
      for (let round = 0; left.length > 0 && round < MAX_ROUNDS; round++) {
        const there = await this.#look(ask, left)
        const wanted = left.flatMap((one) => {
          const { value, cas } = there.get(one)!
          return takesPlaceOf(one.thing, place.logId, value) ? [{ one, cas }] : []
        })
        const replies = await ask(wanted.map(({ one, cas }) => storing(one, cas, place.logId)))
        // Readers miss a value that the server refuses.
        left = wanted.filter((_, at) => !isSettled(replies[at])).map(({ one }) => one)
      }
    }
    mustSucceed(await this.#spread(place, alive, ({ key }) => key, signal, each))
  }

  async remove(
    place: TierPlace,
    keys: readonly string[],
    offset: number,
    signal: AbortSignal,
  ): Promise<void> {
    const each = async (ask: ServerConversation, named: readonly Named<string>[]) => {
      const there = await this.#look(ask, named)
      const old = named.flatMap((one) => {
        const { value, cas } = there.get(one)!
        if (!value || value.asOf > offset || cas === undefined) return []
        return [{ verb: 'md', key: one.name, flags: [`C${cas}`] } as const]
      })
      // A value that another write has put in its place meanwhile is newer, and stays.
      for (const reply of await ask(old)) if (reply instanceof MetaFailure) throw failureError(reply)
    }
    mustSucceed(await this.#spread(place, keys, (key) => key, signal, each))
  }

  async #look<T>(ask: ServerConversation, named: readonly Named<T>[]) {
    const replies = await ask(named.map(({ name }) => ({ verb: 'mg', key: name, flags: ['v', 'c'] })))
    return new Map(
      named.map((one, at) => {
        const reply = replies[at]
        const cas = reply instanceof MetaFailure ? undefined : reply?.cas
        return [one, { value: this.#valueOf(reply), cas }] as const
      }),
    )
  }

  #valueOf(reply: MetaReply | MetaFailure | undefined): TierValue | undefined {
    if (reply instanceof MetaFailure) throw failureError(reply)
    if (reply?.code !== 'VA') return undefined
    const value = reply.value && decodeItem(reply.value)
    if (!value) this.#ignored++
    return value
  }

  /** Asks each server by itself: a server that is down or slow does not hold up the others. */
  async #spread<T>(
    { namespace }: TierPlace,
    things: readonly T[],
    keyOf: (thing: T) => string,
    signal: AbortSignal,
    each: (ask: ServerConversation, named: readonly Named<T>[]) => Promise<void>,
  ): Promise<readonly PromiseSettledResult<void>[]> {
    const names = await Promise.all(things.map((thing) => itemName(this.#prefix, namespace, keyOf(thing))))
    const byServer = new Map<MemcachedServer, Named<T>[]>()
    for (const [at, thing] of things.entries()) {
      const name = names[at]!
      const server = this.#connection.serverOf(name)
      const there = byServer.get(server)
      if (there) there.push({ name, thing })
      else byServer.set(server, [{ name, thing }])
    }
    return Promise.allSettled(
      [...byServer].map(async ([server, named]) => {
        const talk = new PipelinedCall(this.#connection, signal)
        await each((requests) => talk.ask(requests.map((request) => ({ server, request }))), named)
      }),
    )
  }
}

type ServerConversation = (requests: readonly MetaRequest[]) => Promise<readonly (MetaReply | MetaFailure)[]>

function mustSucceed(outcomes: readonly PromiseSettledResult<void>[]): void {
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

function storing(
  { name, thing }: Named<TierWrite>,
  cas: string | undefined,
  logId: string | undefined,
): MetaRequest {
  const { bytes, asOf, version, ttlMs } = thing
  const expiry = expiryOf(Math.min(ttlMs, MAX_TTL_MS), 0)
  const value = encodeItem({ bytes, asOf, version, logId })
  return { verb: 'ms', key: name, flags: [condition(cas), `T${expiry}`], value }
}

function isSettled(reply: MetaReply | MetaFailure | undefined): boolean {
  if (!(reply instanceof MetaFailure)) return reply?.code === 'HD'
  if (isTooLarge(reply.message)) return true
  throw failureError(reply)
}
