/** A tier over a store that keeps items and follows no log: each value is judged by its own as-of. @module */
import type { Tier, TierItem, TierPlace, TierWrite } from '../../../src/ports/tier.ts'
import { answeredWithin } from '../../deadline.ts'

/** The items of such a store. */
export interface Items {
  /** Items in the store that no tier has written. */
  readonly ignored: number
  get(place: TierPlace, keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TierItem>>
  set(place: TierPlace, writes: readonly TierWrite[], signal: AbortSignal): Promise<void>
  remove(place: TierPlace, keys: readonly string[], offset: number, signal: AbortSignal): Promise<void>
}

export const tierOfItems = (
  name: string,
  items: Items,
  timeoutMs: number,
): Tier & { readonly ignored: number } => ({
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
})
