/**
 * Writes that wait to be persisted, as the open intents tell: for features that write behind, and for what reads beside them.
 *
 * @module
 */
import { MAX_INTENT_MS } from '../wire/messages.ts'
import type { NamespaceIntents } from './namespace-intents.ts'
import type { OpenIntents } from './write-intents.ts'

/** A write that waits to be persisted. */
export interface PendingWrite {
  readonly id: string
  /** Where it stands in `cache-writes`. */
  readonly partition: number
  readonly offset: number
  /** The position after the last intent of the key: as of it the write is the key's value. */
  readonly asOf: number
}

/** The write of the key that waits to be persisted. */
export const pendingWrite = (intents: NamespaceIntents, key: string): PendingWrite | undefined =>
  intents.table && writeOf(intents.table, key, intents.now())

/** How many writes wait to be persisted, and whether one of them is overdue. */
export const pendingWrites = (intents: NamespaceIntents): { count: number; overdue: boolean } =>
  intents.table ? writesIn(intents.table, intents.now()) : { count: 0, overdue: false }

/** The write of the key that waits: the last one, as they will be persisted. */
export function writeOf({ opened, byKey }: OpenIntents, key: string, now: number): PendingWrite | undefined {
  let last: PendingWrite | undefined
  let asOf = 0
  for (const id of byKey.get(key) ?? []) {
    const { write, until, offset } = opened.get(id)!
    if (write === undefined || until <= now) continue
    // Writes of one partition reach the source in its order (decision 63). Of two partitions (after their number
    // was changed) the later intent decides.
    const isLater =
      last === undefined ||
      (write.partition === last.partition ? write.offset > last.offset : offset + 1 >= asOf)
    asOf = Math.max(asOf, offset + 1)
    if (isLater) last = { id, ...write, asOf }
  }
  return last && { ...last, asOf }
}

/** How many writes wait, and whether one of them is overdue. */
export function writesIn({ opened }: OpenIntents, now: number): { count: number; overdue: boolean } {
  let count = 0
  let overdue = false
  for (const { write, until } of opened.values()) {
    if (write === undefined) continue
    if (now < until) count++
    // Not for ever: this isolate may have missed the eviction that closed it.
    else if (now < until + MAX_INTENT_MS) overdue = true
  }
  return { count, overdue }
}
