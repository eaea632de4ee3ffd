/**
 * A tier over a store that keeps items and follows no log: each value is judged by its own as-of.
 *
 * What differs between stores is an {@link ItemSession}: how items are looked at, put and removed.
 *
 * @module
 */
import type { Tier, TierItem, TierPlace, TierWrite } from '../../../src/ports/tier.ts'
import { answeredWithin } from '../../deadline.ts'
import { inGroups, inOrderOf } from './concurrency.ts'
import { type ItemHead, takesPlaceOf } from './item-head.ts'
import { itemName } from './item-name.ts'

/** A write that has met other writes at its key this often stores nothing: readers miss. */
const MAX_ROUNDS = 32

/** An item as it was found. */
export interface FoundItem {
  /** `undefined` for what another program wrote. */
  readonly head: ItemHead | undefined
  /** The value, where values were asked for: `undefined` for what another program wrote, or too large. */
  readonly bytes?: Uint8Array | undefined
  /** Where the store compares before it sets: what it compares. */
  readonly cas?: string | undefined
}

/** Something to do with the item of this name. */
export interface Named<T> {
  readonly name: string
  readonly thing: T
}

export interface ItemWrite extends Named<TierWrite> {
  readonly head: ItemHead
  /** That of the item in whose place it goes; `undefined` where there was none. */
  readonly cas: string | undefined
}

/** The way of one call to items that are asked for together, and fail together. */
export interface ItemSession {
  /** The items that are there, by name. */
  look(names: readonly string[], what: 'values' | 'heads'): Promise<ReadonlyMap<string, FoundItem>>
  /** Stores what it can. Returns the writes that another one has overtaken since the look. */
  put(writes: readonly ItemWrite[]): Promise<readonly ItemWrite[]>
  /** Removes the items, unless others have taken their places since the look. */
  remove(items: readonly Named<FoundItem>[]): Promise<void>
}

export interface ItemStore<Group> {
  /** Items of the same group go through one session: those of one server, say. */
  groupOf(name: string): Group
  /** How many groups are asked at once. @default all */
  readonly groupsAtOnce?: number
  open(group: Group, signal: AbortSignal): ItemSession
}

export interface ItemTierOptions {
  readonly name: string
  /** Begins the name of every item. */
  readonly prefix: string
  readonly timeoutMs: number
  /** What has less to live is not written. @default 0 */
  readonly minTtlMs?: number
  /** What is larger is not written. @default the store's own bound */
  readonly maxValueBytes?: number
}

export interface ItemTier extends Tier {
  /** Items in the store that no tier has written. */
  readonly ignored: number
}

export function tierOfItems<Group>(store: ItemStore<Group>, options: ItemTierOptions): ItemTier {
  const items = new TierItems(store, options)
  const { name, timeoutMs } = options
  return {
    name,
    get ignored() {
      return items.ignored
    },
    getMany: (place, keys, call = {}) =>
      answeredWithin(timeoutMs, call.signal, async (signal) => ({
        items: await items.get(place, keys, signal),
        applied: undefined,
      })),
    setMany: (place, writes, call = {}) =>
      answeredWithin(timeoutMs, call.signal, (signal) => items.set(place, writes, signal)),
    deleteMany: (place, keys, offset, call = {}) =>
      answeredWithin(timeoutMs, call.signal, (signal) => items.remove(place, keys, offset, signal)),
  }
}

class TierItems<Group> {
  ignored = 0
  readonly #store: ItemStore<Group>
  readonly #options: ItemTierOptions

  constructor(store: ItemStore<Group>, options: ItemTierOptions) {
    this.#store = store
    this.#options = options
  }

  /** A key whose group cannot be read is a miss. @throws what the store throws where no group can be read. */
  async get(
    place: TierPlace,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, TierItem>> {
    const found = new Map<string, TierItem>()
    const unique = [...new Set(keys)]
    const { groups, failures } = await this.#spread(place, unique, String, signal, async (session, named) => {
      const there = await this.#look(session, named, 'values')
      for (const { name, thing: key } of named) {
        const { head, bytes } = there.get(name) ?? {}
        if (head && bytes) found.set(key, { bytes, asOf: head.asOf, covered: false })
        else if (head) this.ignored++
      }
    })
    if (failures.length > 0 && failures.length === groups) throw failures[0]
    return inOrderOf(unique, found)
  }

  async set(place: TierPlace, writes: readonly TierWrite[], signal: AbortSignal): Promise<void> {
    const { minTtlMs = 0, maxValueBytes = Infinity } = this.#options
    const { logId } = place
    const fit = writes.filter(
      ({ bytes, ttlMs }) => ttlMs > 0 && ttlMs >= minTtlMs && bytes.length <= maxValueBytes,
    )
    const { failures } = await this.#spread(
      place,
      fit,
      ({ key }) => key,
      signal,
      async (session, named) => {
        let left = named
        for (let round = 0; left.length > 0 && round < MAX_ROUNDS; round++) {
          const there = await this.#look(session, left, 'heads')
          const wanted = left.filter(({ name, thing }) => takesPlaceOf(thing, logId, there.get(name)?.head))
          left = await session.put(
            wanted.map(({ name, thing }) => {
              const { asOf, version } = thing
              return { name, thing, head: { asOf, version, logId }, cas: there.get(name)?.cas }
            }),
          )
        }
      },
    )
    if (failures.length > 0) throw failures[0]
  }

  async remove(
    place: TierPlace,
    keys: readonly string[],
    offset: number,
    signal: AbortSignal,
  ): Promise<void> {
    const unique = [...new Set(keys)]
    const { failures } = await this.#spread(place, unique, String, signal, async (session, named) => {
      const there = await this.#look(session, named, 'heads')
      const found = [...there].map(([name, thing]) => ({ name, thing }))
      await session.remove(found.filter(({ thing: { head } }) => head && head.asOf <= offset))
    })
    if (failures.length > 0) throw failures[0]
  }

  async #look(session: ItemSession, named: readonly Named<unknown>[], what: 'values' | 'heads') {
    const names = new Set(named.map(({ name }) => name))
    const there = await session.look([...names], what)
    for (const { head } of there.values()) if (!head) this.ignored++
    return there
  }

  /** Works group by group: one whose server is down or slow does not hold up the others. */
  async #spread<T>(
    { namespace }: TierPlace,
    things: readonly T[],
    keyOf: (thing: T) => string,
    signal: AbortSignal,
    work: (session: ItemSession, named: readonly Named<T>[]) => Promise<void>,
  ): Promise<{ readonly groups: number; readonly failures: readonly unknown[] }> {
    const { prefix } = this.#options
    const names = await Promise.all(things.map((thing) => itemName(prefix, namespace, keyOf(thing))))
    const groups = new Map<Group, Named<T>[]>()
    for (const [at, thing] of things.entries()) {
      const name = names[at]!
      const group = this.#store.groupOf(name)
      const there = groups.get(group)
      if (there) there.push({ name, thing })
      else groups.set(group, [{ name, thing }])
    }
    const failures: unknown[] = []
    const most = this.#store.groupsAtOnce ?? groups.size
    await inGroups([...groups], most, signal, async ([group, named]) => {
      try {
        await work(this.#store.open(group, signal), named)
      } catch (error) {
        failures.push(error)
      }
    })
    return { groups: groups.size, failures }
  }
}
