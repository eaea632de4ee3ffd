/**
 * Intents: writes to the source that a writer has announced, and whose outcome is not in the log yet.
 *
 * A writer that dies between its commit and its eviction leaves no trace of the commit in the log. So it
 * announces the write first. From then on isolates hold nothing that they load of the key, until an eviction
 * closes the intent, or its time is over and the commit can no longer happen (decision 52). When a load **began**
 * decides.
 *
 * Times are those of a monotonic clock, given by the caller (decision 54). Bounded, in all and for each sender: beyond
 * the limits more is barred, never less; but not everything, because every writer of the log may announce writes.
 *
 * @module
 */
import { BarredBuckets } from './barred-buckets.ts'
import type { Intent } from '../wire/read-eviction.ts'

export interface OpenIntent {
  keys: readonly string[]
  /** A load that began before this may be older than the commit. */
  until: number
  write: Intent['write']
  /** The cache that announced it, as it says; `''` where it says nothing. */
  readonly sender: string
  /** Where the intent stands; -1 where that is not known. */
  offset: number
}

/** Keys of open intents; beyond it, buckets of keys are barred instead of those of the sender that has announced most. */
const MAX_KEYS = 4096
/** Those of one sender: none pushes out what the others have announced. */
const MAX_KEYS_OF_SENDER = 1024
/** Closed ids that are remembered: the log returns our own intents after we have closed them. */
const MAX_CLOSED = 1024

/** The intents that are open. */
export interface OpenIntents {
  /** By id. */
  readonly opened: ReadonlyMap<string, Readonly<OpenIntent>>
  /** The ids of each key. */
  readonly byKey: ReadonlyMap<string, ReadonlySet<string>>
}

export class WriteIntents implements OpenIntents {
  readonly opened: Map<string, OpenIntent> = new Map()
  readonly byKey: Map<string, Set<string>> = new Map()
  readonly #closed = new Set<string>()
  readonly #bySender = new Map<string, number>()
  #keys = 0
  /** What stands for the intents that are forgotten. */
  readonly #barred = new BarredBuckets()
  /** Bars loads of any key that began before: intents may have been missed. */
  #missedUntil = -Infinity

  /** Takes in an intent. Returns whether it is new, and not closed already. */
  open(keys: readonly string[], { id, ttlMs, write, from = '' }: Intent, now: number, offset = 0): boolean {
    const known = this.opened.get(id)
    const fresh = known ? keys.filter((key) => !known.keys.includes(key)) : keys
    if (known) known.offset = Math.max(known.offset, offset)
    if (this.#closed.has(id) || fresh.length === 0) return false
    // Split among several records it has one id; the first of them speaks for its keys.
    const open = known ?? { keys: [], until: -Infinity, write, sender: from, offset }
    open.keys = [...open.keys, ...fresh]
    open.until = Math.max(open.until, now + ttlMs)
    open.write = write
    this.opened.set(id, open)
    const { sender } = open
    for (const key of fresh) {
      const ids = this.byKey.get(key)
      if (ids) ids.add(id)
      else this.byKey.set(key, new Set([id]))
    }
    this.#count(sender, fresh.length)
    if (this.#keys > MAX_KEYS || this.#keysOf(sender) > MAX_KEYS_OF_SENDER) this.#shrink(now, sender)
    return true
  }

  /** Closes an intent, read or not: an intent that is read later counts as closed. */
  close(id: string): void {
    this.#remove(id)
    this.#closed.delete(id)
    this.#closed.add(id)
    if (this.#closed.size > MAX_CLOSED) this.#closed.delete(this.#closed.values().next().value as string)
  }

  /**
   * The log may have been re-created, so the offsets of intents are meaningless. Keeps blocking, but forgets
   * the offsets until the intents are read again.
   */
  forgetOffsets(): void {
    for (const open of this.opened.values()) open.offset = -1
  }

  /** Intents that last no longer than `until` may have been missed; `-Infinity`: none was. */
  missed(until: number): void {
    this.#missedUntil = until
  }

  /** Whether a value whose load began at `began` must not be held. */
  blocks(key: string, began: number): boolean {
    if (began < this.#missedUntil || this.#barred.blocks(key, began)) return true
    const ids = this.byKey.get(key)
    if (ids === undefined) return false
    for (const id of ids) if (began < this.opened.get(id)!.until) return true
    return false
  }

  /** Forgets intents that are over, then the oldest of `sender`, then of the sender that has announced most. */
  #shrink(now: number, sender: string): void {
    for (const [id, { until }] of this.opened) if (until <= now) this.#forget(id)
    if (this.#keysOf(sender) > MAX_KEYS_OF_SENDER) this.#forgetOver(MAX_KEYS_OF_SENDER / 2, sender)
    if (this.#keys <= MAX_KEYS) return
    for (let share = MAX_KEYS_OF_SENDER; share >= 1 && this.#keys > MAX_KEYS / 2; share /= 2)
      this.#forgetOver(share / 2)
  }

  /** Forgets the oldest intents of those who have more keys than their share. @param only of this one alone */
  #forgetOver(share: number, only?: string): void {
    for (const [id, { sender }] of this.opened)
      if ((only === undefined || only === sender) && this.#keysOf(sender) > share) this.#forget(id)
  }

  /** What the intent blocked is blocked for the keys of the same buckets. */
  #forget(id: string): void {
    const { keys, until } = this.opened.get(id)!
    for (const key of keys) this.#barred.bar(key, until)
    this.#remove(id)
  }

  #keysOf(sender: string): number {
    return this.#bySender.get(sender) ?? 0
  }

  #count(sender: string, keys: number): void {
    this.#keys += keys
    const left = this.#keysOf(sender) + keys
    if (left === 0) this.#bySender.delete(sender)
    else this.#bySender.set(sender, left)
  }

  #remove(id: string): void {
    const open = this.opened.get(id)
    if (open === undefined) return
    this.opened.delete(id)
    this.#count(open.sender, -open.keys.length)
    for (const key of open.keys) {
      const ids = this.byKey.get(key)
      ids?.delete(id)
      if (ids?.size === 0) this.byKey.delete(key)
    }
  }
}
